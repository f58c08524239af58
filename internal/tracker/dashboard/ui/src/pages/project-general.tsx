import { useRef } from 'react'
import { useChangeProject } from '../api/projects'
import { allows, type Project } from '../api/types'
import { explain, Problem } from '../parts/fault'
import parts from '../parts/parts.module.css'
import { useToast } from '../parts/toast'
import { useText } from '../text/text'
import css from './project.module.css'

/** Name and allowed addresses: to be changed, or only to be read. */
export function General({ project }: { project: Project }) {
  const { t } = useText()
  const save = useChangeProject(project.id)
  const toast = useToast()
  const name = useRef<HTMLInputElement>(null)
  const domain = useRef<HTMLInputElement>(null)
  if (!allows(project.role, 'admin')) {
    return (
      <dl className={css.facts}>
        <dt>{t.project.name}</dt>
        <dd>{project.name}</dd>
        <dt>{t.settings.address}</dt>
        <dd>{project.domain || t.settings.anywhere}</dd>
      </dl>
    )
  }
  const e = save.isError ? explain(save.error, t) : null
  return (
    <form
      className={css.body}
      onSubmit={(event) => {
        event.preventDefault()
        if (save.isPending) return
        save.mutate(
          { name: name.current?.value.trim() ?? '', domain: domain.current?.value.trim() ?? '' },
          { onSuccess: () => toast({ text: t.settings.saved }) },
        )
      }}
    >
      {e && <Problem what={e.what} next={[e.why, e.next].filter(Boolean).join(' ')} requestId={e.requestId} />}
      <label className={parts.field}>
        <span className={parts.label}>{t.project.name}</span>
        <input ref={name} className={parts.input} name="name" defaultValue={project.name} required maxLength={255} autoComplete="off" pattern=".*\S.*" />
      </label>
      <label className={parts.field}>
        <span className={parts.label}>
          {t.settings.address}
          <small>{t.optional}</small>
        </span>
        <input ref={domain} className={parts.input} name="domain" defaultValue={project.domain} maxLength={1024} placeholder="bank.example, localhost:3000" autoComplete="off" spellCheck={false} />
        <span className={parts.hint}>{t.settings.addressHint}</span>
      </label>
      <div>
        <button className={`${parts.button} ${parts.primary}`} disabled={save.isPending}>
          {save.isPending ? t.settings.saving : t.settings.save}
        </button>
      </div>
    </form>
  )
}
