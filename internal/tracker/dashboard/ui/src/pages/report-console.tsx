import { useState } from 'react'
import { levels, type ConsoleEntry, type Entries, type Level } from '../evidence'
import { toggle } from '../filters'
import { Icon } from '../parts/icon'
import { clock, useText } from '../text/text'
import { Unreadable } from './report-evidence'
import css from './report.module.css'

export function Console({ read }: { read: Entries<ConsoleEntry> }) {
  const { t } = useText()
  const [chosen, setChosen] = useState<Level[]>([])
  const [search, setSearch] = useState('')
  const wanted = search.trim().toLowerCase()
  const shown = read.entries.filter(
    (e) =>
      (chosen.length === 0 || chosen.includes(e.level)) &&
      (wanted === '' || e.message.toLowerCase().includes(wanted) || e.stack.toLowerCase().includes(wanted)),
  )
  if (read.entries.length === 0) {
    return (
      <>
        <p className={css.note}>{t.report.noConsole}</p>
        <Unreadable count={read.unreadable} />
      </>
    )
  }
  return (
    <>
      <div className={css.tools}>
        <input type="text" aria-label={t.report.searchConsole} placeholder={t.report.searchConsole} value={search} onChange={(e) => setSearch(e.target.value)} />
        <div role="group" aria-label={t.report.levels} className={css.tools} style={{ padding: 0 }}>
          {levels
            .filter((l) => read.entries.some((e) => e.level === l))
            .map((l) => (
              <button key={l} type="button" className={css.chip} aria-pressed={chosen.includes(l)} onClick={() => setChosen(toggle(chosen, l))}>
                {l} {read.entries.filter((e) => e.level === l).length}
              </button>
            ))}
        </div>
      </div>
      {shown.length === 0 ? (
        <p className={css.note}>{t.report.noMatch}</p>
      ) : (
        <ol className={css.lines}>
          {shown.map((e, i) => (
            <li key={i} className={`${css.line} ${css[e.level] ?? ''}`}>
              <span className={css.when}>{clock(e.time)}</span>
              <span className={css.level}>{e.level}</span>
              <div>
                <pre>{e.message}</pre>
                {e.stack && (
                  <details className={css.stack}>
                    <summary>
                      <Icon name="right" />
                      {t.report.stack}
                    </summary>
                    <pre>{e.stack}</pre>
                  </details>
                )}
              </div>
            </li>
          ))}
        </ol>
      )}
      <Unreadable count={read.unreadable} />
    </>
  )
}
