import { useLocation, useSearch } from 'wouter'
import { useDeleteReport } from '../api/session'
import type { Report } from '../api/types'
import { decode, encode } from '../filters'
import { Dialog } from '../parts/dialog'
import { explain, Problem } from '../parts/fault'
import parts from '../parts/parts.module.css'
import { useText } from '../text/text'

/** Asks once, because there is no way back from it. */
export function DeleteReport({ report, onClose }: { report: Report; onClose: () => void }) {
  const { t } = useText()
  const remove = useDeleteReport(report.id)
  const [, navigate] = useLocation()
  const filters = decode(useSearch())
  const e = remove.isError ? explain(remove.error, t) : null
  return (
    <Dialog title={t.report.removeTitle(report.trackingId)} lead={t.report.removeLead} onClose={onClose}>
      {e && <Problem what={e.what} next={[e.why, e.next].filter(Boolean).join(' ')} requestId={e.requestId} />}
      <div className={parts.dialogFoot}>
        <button type="button" className={parts.button} onClick={onClose} autoFocus>
          {t.cancel}
        </button>
        <button
          type="button"
          className={`${parts.button} ${parts.danger}`}
          disabled={remove.isPending}
          onClick={() => remove.mutate(undefined, { onSuccess: () => navigate(`/bugs${encode(filters)}`) })}
        >
          {remove.isPending ? t.report.removing : t.report.removeSubmit}
        </button>
      </div>
    </Dialog>
  )
}
