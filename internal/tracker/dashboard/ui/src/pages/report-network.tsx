import { useState } from 'react'
import { timeAxis, webLink, type Entries, type NetworkEntry } from '../evidence'
import { Icon } from '../parts/icon'
import { clock, useText } from '../text/text'
import { Unreadable } from './report-evidence'
import css from './report.module.css'

const failing = (e: NetworkEntry) => e.status === 0 || e.status >= 400

export function Network({ read }: { read: Entries<NetworkEntry> }) {
  const { t } = useText()
  const [search, setSearch] = useState('')
  const [failedOnly, setFailedOnly] = useState(false)
  const axis = timeAxis(read.entries)
  const wanted = search.trim().toLowerCase()
  const shown = read.entries.filter(
    (e) => (!failedOnly || failing(e)) && (wanted === '' || `${e.method} ${e.url} ${e.status}`.toLowerCase().includes(wanted)),
  )
  if (read.entries.length === 0) {
    return (
      <>
        <p className={css.note}>{t.report.noNetwork}</p>
        <Unreadable count={read.unreadable} />
      </>
    )
  }
  return (
    <>
      <div className={css.tools}>
        <input type="text" aria-label={t.report.searchNetwork} placeholder={t.report.searchNetwork} value={search} onChange={(e) => setSearch(e.target.value)} />
        <button type="button" className={css.chip} aria-pressed={failedOnly} onClick={() => setFailedOnly(!failedOnly)}>
          {t.report.failedOnly} {read.entries.filter(failing).length}
        </button>
      </div>
      {shown.length === 0 ? (
        <p className={css.note}>{t.report.noMatch}</p>
      ) : (
        <div className={css.requests}>
          <div className={`${css.grid} ${css.gridHead}`} aria-hidden="true">
            <span>{t.report.method}</span>
            <span>{t.report.address}</span>
            <span className={css.numeric}>{t.report.result}</span>
            <span className={css.numeric}>{t.report.duration}</span>
            <span>{t.report.waterfall}</span>
          </div>
          {shown.map((e, i) => (
            <Request key={i} entry={e} axis={axis} />
          ))}
        </div>
      )}
      <Unreadable count={read.unreadable} />
    </>
  )
}

function Request({ entry, axis }: { entry: NetworkEntry; axis: { from: number; length: number } }) {
  const { t } = useText()
  const bad = failing(entry)
  const link = webLink(entry.url)
  return (
    <details className={css.expand}>
      <summary className={css.grid}>
        <span className={css.method}>
          <Icon name="right" />
          {entry.method}
        </span>
        <span className={css.url} title={entry.url}>
          {entry.url}
        </span>
        <span className={`${css.numeric} ${bad ? css.bad : ''}`}>{entry.status === 0 ? t.report.failed : entry.status}</span>
        <span className={css.numeric}>{duration(entry.duration)}</span>
        <Bar entry={entry} axis={axis} bad={bad} />
      </summary>
      <div className={css.headers}>
        {link ? (
          <a href={link} target="_blank" rel="noopener noreferrer nofollow">
            {entry.url}
          </a>
        ) : (
          <p>{entry.url}</p>
        )}
        {entry.start !== null && (
          <p className={css.none}>
            {t.report.start} <span className={css.mono}>{clock(entry.start)}</span>
          </p>
        )}
        <Headers title={t.report.request} headers={entry.requestHeaders} />
        <Headers title={t.report.response} headers={entry.responseHeaders} />
        {entry.requestHeaders.length + entry.responseHeaders.length === 0 && <p className={css.none}>{t.report.noHeaders}</p>}
      </div>
    </details>
  )
}

/** Where the request lies between the first start and the last end of all. */
function Bar({ entry, axis, bad }: { entry: NetworkEntry; axis: { from: number; length: number }; bad: boolean }) {
  if (entry.start === null || axis.length === 0) return <span />
  const from = ((entry.start - axis.from) / axis.length) * 100
  const width = Math.max((entry.duration / axis.length) * 100, 1)
  return (
    <svg className={`${css.axis} ${bad ? css.axisBad : ''}`} viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      <rect x="0" y="4" width="100" height="2" />
      <rect x={Math.min(from, 99)} y="1" width={width} height="8" />
    </svg>
  )
}

function Headers({ title, headers }: { title: string; headers: [string, string][] }) {
  if (headers.length === 0) return null
  return (
    <div>
      <h3>{title}</h3>
      <dl className={css.pairs}>
        {headers.map(([name, value], i) => (
          <div key={i}>
            <dt className={css.mono}>{name}</dt>
            <dd className={css.mono}>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

function duration(ms: number): string {
  return ms >= 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`
}
