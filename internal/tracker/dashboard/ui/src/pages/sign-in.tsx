import { useEffect, useRef, useState } from 'react'
import { ApiError } from '../api/client'
import { useSignIn } from '../api/session'
import { explain, Problem } from '../parts/fault'
import parts from '../parts/parts.module.css'
import { useText } from '../text/text'
import { Door } from './door'
import css from './door.module.css'
import { useTitle } from './title'

// The fields are uncontrolled, so that what a password manager writes into them
// is what is sent, whichever events it raises.
export function SignIn() {
  const { t, language } = useText()
  useTitle(t.signIn.submit)
  const signIn = useSignIn()
  const email = useRef<HTMLInputElement>(null)
  const password = useRef<HTMLInputElement>(null)
  const [shown, setShown] = useState(false)
  const until = useLock(signIn.error)

  return (
    <Door title={t.signIn.title} lead={t.signIn.lead}>
      <form
        className={css.form}
        method="post"
        action="/sign-in"
        onSubmit={(event) => {
          event.preventDefault()
          if (signIn.isPending) return
          signIn.mutate(
            { email: email.current?.value.trim() ?? '', password: password.current?.value ?? '' },
            { onError: () => password.current?.select() },
          )
        }}
      >
        {signIn.isError && <SignInProblem error={signIn.error} until={until} language={language} />}
        <label className={parts.field}>
          <span className={parts.label}>{t.signIn.email}</span>
          <input ref={email} className={parts.input} type="email" name="username" autoComplete="username" required autoFocus spellCheck={false} autoCapitalize="none" />
        </label>
        <label className={parts.field}>
          <span className={parts.label}>{t.signIn.password}</span>
          <input ref={password} className={parts.input} type={shown ? 'text' : 'password'} name="password" autoComplete="current-password" required maxLength={128} />
        </label>
        <label className={css.show}>
          <input type="checkbox" checked={shown} onChange={(event) => setShown(event.target.checked)} />
          {t.signIn.showPassword}
        </label>
        <button className={`${parts.button} ${parts.primary} ${css.submit}`} disabled={signIn.isPending || until !== null}>
          {signIn.isPending ? t.signIn.busy : t.signIn.submit}
        </button>
      </form>
    </Door>
  )
}

/** When the server lets us try again, for as long as that lies ahead. */
function useLock(error: Error | null): Date | null {
  const [until, setUntil] = useState<Date | null>(null)
  useEffect(() => {
    if (!(error instanceof ApiError) || error.status !== 429 || error.retryAfter === null) {
      setUntil(null)
      return
    }
    const wait = error.retryAfter * 1000
    setUntil(new Date(Date.now() + wait))
    const timer = setTimeout(() => setUntil(null), Math.min(wait, 2 ** 31 - 1))
    return () => clearTimeout(timer)
  }, [error])
  return until
}

function SignInProblem({ error, until, language }: { error: Error; until: Date | null; language: string }) {
  const { t } = useText()
  if (error instanceof ApiError && error.status === 401) return <Problem what={t.signIn.wrong} next={t.signIn.wrongNext} />
  if (error instanceof ApiError && error.status === 429) {
    if (until === null) return <Problem what={t.signIn.lockedSoon} />
    return <Problem what={t.signIn.locked(until.toLocaleTimeString(language, { timeStyle: 'medium' }))} />
  }
  const e = explain(error, t)
  return <Problem what={e.what} next={[e.why, e.next].filter(Boolean).join(' ')} requestId={e.requestId} />
}
