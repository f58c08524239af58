/** Whether the page stays as it is. */

export interface Still {
  /** Ends the watch. */
  kept(): boolean
}

export function watchPage(): Still {
  let changed = false
  const change = (): void => { changed = true }
  const observer = new MutationObserver(change)
  observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true })
  const events = ['scroll', 'resize', 'input']
  for (const name of events) addEventListener(name, change, true)
  return {
    kept() {
      changed ||= observer.takeRecords().length > 0
      observer.disconnect()
      for (const name of events) removeEventListener(name, change, true)
      return !changed
    },
  }
}
