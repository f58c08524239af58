/** The two requests that bring a report to the server. */
import type { Host, Refusal, Report } from '../contract.ts'
import { json } from '../core/json.ts'
import type { Entry } from './queue.ts'

export interface Answer {
  /** 0: none. */
  status: number
  body: { [name: string]: unknown }
  /** What Retry-After asks for, in milliseconds. */
  wait: number
}

/** The most that a request may carry to outlive its page; browsers allow 64 KiB for all together. */
const outliving = 60_000

async function once(host: Host, url: string, headers: { [name: string]: string }, body: BodyInit, timeout: number, keepalive: boolean): Promise<Answer> {
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), timeout)
  try {
    const r = await host.fetch(url, { method: 'POST', headers, body, signal: abort.signal, keepalive, credentials: 'omit', cache: 'no-store', redirect: 'manual' })
    if (r.type === 'opaqueredirect') return { status: 0, body: {}, wait: 0 } // to whom, nobody knows
    return { status: r.status, body: object(await r.text().catch(() => '')), wait: 1000 * (Number(r.headers.get('Retry-After')) || 0) }
  } catch {
    return abort.signal.aborted ? { status: 0, body: {}, wait: 0 } : byXHR(url, headers, body, timeout)
  } finally {
    clearTimeout(timer)
  }
}

/** The older way, for pages whose own fetch does not do what fetch does. */
function byXHR(url: string, headers: { [name: string]: string }, body: BodyInit, timeout: number): Promise<Answer> {
  return new Promise((resolve) => {
    const none = (): void => resolve({ status: 0, body: {}, wait: 0 })
    try {
      if (navigator.onLine === false) return none()
      const x = new XMLHttpRequest()
      x.open('POST', url)
      x.timeout = timeout
      for (const [name, v] of Object.entries(headers)) x.setRequestHeader(name, v)
      x.onload = () => resolve({ status: x.responseURL === url ? x.status : 0, body: object(x.responseText), wait: 1000 * (Number(x.getResponseHeader('Retry-After')) || 0) })
      x.onerror = x.onabort = x.ontimeout = none
      x.send(body as XMLHttpRequestBodyInit)
    } catch {
      none()
    }
  })
}

/** A server that answers anything but an object has said nothing. */
function object(text: string): { [name: string]: unknown } {
  try {
    const v = JSON.parse(text) as unknown
    return typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as { [name: string]: unknown }) : {}
  } catch {
    return {}
  }
}

/** A portal of a hotel or a broken proxy answers 200 with a page of its own: nobody has the report. */
const stored = (a: Answer): boolean => a.status >= 200 && a.status < 300 && (typeof a.body.id === 'string' || typeof a.body.trackingId === 'string')

const transient = (a: Answer): boolean => a.status === 0 || a.status === 408 || a.status === 425 || a.status === 429 || a.status >= 500

const code = (a: Answer): string => (typeof a.body.code === 'string' ? a.body.code : '')

/** A widget that was destroyed sends no more: what waits goes out at the next visit. */
export const gone = (host: Host): boolean => !host.element.isConnected

/** Tries three times while the fault may pass. Longer waits are left to the queue. */
async function insist(ask: () => Promise<Answer>, { host, pause }: Sending): Promise<Answer> {
  let a = await ask()
  for (const wait of [1000, 2000]) {
    if (!transient(a) || a.wait > 10_000 || navigator.onLine === false) break
    await pause(Math.max(wait, a.wait) * (1 + Math.random() / 4))
    if (gone(host)) break
    a = await ask()
  }
  return a
}

/** The server says why in a code; one that is not known is told in general words. */
function refusal(a: Answer): Refusal {
  if (code(a) === 'origin.not_allowed') return 'origin'
  if (code(a) === 'project.inactive') return 'inactive'
  return a.status === 401 || a.status === 403 ? 'key' : 'invalid'
}

export type Verdict = { state: 'sent'; trackingId: string | null; withoutPicture: boolean } | { state: 'later' } | { state: 'refused'; reason: Refusal }

export interface Sending {
  host: Host
  pause(ms: number): Promise<void>
  /** Called before the report is sent, so that a second attempt sends the same. */
  save(e: Entry): Promise<void>
}

/** A report that has waited so long because of its pictures goes out without them. */
const picturePatience = 600_000

/** The server removes pictures that no report names after a day. */
const pictureAge = 20 * 3_600_000

/** Brings one entry to the server. Sending it again later is harmless. */
export async function deliver(e: Entry, s: Sending): Promise<Verdict> {
  const headers = { 'X-API-Key': e.key }
  if (gone(s.host)) return { state: 'later' }
  // Also when the clock was wrong then or is now.
  if (e.keys.length > 0 && Math.abs(Date.now() - e.uploadedAt) > pictureAge) e.keys = []
  for (let i = e.keys.length; i < e.pictures.length; i++) {
    const form = (): FormData => {
      const f = new FormData()
      f.append('file', e.pictures[i]!, 'screenshot.png')
      return f
    }
    const a = await insist(() => once(s.host, `${e.endpoint}/upload/screenshot`, headers, form(), 90_000, false), s)
    const no = refusal(a)
    // A 403 without a word is of something in between, which may take the report.
    if (no !== 'invalid' && (a.status === 401 || code(a) !== '')) return { state: 'refused', reason: no }
    if (transient(a) && code(a) !== 'quota.reached') return Date.now() - e.createdAt > picturePatience ? report(e, s, headers) : { state: 'later' }
    // Whatever else is wrong with a picture, the report is worth more.
    e.keys.push(a.status < 300 && typeof a.body.key === 'string' ? a.body.key.slice(0, 500) : null)
    e.uploadedAt = Date.now()
    await s.save(e)
  }
  return report(e, s, headers)
}

/** A hook of the page may have put anything there. */
const newest = <T>(v: T[]): T[] => (Array.isArray(v) ? v.slice(-10) : [])

/** The body of the report, and smaller ones for a server that does not take it whole. */
export function bodies(e: Entry): string[] {
  const [plain, annotated] = e.keys
  const r: Report = { ...e.report, ...(plain ? { screenshot_url: plain } : {}), ...(annotated ? { annotated_screenshot_url: annotated } : {}) }
  return [
    json(r),
    json({ ...r, console_logs: newest(r.console_logs), network_logs: newest(r.network_logs), user_actions: newest(r.user_actions) }),
    json({ ...r, console_logs: [], network_logs: [], user_actions: [] }),
  ]
}

async function report(e: Entry, s: Sending, headers: { [name: string]: string }): Promise<Verdict> {
  if (gone(s.host)) return { state: 'later' }
  for (const body of bodies(e)) {
    const size = new TextEncoder().encode(body).length
    const a = await insist(
      () => once(s.host, `${e.endpoint}/reports`, { ...headers, 'Content-Type': 'application/json' }, body, 30_000, size < outliving),
      s,
    )
    if (a.status === 413) continue
    if (transient(a)) return { state: 'later' }
    if (a.status >= 200 && a.status < 300 && !stored(a)) return { state: 'later' }
    if (stored(a)) {
      const id = a.body.trackingId
      return { state: 'sent', trackingId: typeof id === 'string' && id.length < 40 ? id : null, withoutPicture: e.pictures.some((_, i) => !e.keys[i]) }
    }
    return { state: 'refused', reason: refusal(a) }
  }
  return { state: 'refused', reason: 'size' }
}
