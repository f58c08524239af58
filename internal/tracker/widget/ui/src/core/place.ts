/**
 * Where the widget's element is. While the page has a modal dialog, everything outside of it is
 * inert, and a dialog is often what a visitor wants to report: the element moves into it.
 */

export interface Place {
  stop(): void
}

/** A page that takes the element away every time wins in the end. */
const mostTaken = 200

/** The dialog that the page opened last, of those that are modal. Shadow roots are not searched. */
function modal(element: Element, opened: Element[]): Element | null {
  try {
    const all = [...document.documentElement.querySelectorAll('dialog[open]')].filter((d) => d.matches(':modal') && !element.contains(d))
    return all.sort((a, b) => opened.indexOf(a) - opened.indexOf(b))[all.length - 1] ?? null
  } catch {
    return null // a browser that does not know :modal
  }
}

/** moved is called after the element has another parent; what it shows in the top layer has gone then. */
export function keepReachable(element: HTMLElement, moved: () => void): Place {
  const home = document.documentElement
  let opened: Element[] = [] // in the order in which they were
  let taken = 0
  const put = (): void => {
    const to = modal(element, opened) ?? home
    if (!element.isConnected && ++taken > mostTaken) return
    if (element.parentElement !== to) {
      to.append(element)
      moved()
    }
    // A dialog that is removed takes the element along. Only then is every change looked at.
    removal.disconnect()
    if (to !== home) removal.observe(home, { childList: true, subtree: true })
  }
  const removal = new MutationObserver(() => {
    if (!element.isConnected) put()
  })
  const opening = new MutationObserver((all) => {
    for (const { target } of all) {
      opened = opened.filter((d) => d !== target && d.isConnected)
      if ((target as Element).hasAttribute('open')) opened.push(target as Element)
    }
    put()
  })
  put()
  opening.observe(home, { attributes: true, attributeFilter: ['open'], subtree: true })
  return {
    stop() {
      opening.disconnect()
      removal.disconnect()
      element.remove()
    },
  }
}
