import { useEffect, useRef } from 'react'
import { Link, useLocation, useSearch } from 'wouter'
import { useProjects, useReports } from '../api/session'
import type { ReportSummary } from '../api/types'
import { change, decode, encode, narrowed, pageSize, type Filters, type SortKey } from '../filters'
import { Bone, SeverityMark, StatusMark, useSlow } from '../parts/controls'
import { Fault } from '../parts/fault'
import { Icon } from '../parts/icon'
import { useKeys } from '../parts/keys'
import parts from '../parts/parts.module.css'
import { Age, useText } from '../text/text'
import { FilterBar } from './filter-bar'
import css from './list.module.css'
import { Empty } from './list-empty'
import { Pages } from './list-pages'
import { useTitle } from './title'

export function BugList() {
  const { t } = useText()
  useTitle(t.list.title)
  const search = useSearch()
  const filters = decode(search)
  const [, navigate] = useLocation()
  const reports = useReports(filters)
  const projects = useProjects()
  const slow = useSlow(reports.isPending)
  const body = useRef<HTMLTableSectionElement>(null)
  const searchBox = useRef<HTMLInputElement>(null)

  const go = (to: Filters) => navigate(`/bugs${encode(to)}`)
  const focusRow = (step: 1 | -1) => {
    const links = [...(body.current?.querySelectorAll('a') ?? [])]
    const now = links.findIndex((a) => a === document.activeElement)
    const to = links[now === -1 ? (step === 1 ? 0 : links.length - 1) : now + step]
    to?.focus()
  }
  useKeys({
    j: () => focusRow(1),
    k: () => focusRow(-1),
    ArrowDown: (event) => {
      if (!body.current?.contains(document.activeElement)) return
      event.preventDefault()
      focusRow(1)
    },
    ArrowUp: (event) => {
      if (!body.current?.contains(document.activeElement)) return
      event.preventDefault()
      focusRow(-1)
    },
    '/': (event) => {
      event.preventDefault()
      searchBox.current?.focus()
      searchBox.current?.select()
    },
  })

  // Coming back from a report, the focus stands where it was.
  const returned = useRef(false)
  useEffect(() => {
    const id = (history.state as { from?: string } | null)?.from
    if (returned.current || !id) return
    const row = body.current?.querySelector<HTMLElement>(`a[data-id="${CSS.escape(id)}"]`)
    if (!row) return
    returned.current = true
    row.focus()
  }, [reports.data])

  const data = reports.data
  const nothing = data?.items.length === 0
  return (
    <>
      <div className={css.head}>
        <h1>{t.list.title}</h1>
        <span aria-live="polite">{data && t.list.count(data.total, data.totalIsEstimate)}</span>
        {filters.project && (
          <Link href={`/projects/${filters.project}/settings`} className={`${parts.button} ${parts.quiet}`}>
            <Icon name="sliders" />
            {t.settings.title}
          </Link>
        )}
      </div>
      <FilterBar ref={searchBox} filters={filters} go={go} projects={projects.data ?? []} down={() => focusRow(1)} />
      {reports.isError ? (
        <Fault error={reports.error} retry={() => void reports.refetch()} />
      ) : nothing ? (
        <Empty filters={filters} total={data.total} go={go} projects={projects.data} narrowed={narrowed(filters)} />
      ) : (
        <>
          <table
            className={`${css.table} ${reports.isPlaceholderData ? css.fetching : ''}`}
            aria-rowcount={data ? data.total + 1 : -1}
            aria-busy={reports.isFetching}
          >
            <caption className="visually-hidden">{t.list.caption}</caption>
            <thead>
              <tr aria-rowindex={1}>
                <Head name="severity" label={t.list.severity} className={css.severity} filters={filters} go={go} />
                <Head name="trackingId" label={t.list.id} className={css.number} filters={filters} go={go} />
                <Head name="title" label={t.list.name} filters={filters} go={go} />
                {!filters.project && (
                  <th scope="col" className={css.project}>
                    <span className={css.sort}>{t.list.project}</span>
                  </th>
                )}
                <Head name="status" label={t.list.status} className={css.status} filters={filters} go={go} />
                <Head name="createdAt" label={t.list.created} className={css.age} filters={filters} go={go} />
              </tr>
            </thead>
            <tbody ref={body}>
              {data?.items.map((report, i) => (
                <Row
                  key={report.id}
                  report={report}
                  index={(filters.page - 1) * pageSize + i + 2}
                  href={`/bugs/${report.id}${encode(filters)}`}
                  project={filters.project ? undefined : (projects.data?.find((p) => p.id === report.projectId)?.name ?? '')}
                />
              ))}
              {!data && slow && <Skeleton project={!filters.project} />}
            </tbody>
          </table>
          {data && <Pages filters={filters} total={data.total} more={data.totalIsEstimate} go={go} />}
        </>
      )}
    </>
  )
}

interface HeadProps {
  name: SortKey
  label: string
  className?: string | undefined
  filters: Filters
  go: (to: Filters) => void
}

/** A column's head: the first press sorts the interesting end up, the next turns it. */
function Head({ name, label, className, filters, go }: HeadProps) {
  const sorted = filters.sort === name
  const ascending = sorted ? !filters.ascending : name === 'title'
  return (
    <th scope="col" className={className} aria-sort={!sorted ? undefined : filters.ascending ? 'ascending' : 'descending'}>
      <button
        type="button"
        className={`${css.sort} ${sorted && !filters.ascending ? css.descending : ''}`}
        onClick={() => go(change(filters, { sort: name, ascending }))}
      >
        <span className={name === 'severity' ? css.word : undefined}>{label}</span>
        {sorted && <Icon name="up" />}
      </button>
    </th>
  )
}

function Row({ report, index, href, project }: { report: ReportSummary; index: number; href: string; project: string | undefined }) {
  const [, navigate] = useLocation()
  const leave = () => history.replaceState({ from: report.id }, '')
  return (
    <tr
      aria-rowindex={index}
      onClick={(event) => {
        if (event.target instanceof Element && event.target.closest('a')) return
        if (String(getSelection() ?? '') !== '') return
        leave()
        navigate(href)
      }}
    >
      <td className={css.severity}>
        <span className={css.word}>
          <SeverityMark value={report.severity} />
        </span>
      </td>
      <td className={`${css.number} ${css.id}`}>{report.trackingId}</td>
      <td>
        <Link href={href} data-id={report.id} title={report.title} onClick={leave}>
          {report.title}
        </Link>
      </td>
      {project !== undefined && <td className={`${css.project} ${css.soft}`}>{project}</td>}
      <td className={css.status}>
        <StatusMark value={report.status} />
      </td>
      <td className={`${css.age} ${css.soft}`}>
        <Age at={report.createdAt} />
      </td>
    </tr>
  )
}

function Skeleton({ project }: { project: boolean }) {
  return Array.from({ length: 12 }, (_, i) => (
    <tr key={i} aria-hidden="true">
      <td className={css.severity}>
        <Bone width={20} />
      </td>
      <td className={css.number}>
        <Bone width={62} />
      </td>
      <td>
        <Bone width={180 + ((i * 67) % 190)} />
      </td>
      {project && (
        <td className={css.project}>
          <Bone width={92} />
        </td>
      )}
      <td className={css.status}>
        <Bone width={74} />
      </td>
      <td className={css.age}>
        <Bone width={46} />
      </td>
    </tr>
  ))
}
