/** Loads the lazy parts from the server, each against its hash. */

declare const __PARTS__: { [name: string]: [file: string, integrity: string] }

export interface Loader {
  /** Fetches a part without running it. */
  prepare(name: string): Promise<void>
  load(name: string): Promise<unknown>
}

export function newLoader(root: string, nonce: string): Loader {
  const fetched = new Map<string, Promise<void>>()
  const loaded = new Map<string, Promise<unknown>>()
  let tries = 0

  const url = (name: string): string => root + (__PARTS__[name]?.[0] ?? '') + (tries > 0 ? `?again=${tries}` : '')

  const prepare = (name: string): Promise<void> => {
    let p = fetched.get(name)
    if (p) return p
    // A preloaded module is checked against the hash and is what import() then runs. A fetch
    // of our own could be checked too, but what it brings can only be run by eval.
    p = new Promise<void>((resolve, reject) => {
      const link = document.createElement('link')
      if (!link.relList?.supports?.('modulepreload')) return resolve()
      link.rel = 'modulepreload'
      link.crossOrigin = 'anonymous'
      link.integrity = __PARTS__[name]?.[1] ?? ''
      if (nonce !== '') link.nonce = nonce
      link.onload = () => (link.remove(), resolve())
      link.onerror = () => (link.remove(), reject(new Error(`BugSpark: ${url(name)} did not load, or is not what this version needs`)))
      link.href = url(name)
      document.head.append(link)
    })
    fetched.set(name, p)
    p.catch(() => {
      // The browser remembers a module that failed; another query is another module.
      fetched.delete(name)
      tries++
    })
    return p
  }
  const load = (name: string): Promise<unknown> => {
    let p = loaded.get(name)
    if (p) return p
    p = prepare(name).then(() => import(/* @vite-ignore */ url(name)) as Promise<unknown>)
    loaded.set(name, p)
    p.catch(() => {
      loaded.delete(name)
      fetched.delete(name)
      tries++
    })
    return p
  }
  return { prepare, load }
}
