import type { NetworkEntry } from '../contract.ts'
import { cut } from './serialise.ts'

type Record = (entry: NetworkEntry) => void

const longestURL = 4001 // so that the rules see that it was cut
const headersKept = 30

function headersOf(each: (f: (value: string, name: string) => void) => void): { [name: string]: string } {
  const out: { [name: string]: string } = {}
  let n = 0
  each((value, name) => {
    if (n++ < headersKept) out[name.slice(0, 100)] = cut(value, 300)
  })
  return out
}

const absolute = (url: string): string => {
  try {
    return new URL(url, document.baseURI).href
  } catch {
    return url
  }
}

/** Wraps fetch and XMLHttpRequest. Bodies are not looked at. Returns the undo. */
export function watchNetwork(record: Record): () => void {
  const undo = [watchFetch(record), watchXHR(record)]
  return () => undo.forEach((u) => u())
}

function watchFetch(record: Record): () => void {
  const native = window.fetch
  const before = Object.getOwnPropertyDescriptor(window, 'fetch')
  if (typeof native !== 'function') return () => {}
  let active = true
  const wrapped = {
    fetch(this: unknown, ...args: unknown[]): unknown {
      const answer = Reflect.apply(native, this, args) as unknown
      if (!active || !(answer instanceof Promise)) return answer
      const entry: NetworkEntry = { method: 'GET', url: '', status: 0, duration: 0, timestamp: Date.now() }
      const start = performance.now()
      try {
        const [input, init] = args as [unknown, RequestInit | undefined]
        entry.url = (input instanceof Request ? input.url : absolute(String(input))).slice(0, longestURL)
        entry.method = (init?.method ?? (input instanceof Request ? input.method : 'GET')).toUpperCase().slice(0, 20)
      } catch {
        return answer
      }
      const done = (r: Response | null): void => {
        try {
          entry.duration = Math.round(performance.now() - start)
          if (r) {
            entry.status = r.status
            entry.responseHeaders = headersOf((f) => r.headers.forEach(f))
          }
          record(entry)
        } catch {
          // Not recorded.
        }
      }
      // The page must get the promise that is rejected: with a handler of ours on the original,
      // its rejection would count as handled.
      return (answer as Promise<Response>).then(
        (r) => (done(r), r),
        (e: unknown) => {
          done(null)
          throw e
        },
      )
    },
  }.fetch
  try {
    window.fetch = wrapped as typeof fetch
  } catch {
    return () => {}
  }
  return () => {
    active = false
    try {
      if (window.fetch !== (wrapped as typeof fetch)) return
      if (before) Object.defineProperty(window, 'fetch', before)
      else window.fetch = native
    } catch {
      // It passes everything on.
    }
  }
}

function watchXHR(record: Record): () => void {
  let active = true
  const asked = new WeakMap<XMLHttpRequest, { method: string; url: string }>()
  const proto = XMLHttpRequest.prototype
  const undo: (() => void)[] = []
  const wrap = (name: 'open' | 'send', hook: (x: XMLHttpRequest, args: unknown[]) => void): void => {
    const native = proto[name] as (...args: unknown[]) => unknown
    const before = Object.getOwnPropertyDescriptor(proto, name)
    const wrapped = {
      [name](this: XMLHttpRequest, ...args: unknown[]): unknown {
        if (active) {
          try {
            hook(this, args)
          } catch {
            // Not recorded.
          }
        }
        return Reflect.apply(native, this, args)
      },
    }[name]
    try {
      Object.defineProperty(proto, name, { configurable: true, enumerable: true, writable: true, value: wrapped })
    } catch {
      return // a frozen prototype
    }
    undo.push(() => {
      if (proto[name] === wrapped && before) Object.defineProperty(proto, name, before)
    })
  }
  wrap('open', (x, [method, url]) => asked.set(x, { method: String(method).toUpperCase().slice(0, 20), url: absolute(String(url)).slice(0, longestURL) }))
  wrap('send', (x) => {
    const request = asked.get(x)
    if (!request) return
    const timestamp = Date.now()
    const start = performance.now()
    x.addEventListener('loadend', () => active && record({ ...request, status: x.status, duration: Math.round(performance.now() - start), timestamp }), { once: true })
  })
  return () => {
    active = false
    for (const u of undo) u()
  }
}
