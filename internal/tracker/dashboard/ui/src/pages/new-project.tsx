import { useEffect, useRef } from 'react'
import { useLocation } from 'wouter'
import { useCreateProject } from '../api/session'
import type { Project } from '../api/types'
import { decode, change, encode } from '../filters'
import { Code } from '../parts/controls'
import { Dialog } from '../parts/dialog'
import { explain, Problem } from '../parts/fault'
import parts from '../parts/parts.module.css'
import { remember } from '../preferences'
import { useText } from '../text/text'
import { SnippetBox } from './snippet-box'

/** Creates a project, then shows its key for the only time. */
export default function NewProject({ onClose }: { onClose: () => void }) {
  const { t } = useText()
  const create = useCreateProject()
  const name = useRef<HTMLInputElement>(null)
  const domain = useRef<HTMLInputElement>(null)
  if (create.data) return <Created project={create.data} onClose={onClose} />
  const e = create.isError ? explain(create.error, t) : null
  return (
    <Dialog title={t.project.title} lead={t.project.lead} onClose={onClose}>
      <form
        className={parts.dialogBody}
        style={{ padding: 0 }}
        onSubmit={(event) => {
          event.preventDefault()
          if (!create.isPending) create.mutate({ name: name.current?.value.trim() ?? '', domain: domain.current?.value.trim() ?? '' })
        }}
      >
        {e && <Problem what={e.what} next={[e.why, e.next].filter(Boolean).join(' ')} requestId={e.requestId} />}
        <label className={parts.field}>
          <span className={parts.label}>{t.project.name}</span>
          <input ref={name} className={parts.input} name="name" required maxLength={255} placeholder={t.project.namePlaceholder} autoFocus autoComplete="off" pattern=".*\S.*" />
        </label>
        <label className={parts.field}>
          <span className={parts.label}>
            {t.project.domain}
            <small>{t.optional}</small>
          </span>
          <input ref={domain} className={parts.input} name="domain" maxLength={1024} placeholder="https://bank.example" autoComplete="off" spellCheck={false} />
          <span className={parts.hint}>{t.project.domainHint}</span>
        </label>
        <div className={parts.dialogFoot}>
          <button type="button" className={parts.button} onClick={onClose}>
            {t.cancel}
          </button>
          <button className={`${parts.button} ${parts.primary}`} disabled={create.isPending}>
            {create.isPending ? t.project.busy : t.project.submit}
          </button>
        </div>
      </form>
    </Dialog>
  )
}

function Created({ project, onClose }: { project: Project; onClose: () => void }) {
  const { t } = useText()
  const [, navigate] = useLocation()
  const done = useRef<HTMLButtonElement>(null)
  useEffect(() => done.current?.focus(), [])
  const leave = () => {
    remember('project', project.id)
    onClose()
    navigate(`/bugs${encode(change(decode(''), { project: project.id }))}`)
  }
  return (
    <Dialog key="created" title={t.project.doneTitle(project.name)} lead={t.project.keyOnce} onClose={leave}>
      <div className={parts.field}>
        <span className={parts.label}>{t.project.key}</span>
        <Code text={project.apiKey} label={t.project.key} />
      </div>
      <div className={parts.field}>
        <span className={parts.label}>{t.project.snippet}</span>
        <SnippetBox apiKey={project.apiKey} whole />
      </div>
      <div className={parts.dialogFoot}>
        <button ref={done} type="button" className={`${parts.button} ${parts.primary}`} onClick={leave}>
          {t.project.done}
        </button>
      </div>
    </Dialog>
  )
}
