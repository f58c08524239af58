/**
 * Reports that the server does not have yet, in IndexedDB of the page's own site. Each call
 * opens the database anew: a report is rare, and an open database blocks its deletion.
 */
import type { Report } from '../contract.ts'
import { json } from '../core/json.ts'

export interface Entry {
  /** The report's submission_id. */
  id: string
  endpoint: string
  key: string
  report: Report
  /** Plain, then annotated. */
  pictures: Blob[]
  /** What the server has called them; null: it would not take it. */
  keys: (string | null)[]
  uploadedAt: number
  createdAt: number
  /** The part of the site where it was written; absent in entries of older versions. */
  section?: string
  /** Counts up: the clock may be set back between two reports. */
  order?: number
}

/** Bounds, so that a site that is never visited again keeps little, and not for long. */
export const limits = { entries: 5, bytes: 24 << 20, age: 3 * 86_400_000 }

/** The core looks for this mark, so that a page without reports opens no database. */
const mark = 'bugspark:queue'

function done<T>(r: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    r.onsuccess = () => resolve(r.result)
    r.onerror = () => reject(r.error ?? new Error('IndexedDB failed'))
  })
}

/** A database that another tab blocks, or that the browser never opens, is none. In milliseconds. */
const patience = 4000

function opened(r: IDBOpenDBRequest): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    let late = false
    const timer = setTimeout(() => {
      late = true
      reject(new Error('IndexedDB does not open'))
    }, patience)
    done(r).then(
      (db) => {
        clearTimeout(timer)
        if (late) db.close()
        else resolve(db)
      },
      (e: unknown) => {
        clearTimeout(timer)
        reject(e)
      },
    )
  })
}

async function withStore<T>(mode: IDBTransactionMode, f: (s: IDBObjectStore) => Promise<T>): Promise<T> {
  const opening = indexedDB.open('bugspark', 1)
  opening.onupgradeneeded = () => opening.result.createObjectStore('reports', { keyPath: 'id' })
  const db = await opened(opening)
  try {
    const t = db.transaction('reports', mode)
    const finished = new Promise<void>((resolve, reject) => {
      t.oncomplete = () => resolve()
      t.onerror = t.onabort = () => reject(t.error ?? new Error('IndexedDB was aborted'))
    })
    finished.catch(() => {})
    const out = await f(t.objectStore('reports'))
    if (mode === 'readwrite') await finished
    return out
  } finally {
    db.close()
  }
}

const size = (e: Entry): number => e.pictures.reduce((n, p) => n + p.size, 2 * json(e.report).length)

const byOrder = (a: Entry, b: Entry): number => (a.order ?? 0) - (b.order ?? 0)

/** Which entries stay: the newest within the bounds of number and bytes. */
export function within(all: Entry[]): Entry[] {
  const out: Entry[] = []
  let bytes = 0
  for (const e of [...all].sort(byOrder).reverse()) {
    if (out.length >= limits.entries || bytes + size(e) > limits.bytes) continue
    bytes += size(e)
    out.push(e)
  }
  return out
}

function setMark(n: number): void {
  try {
    if (n > 0) localStorage.setItem(mark, String(n))
    else localStorage.removeItem(mark)
  } catch {
    // Forbidden or full: the next report finds the rest.
  }
}

/** Keeps or replaces an entry. It resolves once the browser has it on disk. */
export async function keep(e: Entry): Promise<void> {
  const n = await withStore('readwrite', async (s) => {
    const others = ((await done(s.getAll())) as Entry[]).filter((o) => o.id !== e.id)
    e.order ??= 1 + Math.max(0, ...others.map((o) => o.order ?? 0))
    const stay = within([...others, e])
    for (const o of others) if (!stay.includes(o)) s.delete(o.id)
    s.put(e)
    return stay.length
  })
  setMark(n)
}

export async function forget(id: string): Promise<void> {
  const n = await withStore('readwrite', async (s) => {
    s.delete(id)
    return done(s.count())
  })
  setMark(n)
}

/** Everything kept, the oldest first. */
export async function kept(): Promise<Entry[]> {
  const all = await withStore('readonly', (s) => done(s.getAll() as IDBRequest<Entry[]>))
  setMark(all.length)
  return all.sort(byOrder)
}

/** Whether an entry that could not be sent has waited long enough. One of the future has not: the clock was wrong. */
export const expired = (e: Entry, now: number): boolean => now - e.createdAt > limits.age
