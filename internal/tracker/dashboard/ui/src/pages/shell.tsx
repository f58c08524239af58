import { lazy, Suspense, useEffect, useRef, useState, type ReactNode } from 'react'
import { Link, useLocation, useSearch } from 'wouter'
import { useProjects, useSignOut } from '../api/session'
import type { User } from '../api/types'
import { change, decode, encode } from '../filters'
import { Select } from '../parts/controls'
import { Icon } from '../parts/icon'
import parts from '../parts/parts.module.css'
import { recall, remember } from '../preferences'
import { useText } from '../text/text'
import { LanguageSelect, ThemeSelect } from './choices'
import { Creating } from './creating'
import css from './shell.module.css'

const NewProject = lazy(() => import('./new-project'))

/** The frame around every page: sidebar, or a bar with a drawer when narrow. */
export function Shell({ user, children }: { user: User; children: ReactNode }) {
  const { t } = useText()
  const [path] = useLocation()
  const main = useRef<HTMLElement>(null)
  const drawer = useRef<HTMLDialogElement>(null)
  const [creating, setCreating] = useState(false)

  useEffect(() => drawer.current?.close(), [path])

  const create = () => {
    drawer.current?.close()
    setCreating(true)
  }
  return (
    <div className={css.shell}>
      <a
        className={css.skip}
        href="#main"
        onClick={(event) => {
          event.preventDefault()
          main.current?.focus()
        }}
      >
        {t.skip}
      </a>
      <header className={css.bar}>
        <Brand />
        <button type="button" className={`${parts.button} ${parts.quiet}`} onClick={() => drawer.current?.showModal()}>
          <Icon name="menu" />
          {t.nav.menu}
        </button>
      </header>
      <Side user={user} onCreate={create} />
      <dialog
        ref={drawer}
        className={css.drawer}
        aria-label={t.nav.menu}
        onClick={(event) => event.target === drawer.current && drawer.current?.close()}
      >
        <Side user={user} onCreate={create} />
      </dialog>
      <main id="main" ref={main} className={css.main} tabIndex={-1}>
        <Creating value={create}>{children}</Creating>
      </main>
      {creating && (
        <Suspense fallback={null}>
          <NewProject onClose={() => setCreating(false)} />
        </Suspense>
      )}
    </div>
  )
}

function Brand() {
  const { t } = useText()
  return (
    <Link href="/bugs" className={css.brand}>
      <Icon name="spark" size={22} />
      {t.product}
    </Link>
  )
}

function Side({ user, onCreate }: { user: User; onCreate: () => void }) {
  const { t } = useText()
  const signOut = useSignOut()
  const [path, navigate] = useLocation()
  const filters = decode(useSearch())
  const projects = useProjects()
  const onList = path === '/bugs'
  const settled = /^\/projects\/([^/]+)/.exec(path)?.[1]
  const scope = filters.project || (projects.data?.some((p) => p.id === settled) ? (settled ?? '') : '')

  // The project last worked on is where a plain /bugs begins.
  const kept = useRef(false)
  useEffect(() => {
    if (kept.current || !onList || !projects.data) return
    kept.current = true
    const before = recall('project')
    if (!filters.project && before && location.search === '' && projects.data.some((p) => p.id === before)) {
      navigate(`/bugs${encode(change(filters, { project: before }))}`, { replace: true })
    }
  })

  return (
    <aside className={css.side} aria-label={t.nav.menu}>
      <Brand />
      <div className={css.scope}>
        <Select
          label={t.nav.project}
          value={scope}
          onChange={(project) => {
            remember('project', project)
            navigate(`/bugs${encode(change(onList ? filters : decode(''), { project }))}`)
          }}
        >
          <option value="">{t.nav.allProjects}</option>
          {projects.data?.map((p) => (
            <option key={p.id} value={p.id}>
              {p.name}
            </option>
          ))}
        </Select>
        <button type="button" className={`${parts.button} ${parts.square}`} onClick={onCreate} aria-label={t.nav.newProject} title={t.nav.newProject}>
          <Icon name="plus" />
        </button>
      </div>
      <nav className={css.nav} aria-label={t.nav.main}>
        <Link
          href={`/bugs${encode(change(decode(''), { project: scope }))}`}
          className={css.link}
          aria-current={path.startsWith('/bugs') ? 'page' : undefined}
        >
          <Icon name="bug" />
          {t.nav.bugs}
        </Link>
        <Link href="/projects" className={css.link} aria-current={path.startsWith('/projects') ? 'page' : undefined}>
          <Icon name="projects" />
          {t.nav.projects}
        </Link>
      </nav>
      <div className={css.foot}>
        <LanguageSelect />
        <ThemeSelect />
        <div className={css.who}>
          <span className={css.initials} aria-hidden="true">
            {initials(user)}
          </span>
          <span className={css.name}>
            <span>{user.name || user.email}</span>
            {user.name && <span>{user.email}</span>}
          </span>
          <button
            type="button"
            className={`${parts.button} ${parts.quiet} ${parts.square}`}
            onClick={() => signOut.mutate()}
            aria-label={t.nav.signOut}
            title={t.nav.signOut}
          >
            <Icon name="out" />
          </button>
        </div>
      </div>
    </aside>
  )
}

function initials(user: User): string {
  const words = (user.name || user.email).split(/[\s@._-]+/).filter(Boolean)
  return words
    .slice(0, 2)
    .map((w) => [...w][0]?.toUpperCase() ?? '')
    .join('')
}
