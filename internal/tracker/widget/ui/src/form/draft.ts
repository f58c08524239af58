/** What a visitor has written, per page and tab: it survives closing, reloading and crashes. */
import type { Category, Severity } from '../contract.ts'
import { json } from '../core/json.ts'

export interface Draft {
  title: string
  description: string
  email: string
  severity: Severity
  category: Category
  /** The submission_id under which these words go out; the same until they change. */
  id: string
}

export const emptyDraft = (): Draft => ({ title: '', description: '', email: '', severity: 'low', category: 'bug', id: '' })

export interface Drafts {
  read(): Draft
  write(d: Draft): void
  clear(): void
}

/** FNV-1a, in 32 bits: enough to tell the pages of one visit apart. */
function hash(s: string): string {
  let h = 0x811c9dc5
  for (let i = 0; i < s.length; i++) h = Math.imul(h ^ s.charCodeAt(i), 0x01000193)
  return (h >>> 0).toString(36)
}

/** memory is where a draft lives when the browser forbids storage. */
export function drafts(key: string, memory: Map<string, string>): Drafts {
  // A single-page application may go elsewhere while the form is open: the words go along.
  // Not the path itself, which may hold a secret.
  const name = (): string => `bugspark:draft:${key.slice(0, 16)}:${hash(location.pathname)}`
  let last = name()
  const remove = (at: string): void => {
    memory.delete(at)
    try {
      sessionStorage.removeItem(at)
    } catch {
      // Forbidden: there is none.
    }
  }
  return {
    read() {
      const d = emptyDraft()
      try {
        let text = memory.get(name())
        if (text === undefined) {
          text = sessionStorage.getItem(name()) ?? undefined
        }
        const found = JSON.parse(text ?? '{}') as { [name: string]: unknown }
        for (const field of Object.keys(d) as (keyof Draft)[]) {
          const v = found[field]
          if (typeof v === 'string') (d as unknown as { [name: string]: string })[field] = v.slice(0, 10_000)
        }
      } catch {
        // Forbidden, not ours, or damaged.
      }
      return d
    },
    write(d) {
      const text = json(d)
      if (last !== name()) remove(last)
      last = name()
      memory.set(last, text)
      try {
        sessionStorage.setItem(last, text)
      } catch {
        // Full or forbidden: what is there is older than what is in memory.
        try {
          sessionStorage.removeItem(last)
        } catch {
          // Forbidden.
        }
      }
    },
    clear() {
      remove(last)
      remove(name())
    },
  }
}
