import { Component, useId, useMemo, useRef, type ReactNode } from 'react'
import { useLocation, useSearch } from 'wouter'
import type { Report } from '../api/types'
import { json, readActions, readConsole, readMetadata, readNetwork, type ActionEntry, type Entries } from '../evidence'
import { useText, clock } from '../text/text'
import { Console } from './report-console'
import { Network } from './report-network'
import css from './report.module.css'

const tabs = ['console', 'network', 'actions', 'device', 'raw'] as const
type Tab = (typeof tabs)[number]

export function isTab(name: string | null): name is Tab {
  return tabs.some((t) => t === name)
}

/** What the page sent along, one tab for each kind; the tab is in the address. */
export function Evidence({ report }: { report: Report }) {
  const { t } = useText()
  const id = useId()
  const list = useRef<HTMLDivElement>(null)
  const [path, navigate] = useLocation()
  const search = useSearch()
  const asked = new URLSearchParams(search).get('tab')
  const tab = isTab(asked) ? asked : 'console'
  const read = useMemo(
    () => ({
      console: readConsole(report.consoleLogs),
      network: readNetwork(report.networkLogs),
      actions: readActions(report.userActions),
      device: readMetadata(report.metadata),
    }),
    [report.consoleLogs, report.networkLogs, report.userActions, report.metadata],
  )
  const counts: Partial<Record<Tab, number>> = {
    console: read.console.entries.length,
    network: read.network.entries.length,
    actions: read.actions.entries.length,
  }
  const choose = (to: Tab) => {
    const query = new URLSearchParams(search)
    query.set('tab', to)
    navigate(`${path}?${query.toString().replace(/%2C/g, ',')}`, { replace: true })
  }
  const move = (event: React.KeyboardEvent) => {
    const now = tabs.indexOf(tab)
    const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: tabs.length - 1 }[event.key]
    if (to === undefined) return
    event.preventDefault()
    const next = tabs[(to + tabs.length) % tabs.length]
    if (!next) return
    choose(next)
    list.current?.querySelector<HTMLElement>(`[data-tab="${next}"]`)?.focus()
  }
  return (
    <section aria-label={t.report.evidence}>
      <div ref={list} className={css.tabs} role="tablist" aria-label={t.report.evidence} onKeyDown={move}>
        {tabs.map((name) => (
          <button
            key={name}
            type="button"
            role="tab"
            data-tab={name}
            id={`${id}${name}`}
            aria-selected={tab === name}
            aria-controls={`${id}panel`}
            tabIndex={tab === name ? 0 : -1}
            className={css.tab}
            onClick={() => choose(name)}
          >
            {t.report[name]}
            {counts[name] !== undefined && <span>{counts[name]}</span>}
          </button>
        ))}
      </div>
      <div className={css.panel} role="tabpanel" id={`${id}panel`} aria-labelledby={`${id}${tab}`} tabIndex={0}>
        <Guard key={tab} raw={<Broken report={report} />}>
          {tab === 'console' && <Console read={read.console} />}
          {tab === 'network' && <Network read={read.network} />}
          {tab === 'actions' && <Actions read={read.actions} />}
          {tab === 'device' && <Device facts={read.device} />}
          {tab === 'raw' && <Raw report={report} />}
        </Guard>
      </div>
    </section>
  )
}

/** Whatever a hostile report manages to break here ends in its raw view. */
class Guard extends Component<{ raw: ReactNode; children: ReactNode }, { broken: boolean }> {
  override state = { broken: false }

  static getDerivedStateFromError() {
    return { broken: true }
  }

  override render() {
    return this.state.broken ? this.props.raw : this.props.children
  }
}

function Broken({ report }: { report: Report }) {
  const { t } = useText()
  return (
    <>
      <h2>{t.report.brokenTitle}</h2>
      <p className={css.note}>{t.report.brokenLead}</p>
      <Raw report={report} />
    </>
  )
}

const longestRaw = 200_000

function Raw({ report }: { report: Report }) {
  const { t } = useText()
  const { consoleLogs, networkLogs, userActions, metadata } = report
  const raw = json({ consoleLogs, networkLogs, userActions, metadata })
  return (
    <>
      <pre className={css.raw} tabIndex={0} aria-label={t.report.raw}>
        {raw.slice(0, longestRaw)}
      </pre>
      {raw.length > longestRaw && <p className={css.note}>{t.report.truncated}</p>}
    </>
  )
}

function Device({ facts }: { facts: [string, string][] }) {
  const { t } = useText()
  if (facts.length === 0) return <p className={css.note}>{t.report.noDevice}</p>
  return (
    <dl className={css.pairs}>
      {facts.map(([name, value], i) => (
        <div key={i}>
          <dt>{name}</dt>
          <dd className={css.mono}>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function Actions({ read }: { read: Entries<ActionEntry> }) {
  const { t } = useText()
  return (
    <>
      {read.entries.length === 0 ? (
        <p className={css.note}>{t.report.noActions}</p>
      ) : (
        <table className={css.actions}>
          <thead>
            <tr>
              <th scope="col">{t.report.time}</th>
              <th scope="col">{t.report.action}</th>
              <th scope="col">{t.report.target}</th>
              <th scope="col">{t.report.details}</th>
            </tr>
          </thead>
          <tbody>
            {read.entries.map((a, i) => (
              <tr key={i}>
                <td className={`${css.mono} ${css.when}`}>{clock(a.time)}</td>
                <td>{a.type}</td>
                <td className={css.mono}>{a.target}</td>
                <td className={css.none}>{a.data}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Unreadable count={read.unreadable} />
    </>
  )
}

export function Unreadable({ count }: { count: number }) {
  const { t } = useText()
  return count > 0 ? <p className={css.note}>{t.report.unreadable(count)}</p> : null
}
