import type { Host } from '../contract.ts'
import { el } from './dom.ts'

export const closeIcon = 'M5 5l10 10M15 5L5 15'

/** The logo, if it is of this page's site or of our server: no other host is asked for anything. */
export function logo(host: Host): HTMLElement | null {
  const address = host.options.branding?.logoUrl ?? host.remote.logoUrl
  if (!address) return null
  try {
    const url = new URL(address, location.href)
    if (url.origin !== location.origin && url.origin !== new URL(host.endpoint).origin) return null
    const img = el('img', { alt: '', src: url.href })
    img.addEventListener('error', () => img.remove())
    return img
  } catch {
    return null
  }
}

/** Keeps Tab inside: some browsers leave a modal dialog for their own bars, which confuses many. */
export function trapFocus(dialog: HTMLElement, e: KeyboardEvent): void {
  if (e.key !== 'Tab' || e.defaultPrevented) return
  const all = [...dialog.querySelectorAll<HTMLElement>('button,input,textarea,select,summary,pre,[tabindex]')].filter(
    (x) => x.tabIndex >= 0 && !x.closest('[inert],[hidden]') && x.getClientRects().length > 0 && !(x as HTMLButtonElement).disabled,
  )
  const root = dialog.getRootNode() as ShadowRoot
  const at = root.activeElement as HTMLElement | null
  // The browser moves between radio buttons of a group as one.
  const first = all[0]
  const last = all[all.length - 1]
  if (e.shiftKey && (at === first || !at || !dialog.contains(at))) {
    e.preventDefault()
    last?.focus()
  } else if (!e.shiftKey && at === last) {
    e.preventDefault()
    first?.focus()
  }
}
