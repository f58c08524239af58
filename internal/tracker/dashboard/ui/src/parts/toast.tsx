import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react'
import { useText } from '../text/text'
import css from './parts.module.css'

interface Toast {
  text: string
  undo?: (() => void) | undefined
}

const Context = createContext<(toast: Toast) => void>(() => {})

/** One note at a time at the foot of the page; ten seconds to take it back. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const { t } = useText()
  const [toast, setToast] = useState<Toast | null>(null)
  useEffect(() => {
    if (!toast) return
    const timer = setTimeout(() => setToast(null), 10_000)
    return () => clearTimeout(timer)
  }, [toast])
  const show = useCallback((next: Toast) => setToast(next), [])
  const value = useMemo(() => show, [show])
  return (
    <Context.Provider value={value}>
      {children}
      <div className={css.toasts} role="status">
        {toast && (
          <div className={css.toast}>
            <span>{toast.text}</span>
            {toast.undo && (
              <button
                type="button"
                onClick={() => {
                  toast.undo?.()
                  setToast(null)
                }}
              >
                {t.undo}
              </button>
            )}
            <button type="button" onClick={() => setToast(null)}>
              {t.close}
            </button>
          </div>
        )}
      </div>
    </Context.Provider>
  )
}

export function useToast() {
  return useContext(Context)
}
