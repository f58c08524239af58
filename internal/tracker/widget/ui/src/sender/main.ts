/** Sends reports, and keeps them until the server has them. */
import type { Host, Outcome, Parcel } from '../contract.ts'
import { expired, forget, keep, kept, type Entry } from './queue.ts'
import { deliver, gone as destroyed, type Sending, type Verdict } from './wire.ts'

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Tabs of one site share the queue; only one of them sends at a time. wait is in milliseconds. */
async function alone<T>(wait: number, f: () => Promise<T>): Promise<T | undefined> {
  if (!navigator.locks) return f()
  let begun = false
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), wait)
  try {
    return await (navigator.locks.request('bugspark:queue', wait > 0 ? { signal: abort.signal } : { ifAvailable: true }, (lock) => {
      clearTimeout(timer)
      begun = lock !== null
      return lock ? f() : undefined
    }) as Promise<T | undefined>)
  } catch (e) {
    if (begun) throw e
    if (abort.signal.aborted) return undefined // the other tab takes its time; ours is kept
    return await f() // locks are forbidden here
  } finally {
    clearTimeout(timer)
  }
}

export async function send(host: Host, parcel: Parcel): Promise<Outcome> {
  const now = Date.now()
  const e: Entry = {
    id: parcel.report.submission_id,
    endpoint: host.endpoint,
    key: host.key,
    report: parcel.report,
    pictures: parcel.pictures,
    keys: [],
    uploadedAt: 0,
    createdAt: now,
    section: section(),
  }
  let stored = true
  const save = async (entry: Entry): Promise<void> => {
    try {
      await keep(entry)
    } catch {
      stored = false // Storage is full or forbidden: it is sent from memory alone.
    }
  }
  await save(e)
  const once = (): Promise<Verdict> => deliver(e, { host, pause, save })
  let verdict: Verdict | undefined
  try {
    // What is in memory alone has no time to wait for another tab.
    verdict = stored ? await alone(20_000, once) : await once()
  } catch (problem) {
    await forget(e.id).catch(() => {}) // what cannot be written down now cannot be later
    throw problem
  }
  if (verdict?.state === 'sent' || verdict?.state === 'refused') {
    await forget(e.id).catch(() => {})
    return verdict
  }
  if (!stored) return { state: 'lost' }
  again(host)
  return { state: 'kept' }
}

/** What no server was reached for is kept longer than what one refuses: so many milliseconds. */
const unreached = 11 * 86_400_000

/** While the page is open, what is kept is tried again, less and less often. */
function again(host: Host): void {
  if (host.memory.has('again')) return
  host.memory.set('again', '')
  let wait = 15_000
  const end = (): void => void host.memory.delete('again')
  const tick = (): void => {
    setTimeout(() => {
      if (destroyed(host)) return
      attempt(host).then((left) => {
        wait = Math.min(wait * 2, 300_000)
        if (left > 0) tick()
        else end()
      }, end)
    }, wait)
  }
  tick()
}

/** Sends what is kept, now and as long as the page is open; returns how many are left. */
export async function flush(host: Host): Promise<number> {
  const left = await attempt(host)
  if (left > 0) again(host)
  return left
}

/** A site may have several projects. Pages of one part of it have the same. */
const section = (): string => location.pathname.split('/')[1] ?? ''

/** Sends what is kept, oldest first, once. */
async function attempt(host: Host): Promise<number> {
  if (destroyed(host)) return 0
  const left = await alone(0, async () => {
    let left = 0
    const gone = new Set<string>() // servers that did not answer
    for (const e of await kept()) {
      if (destroyed(host)) break
      if (gone.has(e.endpoint)) {
        left++
        continue
      }
      const s: Sending = { host, pause, save: (entry) => keep(entry).catch(() => {}) }
      let verdict: Verdict = await deliver(e, s).catch((problem: unknown): Verdict => (host.fail(problem), { state: 'refused', reason: 'invalid' }))
      if (verdict.state === 'refused' && verdict.reason === 'key' && e.key !== host.key && e.endpoint === host.endpoint && (e.section ?? section()) === section()) {
        // The key was changed while the report waited, and the page has the new one.
        e.key = host.key
        e.keys = []
        verdict = await deliver(e, s)
      }
      // The visitor was told that it is kept, and what refuses it may be put right: a key, the
      // allowed origins, a proxy in between.
      if (verdict.state === 'sent' || expired(e, Date.now() - (verdict.state === 'later' ? unreached : 0))) await forget(e.id).catch(() => {})
      else left++
      if (verdict.state === 'later') gone.add(e.endpoint)
    }
    return left
  })
  return left ?? 1 // another tab is at it
}
