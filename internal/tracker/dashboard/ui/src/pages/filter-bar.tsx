import { useEffect, useRef, useState, type Ref } from 'react'
import { severities, statuses, type Project } from '../api/types'
import { change, defaults, narrowed, toggle, type Filters } from '../filters'
import { SeverityMark, StatusMark } from '../parts/controls'
import { Popup } from '../parts/dialog'
import { Icon } from '../parts/icon'
import parts from '../parts/parts.module.css'
import { useText } from '../text/text'
import css from './list.module.css'

interface Props {
  ref: Ref<HTMLInputElement>
  filters: Filters
  go: (to: Filters) => void
  projects: Project[]
  down: () => void
}

export function FilterBar({ ref, filters, go, projects, down }: Props) {
  const { t } = useText()
  const project = projects.find((p) => p.id === filters.project)
  const isOpen = filters.status.length === defaults.status.length && filters.status.every((s) => defaults.status.includes(s))
  const status = isOpen ? t.list.open : filters.status.length === 0 ? t.list.any : filters.status.map((s) => t.status[s]).join(', ')
  return (
    <form className={css.filters} role="search" aria-label={t.list.filters} onSubmit={(event) => event.preventDefault()}>
      <SearchBox ref={ref} filters={filters} go={go} down={down} />
      <Popup
        className={`${css.token} ${isOpen ? '' : css.changed}`}
        label={
          <>
            {t.list.filterStatus} <b>{status}</b>
            <Icon name="down" />
          </>
        }
      >
        {statuses.map((s) => (
          <label key={s} className={parts.option}>
            <input
              type="checkbox"
              checked={filters.status.length === 0 || filters.status.includes(s)}
              onChange={() => go(change(filters, { status: toggle(filters.status.length === 0 ? statuses : filters.status, s) }))}
            />
            <StatusMark value={s} />
          </label>
        ))}
      </Popup>
      <Popup
        className={`${css.token} ${filters.severity.length > 0 ? css.changed : ''}`}
        label={
          <>
            {t.list.filterSeverity}{' '}
            <b>{filters.severity.length === 0 ? t.list.any : filters.severity.map((s) => t.severity[s]).join(', ')}</b>
            <Icon name="down" />
          </>
        }
      >
        {severities.map((s) => (
          <label key={s} className={parts.option}>
            <input type="checkbox" checked={filters.severity.includes(s)} onChange={() => go(change(filters, { severity: toggle(filters.severity, s) }))} />
            <SeverityMark value={s} />
          </label>
        ))}
      </Popup>
      {project && (
        <button
          type="button"
          className={`${css.token} ${css.changed}`}
          title={t.list.remove(project.name)}
          onClick={() => go(change(filters, { project: '' }))}
        >
          {t.list.project} <b>{project.name}</b>
          <Icon name="close" />
        </button>
      )}
      {narrowed(filters) && (
        <button
          type="button"
          className={`${parts.button} ${parts.quiet}`}
          onClick={() => go(change(filters, { search: '', severity: [], status: defaults.status }))}
        >
          {t.list.reset}
        </button>
      )}
    </form>
  )
}

/** Typing searches after a pause; Enter and leaving the box at once. */
function SearchBox({ ref, filters, go, down }: Omit<Props, 'projects'>) {
  const { t } = useText()
  const [typed, setTyped] = useState(filters.search)
  const sent = useRef(filters.search)
  useEffect(() => {
    if (filters.search !== sent.current) {
      sent.current = filters.search
      setTyped(filters.search)
    }
  }, [filters.search])

  const send = () => {
    if (typed.trim() === sent.current) return
    sent.current = typed.trim()
    go(change(filters, { search: typed.trim() }))
  }
  const latest = useRef(send)
  latest.current = send
  useEffect(() => {
    const timer = setTimeout(() => latest.current(), 300)
    return () => clearTimeout(timer)
  }, [typed])

  return (
    <div className={css.search}>
      <Icon name="search" />
      <input
        ref={ref}
        type="text"
        inputMode="search"
        enterKeyHint="search"
        aria-label={t.list.search}
        placeholder={t.list.search}
        maxLength={200}
        autoComplete="off"
        spellCheck={false}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        onBlur={send}
        onKeyDown={(event) => {
          if (event.nativeEvent.isComposing) return
          if (event.key === 'Enter') send()
          if (event.key === 'ArrowDown') {
            event.preventDefault()
            down()
          }
          if (event.key === 'Escape') setTyped('')
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </div>
  )
}
