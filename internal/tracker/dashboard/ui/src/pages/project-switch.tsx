import { useState } from 'react'
import { useChangeProject } from '../api/projects'
import type { Project } from '../api/types'
import { Dialog } from '../parts/dialog'
import { explain, Problem } from '../parts/fault'
import parts from '../parts/parts.module.css'
import { useToast } from '../parts/toast'
import { useText } from '../text/text'

/** Switches a project off, after asking, or on. */
export function Switch({ project }: { project: Project }) {
  const { t } = useText()
  const save = useChangeProject(project.id)
  const toast = useToast()
  const [asking, setAsking] = useState(false)
  const e = save.isError ? explain(save.error, t) : null
  const problem = e && <Problem what={e.what} next={[e.why, e.next].filter(Boolean).join(' ')} requestId={e.requestId} />
  const turn = (on: boolean) =>
    save.mutate(
      { is_active: on },
      {
        onSuccess: () => {
          setAsking(false)
          toast({ text: on ? t.settings.turnedOn : t.settings.turnedOff })
        },
      },
    )
  if (!project.isActive) {
    return (
      <>
        {problem}
        <div>
          <button type="button" className={`${parts.button} ${parts.primary}`} disabled={save.isPending} onClick={() => turn(true)}>
            {save.isPending ? t.settings.busy : t.settings.turnOn}
          </button>
        </div>
      </>
    )
  }
  return (
    <div>
      <button type="button" className={parts.button} onClick={() => setAsking(true)}>
        {t.settings.turnOff}
      </button>
      {asking && (
        <Dialog title={t.settings.turnOffTitle(project.name)} lead={t.settings.turnOffLead} onClose={() => setAsking(false)}>
          {problem}
          <div className={parts.dialogFoot}>
            <button type="button" className={parts.button} onClick={() => setAsking(false)} autoFocus>
              {t.cancel}
            </button>
            <button type="button" className={`${parts.button} ${parts.danger}`} disabled={save.isPending} onClick={() => turn(false)}>
              {save.isPending ? t.settings.busy : t.settings.turnOffSubmit}
            </button>
          </div>
        </Dialog>
      )}
    </div>
  )
}
