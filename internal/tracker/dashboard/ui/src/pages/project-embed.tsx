import { useState } from 'react'
import { useRotateKey, useWholeKey } from '../api/projects'
import { useMe } from '../api/session'
import { allows, type Project } from '../api/types'
import { Code } from '../parts/controls'
import { Dialog } from '../parts/dialog'
import { explain, Problem } from '../parts/fault'
import parts from '../parts/parts.module.css'
import { useToast } from '../parts/toast'
import { useText } from '../text/text'
import { policy } from './snippet'
import { SnippetBox } from './snippet-box'

/** The key: whole where this tab has seen it made, else how it begins. */
export function Key({ project }: { project: Project }) {
  const { t } = useText()
  const whole = useWholeKey(project)
  const [asking, setAsking] = useState(false)
  const owner = allows(project.role, 'owner')
  return (
    <>
      <div className={parts.field}>
        <Code text={whole ?? masked(project)} label={t.project.key} part={whole === undefined} />
        <span className={parts.hint}>{whole ? t.settings.keyWhole : owner ? t.settings.keyMasked : t.settings.keyMaskedOnly}</span>
      </div>
      {owner && (
        <div>
          <button type="button" className={parts.button} onClick={() => setAsking(true)}>
            {t.settings.newKey}
          </button>
        </div>
      )}
      {asking && <NewKey project={project} onClose={() => setAsking(false)} />}
    </>
  )
}

function masked(project: Project): string {
  return project.apiKey.replace(/\.\.\.$/, '…')
}

/** Asks once, because every page with the old key falls silent. */
function NewKey({ project, onClose }: { project: Project; onClose: () => void }) {
  const { t } = useText()
  const rotate = useRotateKey(project.id)
  const toast = useToast()
  const e = rotate.isError ? explain(rotate.error, t) : null
  const done = () => {
    toast({ text: t.settings.newKeyDone })
    onClose()
  }
  return (
    <Dialog title={t.settings.newKeyTitle(project.name)} lead={t.settings.newKeyLead} onClose={onClose}>
      {e && <Problem what={e.what} next={[e.why, e.next].filter(Boolean).join(' ')} requestId={e.requestId} />}
      <div className={parts.dialogFoot}>
        <button type="button" className={parts.button} onClick={onClose} autoFocus>
          {t.cancel}
        </button>
        <button type="button" className={`${parts.button} ${parts.danger}`} disabled={rotate.isPending} onClick={() => rotate.mutate(undefined, { onSuccess: done })}>
          {rotate.isPending ? t.settings.newKeyBusy : t.settings.newKeySubmit}
        </button>
      </div>
    </Dialog>
  )
}

/** The lines for a page, and the page to try them on. */
export function Embed({ project }: { project: Project }) {
  const { t } = useText()
  const me = useMe()
  const whole = useWholeKey(project)
  const elsewhere = me.data?.role === 'superadmin' && project.domain.trim() !== '' && !project.domain.includes(location.hostname)
  return (
    <>
      <SnippetBox apiKey={whole ?? masked(project)} whole={whole !== undefined} />
      {!whole && <span className={parts.hint}>{t.settings.dots}</span>}
      {elsewhere && <span className={parts.hint}>{t.settings.tryItAddress(location.host)}</span>}
    </>
  )
}

export function Policy() {
  return policy(location.origin).map((directive) => <Code key={directive} text={directive} label={directive} />)
}
