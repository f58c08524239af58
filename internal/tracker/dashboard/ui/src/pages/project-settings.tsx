import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { ApiError } from '../api/client'
import { useProject } from '../api/projects'
import { allows } from '../api/types'
import { change, decode, encode } from '../filters'
import { Fault } from '../parts/fault'
import { Icon } from '../parts/icon'
import parts from '../parts/parts.module.css'
import { useText } from '../text/text'
import { Missing } from './missing'
import { Embed, Key, Policy } from './project-embed'
import { General } from './project-general'
import { State } from './project-state'
import { Switch } from './project-switch'
import css from './project.module.css'
import { useTitle } from './title'

/** Everything about a project that is no report: what it is called, its key, and the lines
 *  for its pages. What a role may not do is not offered; the server refuses it as well. */
export default function ProjectSettings({ id }: { id: string }) {
  const { t } = useText()
  const found = useProject(id)
  const project = found.data
  useTitle(project ? project.name : t.settings.title)
  if (found.isError) {
    const gone = found.error instanceof ApiError && [403, 404, 422].includes(found.error.status)
    return gone ? <Missing /> : <Fault error={found.error} retry={() => void found.refetch()} />
  }
  if (!project) return null
  return (
    <div className={css.page}>
      <nav className={css.trail} aria-label={t.settings.title}>
        <Link href="/projects">
          <Icon name="left" />
          {t.settings.list}
        </Link>
      </nav>
      <header className={css.head}>
        <h1>{project.name}</h1>
        <State active={project.isActive} />
        {project.isActive && (
          <Link href={`/bugs${encode(change(decode(''), { project: id }))}`} className={parts.button}>
            <Icon name="bug" />
            {t.settings.bugs}
          </Link>
        )}
      </header>
      {!project.isActive && (
        <p className={css.off}>
          <strong>{t.settings.off}.</strong> {t.settings.offLead}
        </p>
      )}
      <Section title={t.settings.general} lead={t.settings.generalLead}>
        <General project={project} />
      </Section>
      <Section title={t.settings.key} lead={t.settings.keyLead}>
        <Key project={project} />
      </Section>
      <Section title={t.settings.embed} lead={t.settings.embedLead}>
        <Embed project={project} />
      </Section>
      <Section title={t.settings.policy} lead={t.settings.policyLead}>
        <Policy />
      </Section>
      {allows(project.role, 'owner') && (
        <Section title={t.settings.state} lead={t.settings.changeLead}>
          <Switch project={project} />
        </Section>
      )}
    </div>
  )
}

function Section({ title, lead, children }: { title: string; lead: string; children: ReactNode }) {
  return (
    <section className={css.section} aria-label={title}>
      <div>
        <h2>{title}</h2>
        <p>{lead}</p>
      </div>
      <div className={css.body}>{children}</div>
    </section>
  )
}
