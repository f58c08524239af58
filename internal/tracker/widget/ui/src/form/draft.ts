/** What a visitor has written, per page and tab: it survives closing, reloading and crashes. */
import type { Category, Severity } from '../contract.ts'

export interface Draft {
  title: string
  description: string
  email: string
  severity: Severity
  category: Category
}

export const emptyDraft = (): Draft => ({ title: '', description: '', email: '', severity: 'low', category: 'bug' })

export interface Drafts {
  read(): Draft
  write(d: Draft): void
  clear(): void
}

/** memory is where a draft lives when the browser forbids storage. */
export function drafts(key: string, memory: Map<string, string>): Drafts {
  const name = `bugspark:draft:${key.slice(0, 16)}:${location.pathname.slice(0, 300)}`
  return {
    read() {
      let text: string | null | undefined
      try {
        text = sessionStorage.getItem(name)
      } catch {
        // Forbidden.
      }
      const d = emptyDraft()
      try {
        const found = JSON.parse(text ?? memory.get(name) ?? '{}') as { [name: string]: unknown }
        for (const field of Object.keys(d) as (keyof Draft)[]) {
          const v = found[field]
          if (typeof v === 'string') (d as unknown as { [name: string]: string })[field] = v.slice(0, 10_000)
        }
      } catch {
        // Not ours, or damaged.
      }
      return d
    },
    write(d) {
      const text = JSON.stringify(d)
      memory.set(name, text)
      try {
        sessionStorage.setItem(name, text)
      } catch {
        // Full or forbidden.
      }
    },
    clear() {
      memory.delete(name)
      try {
        sessionStorage.removeItem(name)
      } catch {
        // As above.
      }
    },
  }
}
