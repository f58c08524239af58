import { useEffect, useState, type ReactNode } from 'react'
import type { Severity, Status } from '../api/types'
import { useText } from '../text/text'
import { Icon } from './icon'
import css from './parts.module.css'

export function SeverityMark({ value }: { value: Severity }) {
  const { t } = useText()
  return (
    <span className={`${css.mark} ${css[value] ?? ''}`}>
      <Icon name={value} />
      {t.severity[value] ?? String(value)}
    </span>
  )
}

export function StatusMark({ value }: { value: Status }) {
  const { t } = useText()
  return (
    <span className={`${css.mark} ${css[value] ?? ''}`}>
      <Icon name={value} />
      {t.status[value] ?? String(value)}
    </span>
  )
}

interface SelectProps {
  label: string
  value: string
  onChange: (value: string) => void
  children: ReactNode
  mark?: string
  disabled?: boolean
}

export function Select({ label, value, onChange, children, mark, disabled }: SelectProps) {
  return (
    <span className={`${css.selectBox} ${mark ? `${css.withMark} ${css[mark] ?? ''}` : ''}`}>
      {mark && <Icon name={mark} />}
      <select
        className={css.select}
        aria-label={label}
        value={value}
        disabled={disabled ?? false}
        onChange={(event) => onChange(event.target.value)}
      >
        {children}
      </select>
      <Icon name="down" />
    </span>
  )
}

/** Text to be taken elsewhere, with a button that copies it unless it is only a part. */
export function Code({ text, label, part }: { text: string; label: string; part?: boolean }) {
  const { t } = useText()
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), 2000)
    return () => clearTimeout(timer)
  }, [copied])
  return (
    <div className={css.code} role="group" aria-label={label}>
      <pre tabIndex={0}>{text}</pre>
      {/* Without a secure context there is no clipboard; the text can still be selected. */}
      {'clipboard' in navigator && !part && (
        <button
          type="button"
          className={css.button}
          onClick={() => navigator.clipboard.writeText(text).then(() => setCopied(true), () => setCopied(false))}
        >
          <Icon name={copied ? 'check' : 'copy'} />
          <span aria-live="polite">{copied ? t.copied : t.copy}</span>
        </button>
      )}
    </div>
  )
}

/** True once waiting has lasted long enough to be worth showing. */
export function useSlow(waiting: boolean): boolean {
  const [slow, setSlow] = useState(false)
  useEffect(() => {
    if (!waiting) {
      setSlow(false)
      return
    }
    const timer = setTimeout(() => setSlow(true), 150)
    return () => clearTimeout(timer)
  }, [waiting])
  return slow
}

export function Bone({ width }: { width: number }) {
  return <span className={css.bone} style={{ width }} />
}
