/** What a site puts into its pages; the origin is the one we are read from. */
export function snippet(origin: string, key: string): string {
  return `<script async src="${origin}/widget.js"\n  data-api-key="${key}"\n  data-endpoint="${origin}/api/v1"></script>`
}
