/** Hides what is private in what was collected. It is loaded with the form: until then nothing leaves the page. */
import type { Collected, ConsoleEntry, NetworkEntry, Options, Privacy, Raw } from '../contract.ts'
import { device } from './device.ts'

export { newPrivacy } from './privacy.ts'

const string = (v: unknown): string => (typeof v === 'string' ? v : v === undefined ? '' : '[unreadable]')
const number = (v: unknown): number => (typeof v === 'number' && Number.isFinite(v) ? v : 0)

function headers(h: { [name: string]: unknown }, p: Privacy): { [name: string]: string } {
  const shown = Object.entries(h).filter(([name]) => !p.secretName(name))
  return Object.fromEntries(shown.map(([name, v]) => [p.text(name), /location|referer|link|url/i.test(name) ? p.url(string(v)) : p.text(string(v))]))
}

/** One entry that cannot be judged must not cost the others, nor the form. */
function safe<T>(f: (e: T) => T, e: T, otherwise: T): T {
  try {
    return f(e)
  } catch {
    return otherwise
  }
}

/** Only members that are known go on: a filter of the page may have added others. */
export function masked(raw: Raw, o: Options, p: Privacy): Collected {
  const line = (e: ConsoleEntry): ConsoleEntry => ({
    level: /^(?:log|info|warn|error|debug)$/.test(e.level) ? e.level : 'log',
    message: p.text(string(e.message)),
    timestamp: number(e.timestamp),
    ...(e.stack ? { stack: p.text(string(e.stack)) } : {}),
  })
  const call = (e: NetworkEntry): NetworkEntry => ({
    method: p.text(string(e.method)),
    url: p.url(string(e.url)),
    status: number(e.status),
    duration: number(e.duration),
    timestamp: number(e.timestamp),
    ...(e.responseHeaders && typeof e.responseHeaders === 'object' ? { responseHeaders: headers(e.responseHeaders, p) } : {}),
  })
  return {
    console: raw.console.map((e) => safe(line, e, { level: 'log', message: '[unreadable]', timestamp: 0 })),
    network: raw.network.map((e) => safe(call, e, { method: '', url: '[unreadable]', status: 0, duration: 0, timestamp: 0 })),
    actions: raw.actions.map((a) => {
      const data = Object.fromEntries(Object.entries(a.data ?? {}).map(([name, v]) => [name, typeof v === 'string' ? p.url(v) : v]))
      return { ...a, ...(a.target ? { target: p.text(a.target) } : {}), data }
    }),
    metadata: device(o, p, raw.vitals),
  }
}
