import { pageSize, type Filters } from '../filters'
import { Icon } from '../parts/icon'
import parts from '../parts/parts.module.css'
import { useText } from '../text/text'
import css from './list.module.css'

interface Props {
  filters: Filters
  total: number
  more: boolean | undefined
  go: (to: Filters) => void
}

/** Where one stands in the list, and the way to its other pages. */
export function Pages({ filters, total, more, go }: Props) {
  const { t } = useText()
  const last = Math.max(1, Math.ceil(total / pageSize))
  const to = (page: number) => {
    go({ ...filters, page })
    scrollTo(0, 0)
  }
  return (
    <div className={css.foot}>
      <span>
        {t.list.range((filters.page - 1) * pageSize + 1, Math.min(filters.page * pageSize, total), total, more)}
        <span className={css.keys}> · {t.list.keys}</span>
      </span>
      {last > 1 && (
        <nav className={css.pages} aria-label={t.list.pages}>
          <Step label={t.list.previous} icon="left" disabled={filters.page <= 1} onClick={() => to(filters.page - 1)} />
          {around(filters.page, last).map((page, i) =>
            page === null ? (
              <span key={`gap${i}`}>…</span>
            ) : (
              <button
                key={page}
                type="button"
                className={`${parts.button} ${parts.quiet}`}
                aria-label={t.list.page(page)}
                aria-current={page === filters.page ? 'page' : undefined}
                onClick={() => to(page)}
              >
                {page}
              </button>
            ),
          )}
          <Step label={t.list.next} icon="right" disabled={filters.page >= last} onClick={() => to(filters.page + 1)} />
        </nav>
      )}
    </div>
  )
}

function Step({ label, icon, disabled, onClick }: { label: string; icon: string; disabled: boolean; onClick: () => void }) {
  return (
    <button type="button" className={`${parts.button} ${parts.quiet} ${parts.square}`} aria-label={label} disabled={disabled} onClick={onClick}>
      <Icon name={icon} />
    </button>
  )
}

/** First, last and the neighbours of a page; null stands for a gap. */
export function around(page: number, last: number): (number | null)[] {
  const wanted = [...new Set([1, page - 1, page, page + 1, last])].filter((p) => p >= 1 && p <= last).sort((a, b) => a - b)
  return wanted.flatMap((p, i) => {
    const before = wanted[i - 1]
    return before !== undefined && p - before > 1 ? [null, p] : [p]
  })
}
