// What a person chose, kept in this browser. Storage may be switched off; then
// choices last as long as the page.

const session = new Map<string, string>()

export function recall(name: string): string | null {
  try {
    return localStorage.getItem(`bugspark.${name}`)
  } catch {
    return session.get(name) ?? null
  }
}

export function remember(name: string, value: string): void {
  session.set(name, value)
  try {
    localStorage.setItem(`bugspark.${name}`, value)
  } catch {
    // Kept for the session above.
  }
}

export type Theme = 'system' | 'light' | 'dark'

export function theme(): Theme {
  const kept = recall('theme')
  return kept === 'light' || kept === 'dark' ? kept : 'system'
}

export function setTheme(to: Theme): void {
  remember('theme', to)
  if (to === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = to
}
