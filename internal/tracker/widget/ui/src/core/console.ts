import type { ConsoleEntry } from '../contract.ts'
import { cut, longestMessage, message, names, stack } from './serialise.ts'

export const levels = ['log', 'info', 'warn', 'error', 'debug'] as const

export type Record = (level: ConsoleEntry['level'], text: string, stack?: string) => void

/** More lines than this in one window are a storm: their objects are not looked into. */
const calm = 50
const stormWindow = 100 // ms

/**
 * Listens to the console. A debugger would show the wrapper as the place of every line; the
 * source map names it as code to ignore, so the page's line is shown. Returns the undo.
 */
export function watchConsole(record: Record, secret: (name: string) => boolean): () => void {
  let active = true
  let busy = false // a filter of the page may log itself
  let lines = 0
  let since = 0
  const undo: (() => void)[] = []
  for (const level of levels) {
    const before = Object.getOwnPropertyDescriptor(console, level)
    const native = console[level] as (...args: unknown[]) => void
    if (typeof native !== 'function') continue
    const wrapped = {
      [level](this: unknown, ...args: unknown[]): void {
        if (active && !busy) {
          busy = true
          try {
            const now = performance.now()
            if (now - since > stormWindow) {
              since = now
              lines = 0
            }
            const storm = ++lines > calm
            record(level, storm ? args.map((a, i) => (names(args[i - 1], secret) ? '[hidden]' : typeof a === 'object' || typeof a === 'function' ? '{…}' : cut(String(a), 200))).join(' ') : message(args, secret), storm ? undefined : stack(args.find((a) => a instanceof Error), secret))
          } catch {
            // What cannot be read is not recorded.
          }
          busy = false
        }
        return Reflect.apply(native, this, args) as void
      },
    }[level]
    try {
      Object.defineProperty(console, level, { configurable: true, enumerable: true, writable: true, value: wrapped })
    } catch {
      continue // a frozen console
    }
    undo.push(() => {
      if (console[level] === wrapped && before) Object.defineProperty(console, level, before)
    })
  }
  return () => {
    active = false
    for (const u of undo) u()
  }
}

/** Listens to errors that nobody caught, and to resources that did not load. */
export function watchErrors(record: Record, own: string, secret: (name: string) => boolean): () => void {
  // The files of the widget alone: a page may be of the same server.
  const ours = (file: string): boolean => file.startsWith(own) && /^widget(?:-[\w.+-]+)?\.m?js|^widget\/[\w-]+-[\w-]{8}\.js/.test(file.slice(own.length))
  const onError = (e: Event): void => {
    try {
      if (e instanceof ErrorEvent) {
        if (ours(e.filename)) return // told by onError
        record('error', cut(`[Uncaught] ${e.message}`, longestMessage), stack(e.error, secret) ?? (e.filename === '' ? undefined : `${e.filename}:${e.lineno}:${e.colno}`))
      } else if (e.target instanceof Element) {
        const address = e.target.getAttribute('src') ?? e.target.getAttribute('href') ?? e.target.getAttribute('data')
        if (address) record('error', `[Resource] ${e.target.localName} did not load: ${/^data:/i.test(address) ? 'data:…' : cut(new URL(address, document.baseURI).href, 2000)}`)
      }
    } catch {
      // Not recorded.
    }
  }
  const onRejection = (e: PromiseRejectionEvent): void => {
    try {
      record('error', '[Unhandled rejection] ' + message([e.reason], secret), stack(e.reason, secret))
    } catch {
      // Not recorded.
    }
  }
  addEventListener('error', onError, true)
  addEventListener('unhandledrejection', onRejection)
  return () => {
    removeEventListener('error', onError, true)
    removeEventListener('unhandledrejection', onRejection)
  }
}
