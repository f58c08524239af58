/**
 * What a site puts into its pages; the origin is the one we are read from. This server
 * serves no widget yet, so the script's address is one that the reader fills in.
 */
export function snippet(origin: string, key: string): string {
  return `<!-- Put the address of your copy of the widget here. -->\n<script async src="https://ADDRESS-OF/bugspark.js"\n  data-api-key="${key}"\n  data-endpoint="${origin}/api/v1"></script>`
}
