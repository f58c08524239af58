import { useState } from 'react'
import { Link, useLocation, useSearch } from 'wouter'
import { useChangeReport, useFetchReports, useProjects, useReport, useReports } from '../api/session'
import type { Report } from '../api/types'
import { severities, statuses, type Severity, type Status } from '../api/types'
import { decode, encode, pageSize } from '../filters'
import { browserOf, pageOf } from '../evidence'
import { Bone, Select, useSlow } from '../parts/controls'
import { explain, Fault } from '../parts/fault'
import { Icon } from '../parts/icon'
import { useKeys } from '../parts/keys'
import parts from '../parts/parts.module.css'
import { useToast } from '../parts/toast'
import { Moment, useText } from '../text/text'
import { DeleteReport } from './report-delete'
import { Evidence, isTab } from './report-evidence'
import { Picture } from './report-picture'
import css from './report.module.css'
import { useTitle } from './title'

export default function ReportPage({ id }: { id: string }) {
  const { t } = useText()
  const report = useReport(id)
  const slow = useSlow(report.isPending)
  useTitle(report.data ? `${report.data.trackingId} ${report.data.title}` : '')
  return (
    <>
      <Steps id={id} trackingId={report.data?.trackingId ?? ''} />
      {report.isError ? (
        <Fault alone error={report.error} retry={() => void report.refetch()} />
      ) : report.data ? (
        <div className={css.layout}>
          <article className={css.evidence}>
            <div className={css.title}>
              <h1>{report.data.title}</h1>
              {report.data.description ? (
                <p className={css.description}>{report.data.description}</p>
              ) : (
                <p className={css.none}>{t.report.noDescription}</p>
              )}
            </div>
            <Picture report={report.data} renew={() => void report.refetch()} />
            <Evidence report={report.data} />
          </article>
          <Facts report={report.data} />
        </div>
      ) : (
        slow && <Skeleton />
      )}
    </>
  )
}

/** The way back to the list, and J and K to its neighbours, tab and all. */
function Steps({ id, trackingId }: { id: string; trackingId: string }) {
  const { t } = useText()
  const search = useSearch()
  const filters = decode(search)
  const tab = new URLSearchParams(search).get('tab')
  const [, navigate] = useLocation()
  const list = useReports(filters)
  const fetchPage = useFetchReports()

  const items = list.isPlaceholderData ? [] : (list.data?.items ?? [])
  const at = items.findIndex((r) => r.id === id)
  const place = at < 0 ? 0 : (filters.page - 1) * pageSize + at + 1
  const total = list.data?.total ?? 0
  const open = (to: string, page: number) => {
    const query = encode({ ...filters, page })
    const rest = isTab(tab) ? `${query ? '&' : '?'}tab=${tab}` : ''
    navigate(`/bugs/${to}${query}${rest}`)
  }
  const step = async (by: 1 | -1) => {
    if (at < 0 || place + by < 1 || place + by > total) return
    const near = items[at + by]
    if (near) return open(near.id, filters.page)
    const page = filters.page + by
    // An unreachable neighbour is not worth an error: one stays where one is.
    const next = await fetchPage({ ...filters, page }).catch(() => null)
    const there = by === 1 ? next?.items[0] : next?.items.at(-1)
    if (there) open(there.id, page)
  }
  useKeys({ J: () => void step(1), K: () => void step(-1) })

  return (
    <div className={css.bar}>
      <Link href={`/bugs${encode(filters)}`} className={`${parts.button} ${parts.quiet}`} state={{ from: id }}>
        <Icon name="left" />
        {t.report.back}
      </Link>
      <span>{trackingId}</span>
      <span className={css.spacer} />
      {place > 0 && (
        <span>
          {place} / {total}
        </span>
      )}
      <button
        type="button"
        className={`${parts.button} ${parts.quiet} ${parts.square}`}
        disabled={place <= 1}
        onClick={() => void step(-1)}
        aria-label={t.report.previous}
        aria-keyshortcuts="Shift+K"
        title={`${t.report.previous} (K)`}
      >
        <Icon name="up" />
      </button>
      <button
        type="button"
        className={`${parts.button} ${parts.quiet} ${parts.square}`}
        disabled={place === 0 || place >= total}
        onClick={() => void step(1)}
        aria-label={t.report.next}
        aria-keyshortcuts="Shift+J"
        title={`${t.report.next} (J)`}
      >
        <Icon name="down" />
      </button>
    </div>
  )
}

function Facts({ report }: { report: Report }) {
  const { t } = useText()
  const toast = useToast()
  const projects = useProjects()
  const change = useChangeReport(report.id)
  const [removing, setRemoving] = useState(false)
  const settled = report.status === 'resolved' || report.status === 'closed'
  const failed = (error: unknown) => {
    const e = explain(error, t)
    toast({ text: [e.what, e.why].filter(Boolean).join(': ') })
  }
  const setStatus = (status: Status) => {
    const before = report.status
    change.mutate(
      { status },
      {
        onSuccess: () =>
          toast({ text: t.report.saved(t.status[status] ?? status), undo: () => change.mutate({ status: before }, { onError: failed }) }),
        onError: failed,
      },
    )
  }
  const setSeverity = (severity: Severity) => {
    const before = report.severity
    change.mutate(
      { severity },
      {
        onSuccess: () =>
          toast({
            text: t.report.savedSeverity(t.severity[severity] ?? severity),
            undo: () => change.mutate({ severity: before }, { onError: failed }),
          }),
        onError: failed,
      },
    )
  }
  const page = pageOf(report.metadata)
  const browser = browserOf(report.metadata)
  const project = projects.data?.find((p) => p.id === report.projectId)
  return (
    <section className={css.facts} aria-label={t.report.facts}>
      <div className={css.deeds}>
        <div className={css.fact}>
          <span className={css.none}>{t.report.status}</span>
          <Select label={t.report.status} mark={report.status} value={report.status} onChange={(to) => setStatus(to as Status)}>
            {statuses.map((s) => (
              <option key={s} value={s}>
                {t.status[s]}
              </option>
            ))}
          </Select>
        </div>
        <div className={css.fact}>
          <span className={css.none}>{t.report.severity}</span>
          <Select label={t.report.severity} mark={report.severity} value={report.severity} onChange={(to) => setSeverity(to as Severity)}>
            {severities.map((s) => (
              <option key={s} value={s}>
                {t.severity[s]}
              </option>
            ))}
          </Select>
        </div>
        <button type="button" className={`${parts.button} ${settled ? '' : parts.primary}`} onClick={() => setStatus(settled ? 'new' : 'resolved')}>
          {!settled && <Icon name="check" />}
          {settled ? t.report.reopen : t.report.resolve}
        </button>
      </div>
      <dl>
        <Fact name={t.report.category}>{t.category[report.category] ?? report.category}</Fact>
        {project && <Fact name={t.report.project}>{project.name}</Fact>}
        {report.reporterIdentifier && <Fact name={t.report.reporter}>{report.reporterIdentifier}</Fact>}
        {page && (
          <Fact name={t.report.page}>
            <a href={page} target="_blank" rel="noopener noreferrer nofollow">
              {short(page)}
            </a>
          </Fact>
        )}
        {browser && <Fact name={t.report.browser}>{browser}</Fact>}
        <Fact name={t.report.created}>
          <Moment at={report.createdAt} />
        </Fact>
        {report.updatedAt !== report.createdAt && (
          <Fact name={t.report.updated}>
            <Moment at={report.updatedAt} />
          </Fact>
        )}
      </dl>
      <button type="button" className={`${parts.button} ${parts.quiet} ${css.remove}`} onClick={() => setRemoving(true)}>
        <Icon name="trash" />
        {t.report.remove}
      </button>
      {removing && <DeleteReport report={report} onClose={() => setRemoving(false)} />}
    </section>
  )
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div className={css.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function short(href: string): string {
  const url = new URL(href)
  return url.host + (url.pathname === '/' ? '' : url.pathname)
}

function Skeleton() {
  return (
    <div className={css.layout} aria-hidden="true">
      <div className={css.evidence}>
        <div className={css.title}>
          <Bone width={340} />
          <Bone width={480} />
        </div>
        <div className={css.picture}>
          <div className={css.stage} />
        </div>
      </div>
      <div className={css.facts}>
        {[120, 160, 140, 180].map((width) => (
          <div key={width} className={css.fact}>
            <Bone width={60} />
            <Bone width={width} />
          </div>
        ))}
      </div>
    </div>
  )
}
