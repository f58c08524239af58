import type { Manifest } from '../api/widget'

/**
 * What a site puts into its pages; the origin is the one we are read from, and the script
 * finds its server by its own address. Pinned, the page runs that version until the
 * snippet is changed.
 */
export function snippet(origin: string, key: string, pinned?: Manifest): string {
  const script = pinned
    ? `<script async crossorigin src="${origin}${pinned.pinnedUrl}"\n  integrity="${pinned.integrity}"`
    : `<script async crossorigin src="${origin}/widget.js"`
  return `${script}\n  data-project-key="${key}"></script>`
}

/** What a page's Content-Security-Policy needs for it, beside what it has. */
export function policy(origin: string): string[] {
  return ['script-src', 'connect-src', 'img-src'].map((directive) => `${directive} ${origin}`)
}
