import type { UserAction } from '../contract.ts'

type Record = (action: UserAction) => void

const settle = 250 // ms after the last scroll or resize

/** Where an element is, in words of CSS; never what is in it. */
function pathOf(e: Element): string {
  const parts: string[] = []
  for (let at: Element | null = e; at && parts.length < 5; at = at.parentElement) {
    let part = at.localName
    if (at.id !== '') {
      parts.unshift(`${part}#${at.id.slice(0, 60)}`)
      break
    }
    const names = typeof at.className === 'string' ? at.className.trim().split(/\s+/).slice(0, 2) : []
    for (const name of names) if (name !== '') part += '.' + name.slice(0, 40)
    parts.unshift(part)
  }
  return parts.join(' > ')
}

/** Records clicks, scrolling, sizes and navigation. What is typed is not recorded. */
export function watchActions(record: Record, host: Element): () => void {
  const undo: (() => void)[] = []
  const note = (type: UserAction['type'], data: { [name: string]: unknown }, target?: string): void =>
    record({ type, timestamp: Date.now(), ...(target === undefined ? {} : { target }), data })
  const on = (target: EventTarget, name: string, f: (e: Event) => void, capture = false): void => {
    const safe = (e: Event): void => {
      try {
        f(e)
      } catch {
        // Not recorded.
      }
    }
    const options = { capture, passive: true }
    target.addEventListener(name, safe, options)
    undo.push(() => target.removeEventListener(name, safe, options))
  }
  const later = (f: () => void): (() => void) => {
    let timer = 0
    undo.push(() => clearTimeout(timer))
    return () => {
      clearTimeout(timer)
      timer = window.setTimeout(f, settle)
    }
  }

  on(window, 'click', (e) => {
    if (e.composedPath().includes(host)) return
    const target = e.composedPath()[0]
    const { clientX: x, clientY: y } = e as MouseEvent
    if (target instanceof Element) note('click', { x: Math.round(x), y: Math.round(y) }, pathOf(target))
  }, true)
  on(window, 'scroll', later(() => note('scroll', { x: Math.round(scrollX), y: Math.round(scrollY) })), true)
  on(window, 'resize', later(() => note('resize', { width: innerWidth, height: innerHeight })))

  let url = location.href
  const moved = (): void => {
    if (location.href === url) return
    note('navigation', { from: url, to: location.href })
    url = location.href
  }
  on(window, 'popstate', moved)
  on(window, 'hashchange', moved)
  let active = true
  for (const name of ['pushState', 'replaceState'] as const) {
    const native = history[name]
    const wrapped = {
      [name](this: History, ...args: Parameters<History['pushState']>): void {
        Reflect.apply(native, this, args)
        if (active) moved()
      },
    }[name]!
    const before = Object.getOwnPropertyDescriptor(history, name)
    try {
      history[name] = wrapped
    } catch {
      continue
    }
    undo.push(() => {
      if (history[name] !== wrapped) return
      if (before) Object.defineProperty(history, name, before)
      else delete (history as Partial<History>)[name] // it stands on the prototype again
    })
  }
  return () => {
    active = false
    undo.forEach((u) => u())
  }
}
