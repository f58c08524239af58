import { Link, useLocation } from 'wouter'
import { useAllProjects } from '../api/projects'
import type { Project } from '../api/types'
import { Fault } from '../parts/fault'
import { Icon } from '../parts/icon'
import parts from '../parts/parts.module.css'
import { useText } from '../text/text'
import { useCreating } from './creating'
import list from './list.module.css'
import { State } from './project-state'
import css from './project.module.css'
import { useTitle } from './title'

/** Every project, with the way to its settings. */
export default function Projects() {
  const { t } = useText()
  useTitle(t.settings.list)
  const create = useCreating()
  const projects = useAllProjects()
  return (
    <>
      <div className={list.head}>
        <h1>{t.settings.list}</h1>
        <button type="button" className={parts.button} onClick={create}>
          <Icon name="plus" />
          {t.nav.newProject}
        </button>
      </div>
      {projects.isError ? (
        <Fault error={projects.error} retry={() => void projects.refetch()} />
      ) : projects.data?.length === 0 ? (
        <p className={css.none}>{t.settings.none}</p>
      ) : (
        <table className={list.table}>
          <caption className="visually-hidden">{t.settings.list}</caption>
          <thead>
            <tr>
              <Head label={t.project.name} />
              <Head label={t.settings.address} className={css.address} />
              <Head label={t.settings.role} className={css.role} />
              <Head label={t.settings.reports} className={css.count} />
              <Head label={t.settings.state} className={css.state} />
            </tr>
          </thead>
          <tbody>
            {projects.data?.map((p) => (
              <Row key={p.id} project={p} />
            ))}
          </tbody>
        </table>
      )}
    </>
  )
}

function Head({ label, className }: { label: string; className?: string | undefined }) {
  return (
    <th scope="col" className={className}>
      <span className={list.sort}>{label}</span>
    </th>
  )
}

function Row({ project }: { project: Project }) {
  const { t } = useText()
  const [, navigate] = useLocation()
  const href = `/projects/${project.id}/settings`
  return (
    <tr
      onClick={(event) => {
        if (event.target instanceof Element && event.target.closest('a')) return
        if (String(getSelection() ?? '') === '') navigate(href)
      }}
    >
      <td>
        <Link href={href} title={project.name}>
          {project.name}
        </Link>
      </td>
      <td className={`${css.address} ${list.soft}`}>{project.domain || t.settings.anywhere}</td>
      <td className={`${css.role} ${list.soft}`}>{t.settings.roles[project.role ?? '']}</td>
      <td className={`${css.count} ${list.soft}`}>{project.reportCount.toLocaleString()}</td>
      <td className={css.state}>
        <State active={project.isActive} />
      </td>
    </tr>
  )
}
