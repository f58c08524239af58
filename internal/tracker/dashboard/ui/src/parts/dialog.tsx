import { useEffect, useId, useRef, type ReactNode } from 'react'
import css from './parts.module.css'

interface Props {
  title: string
  lead?: string
  onClose: () => void
  children: ReactNode
}

/** A modal dialog: the browser's own, which traps the focus, closes on Escape
 *  and gives the focus back. It is open for as long as it is drawn. */
export function Dialog({ title, lead, onClose, children }: Props) {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const dialog = ref.current
    const before = document.activeElement
    dialog?.showModal()
    return () => {
      dialog?.close()
      if (before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={ref}
      className={css.dialog}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
    >
      <div className={css.dialogBody}>
        <h2 id={id}>{title}</h2>
        {lead && <p className={css.dialogLead}>{lead}</p>}
        {children}
      </div>
    </dialog>
  )
}

/** A small panel under its button, on the browser's own disclosure. */
export function Popup({ label, children, className }: { label: ReactNode; children: ReactNode; className?: string | undefined }) {
  const ref = useRef<HTMLDetailsElement>(null)
  useEffect(() => {
    const away = (event: Event) => {
      const details = ref.current
      if (details?.open && event.target instanceof Node && !details.contains(event.target)) details.open = false
    }
    document.addEventListener('pointerdown', away)
    document.addEventListener('focusin', away)
    return () => {
      document.removeEventListener('pointerdown', away)
      document.removeEventListener('focusin', away)
    }
  }, [])
  return (
    <details
      ref={ref}
      className={css.popup}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !ref.current?.open) return
        event.stopPropagation()
        ref.current.open = false
        ref.current.querySelector('summary')?.focus()
      }}
    >
      <summary className={className}>{label}</summary>
      <div className={css.popupPanel}>{children}</div>
    </details>
  )
}
