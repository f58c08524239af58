import { ApiError } from '../api/client'
import { useText } from '../text/text'
import type { Messages } from '../text/en'
import { Icon } from './icon'
import css from './parts.module.css'

export interface Explained {
  what: string
  why: string
  next: string
  requestId: string | null
}

/** What, why and what next, of anything that was thrown. */
export function explain(error: unknown, t: Messages): Explained {
  const f = t.fault
  if (!(error instanceof ApiError)) return { what: f.other, why: error instanceof Error ? error.message : '', next: '', requestId: null }
  const requestId = error.requestId
  const why = error.detail
  if (error.status === 0) return { what: f.offline, why: f.offlineWhy, next: f.offlineNext, requestId }
  if (error.status === 403) return { what: f.forbidden, why, next: f.forbiddenNext, requestId }
  if (error.status === 404) return { what: f.missing, why: f.missingWhy, next: f.missingNext, requestId }
  if (error.status === 429)
    return { what: f.limited, why, next: error.retryAfter ? f.limitedNext(error.retryAfter) : f.limitedSoon, requestId }
  if (error.status === 502 || error.status === 503 || error.status === 504)
    return { what: f.unavailable, why: f.unavailableWhy, next: f.offlineNext, requestId }
  if (error.status >= 500 || error.code === 'answer.unreadable') return { what: f.server, why, next: f.serverNext, requestId }
  return { what: f.refused, why, next: '', requestId }
}

/** The card that stands where the content would be; alone, it heads the page. */
export function Fault({ error, retry, alone }: { error: unknown; retry?: () => void; alone?: boolean }) {
  const { t } = useText()
  const e = explain(error, t)
  const Heading = alone ? 'h1' : 'h2'
  return (
    <div className={css.fault} role="alert">
      <Icon name="warning" />
      <div>
        <Heading>{e.what}</Heading>
        {e.why && <p>{e.why}</p>}
        {e.next && <p>{e.next}</p>}
        {(retry || e.requestId) && (
          <div className={css.faultFoot}>
            {retry && (
              <button type="button" className={css.button} onClick={retry}>
                {t.retry}
              </button>
            )}
            {e.requestId && (
              <code>
                {t.fault.requestId} {e.requestId}
              </code>
            )}
          </div>
        )}
      </div>
    </div>
  )
}

/** The same in a form, beside its fields. */
export function Problem({ what, next, requestId }: { what: string; next?: string; requestId?: string | null }) {
  const { t } = useText()
  return (
    <div className={css.problem} role="alert">
      <strong>{what}</strong>
      {next && <span>{next}</span>}
      {requestId && (
        <div className={css.hint}>
          {t.fault.requestId} <code>{requestId}</code>
        </div>
      )}
    </div>
  )
}
