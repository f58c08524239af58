import { useId, useRef, useState } from 'react'
import { ApiError } from '../api/client'
import { useChangePassword, useSignOut } from '../api/session'
import { explain, Problem } from '../parts/fault'
import parts from '../parts/parts.module.css'
import { useText } from '../text/text'
import { Door } from './door'
import css from './door.module.css'
import { useTitle } from './title'

/** The page an account with a one-time password cannot leave without its own. */
export function NewPassword({ email }: { email: string }) {
  const { t } = useText()
  useTitle(t.newPassword.title)
  const save = useChangePassword()
  const signOut = useSignOut()
  const current = useRef<HTMLInputElement>(null)
  const next = useRef<HTMLInputElement>(null)
  const [same, setSame] = useState(false)
  const [shown, setShown] = useState(false)
  const hint = useId()
  const kind = shown ? 'text' : 'password'

  return (
    <Door title={t.newPassword.title} lead={t.newPassword.lead}>
      <form
        className={css.form}
        method="post"
        action="/sign-in"
        onSubmit={(event) => {
          event.preventDefault()
          const body = { current_password: current.current?.value ?? '', new_password: next.current?.value ?? '' }
          const unchanged = body.current_password === body.new_password
          setSame(unchanged)
          if (!unchanged && !save.isPending) save.mutate(body)
        }}
      >
        {same && <Problem what={t.newPassword.same} />}
        {!same && save.isError && <SaveProblem error={save.error} />}
        <input type="email" name="username" autoComplete="username" value={email} readOnly hidden />
        <label className={parts.field}>
          <span className={parts.label}>{t.newPassword.current}</span>
          <input ref={current} className={parts.input} type={kind} name="current" autoComplete="current-password" required autoFocus maxLength={128} />
        </label>
        <label className={parts.field}>
          <span className={parts.label}>{t.newPassword.next}</span>
          <input ref={next} className={parts.input} type={kind} name="new" autoComplete="new-password" required minLength={8} maxLength={128} aria-describedby={hint} />
          <span id={hint} className={parts.hint}>
            {t.newPassword.hint}
          </span>
        </label>
        <label className={css.show}>
          <input type="checkbox" checked={shown} onChange={(event) => setShown(event.target.checked)} />
          {t.signIn.showPassword}
        </label>
        <button className={`${parts.button} ${parts.primary} ${css.submit}`} disabled={save.isPending}>
          {save.isPending ? t.newPassword.busy : t.newPassword.submit}
        </button>
        <button type="button" className={`${parts.button} ${parts.quiet}`} onClick={() => signOut.mutate()}>
          {t.nav.signOut}
        </button>
      </form>
    </Door>
  )
}

function SaveProblem({ error }: { error: Error }) {
  const { t } = useText()
  if (error instanceof ApiError && error.status === 400) return <Problem what={error.detail || t.newPassword.wrong} />
  const e = explain(error, t)
  return <Problem what={e.what} next={[e.why, e.next].filter(Boolean).join(' ')} requestId={e.requestId} />
}
