import type { Form, Host, NetworkEntry, Options, Parts, Privacy, Remote, Texts, User } from '../contract.ts'
import { css, newButton } from './button.ts'
import { newCollector } from './collector.ts'
import { draggable } from './drag.ts'
import { watchNetwork } from './network.ts'
import { checked, rootOf } from './options.ts'
import { keepReachable, type Place } from './place.ts'
import { newLoader } from './part.ts'
import { remoteSettings } from './remote.ts'
import { languageOf, words } from './words.ts'

/** A running widget. */
export interface Widget {
  open(): void
  close(): void
  destroy(): void
  identify(user: User): void
  setReporter(text: string): void
  check(): Promise<string[]>
}

/** What sender/queue.ts leaves behind while it holds reports. */
const queued = 'bugspark:queue'

/** How the script came to the page. */
export interface Origin {
  nonce: string
  /**
   * A script of another site without the attribute crossorigin. Browsers tell nobody of a
   * rejection that has passed through it, so the page's fetch must not be wrapped by it.
   */
  muted: boolean
  /** Starts the widget that the server has now, and opens its form; absent for a pinned script. */
  renew?: (o: Options) => Promise<void>
}

export function start(given: Options, { nonce, muted, renew }: Origin): Widget {
  const { options, key, endpoint } = checked(given)
  const nativeFetch = window.fetch.bind(window)
  let gone = false
  let position: Place | null = null
  // A field whose password is shown is of another type, and still secret.
  const passwords = new WeakSet<EventTarget>()
  const element = document.createElement('div')
  const loader = newLoader(rootOf(endpoint), nonce)
  const watchLater = (record: (e: NetworkEntry) => void): (() => void) => {
    let undo: (() => void) | null = null
    loader.load('network').then((p) => !gone && (undo = (p as Parts['network']).watchNetwork(record)), () => {})
    return () => undo?.()
  }
  const collector = newCollector(options, element, rootOf(endpoint), muted ? watchLater : watchNetwork)
  const language = languageOf(options.language)
  const textPart = `text-${language.toLowerCase()}`
  let reporter = options.reporterIdentifier
  let form: Form | null = null
  let opening = false
  let cancelled = false // closed before it had opened

  const root = element.attachShadow({ mode: 'closed' })
  const style = (text: string): void => {
    if (!('adoptedStyleSheets' in root)) {
      // Safari before 16.4. A strict policy of the page refuses this one.
      const old = document.createElement('style')
      old.textContent = text
      ;(root as ShadowRoot).append(old)
      return
    }
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(text)
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet]
  }
  const frame = document.createElement('div')
  frame.className = 'bs'
  frame.lang = language
  frame.dataset.position = options.position ?? 'bottom-right'
  const dark = matchMedia('(prefers-color-scheme:dark)')
  const theme = (): void => {
    const wanted = options.theme ?? 'light'
    frame.dataset.theme = wanted === 'auto' ? (dark.matches ? 'dark' : 'light') : wanted
  }
  theme()
  dark.addEventListener?.('change', theme)
  style(css)
  root.append(frame)

  const fail = (error: unknown): void => {
    try {
      options.onError?.(error instanceof Error ? error : new Error(String(error)))
    } catch {
      // The page's own handler failed; there is nobody to tell.
    }
  }
  const call = (hook: (() => void) | undefined): void => {
    try {
      hook?.()
    } catch (e) {
      fail(e)
    }
  }
  const password = (e: Event): void => {
    const field = e.composedPath()[0]
    if (field && (field as HTMLInputElement).type === 'password') passwords.add(field)
  }
  addEventListener('focusin', password, true) // also in shadow roots
  const shown = new MutationObserver((all) => {
    for (const m of all) if (m.oldValue?.toLowerCase() === 'password') passwords.add(m.target)
  })
  shown.observe(document, { attributes: true, attributeFilter: ['type'], attributeOldValue: true, subtree: true })

  const button = newButton(frame)
  button.element.hidden = options.hideButton === true
  const host: Host = {
    options,
    key,
    endpoint,
    remote: {},
    privacy: {} as Privacy, // set before the form opens
    element,
    root,
    language,
    memory: new Map(),
    fetch: nativeFetch,
    reporter: () => reporter ?? options.user?.email ?? options.user?.name ?? options.user?.id,
    collect: () => ({ console: [], network: [], actions: [], metadata: {} }),
    part: <K extends keyof Parts>(name: K) => loader.load(name) as Promise<Parts[K]>,
    style,
    fail,
    say: button.say,
    closed() {
      form = null
      collector.freeze(false)
      button.element.hidden = options.hideButton === true
      call(options.onClose)
    },
  }

  const apply = (r: Remote): void => {
    host.remote = r
    button.apply(options, r, words[language].report)
    if (r.enableSessionRecording === false) collector.actions(false)
  }
  const prepare = (): void => {
    for (const name of ['form', 'privacy', textPart]) loader.prepare(name).catch(() => {})
  }
  const open = async (): Promise<void> => {
    if (form) return form.focus()
    cancelled = false
    if (opening || gone) return
    opening = true
    let loaded = false
    button.say('')
    button.element.setAttribute('aria-busy', 'true')
    try {
      const [part, p, texts] = await Promise.all([host.part('form'), host.part('privacy'), loader.load(textPart) as Promise<{ default: Texts }>])
      if (gone || cancelled) return
      host.privacy = p.newPrivacy(options, passwords)
      host.collect = () => {
        collector.freeze(true)
        return p.masked(collector.raw(), options, host.privacy)
      }
      loaded = true
      if (!element.isConnected) {
        position?.stop()
        position = null
      }
      place() // a page may open it before it is painted
      form = part.open(host, merged(texts.default, options.texts))
      button.element.hidden = true
      call(options.onOpen)
    } catch (e) {
      // A page that was open while the server was upgraded asks for parts that are gone.
      if (!loaded && await renew?.({ ...options, ...(reporter ? { reporterIdentifier: reporter } : {}) }).then(() => true, () => false)) return
      button.say(words[language].away)
      fail(e)
    } finally {
      opening = false
      button.element.removeAttribute('aria-busy')
    }
  }
  button.element.addEventListener('click', () => void open())
  for (const name of ['pointerenter', 'focus', 'touchstart']) button.element.addEventListener(name, prepare, { once: true, passive: true })

  /** Whether an earlier visit may have left a report. The mark is missing where its storage was full. */
  const left = async (): Promise<boolean> => {
    try {
      if (localStorage.getItem(queued) !== null) return true
      return ((await indexedDB.databases?.()) ?? []).some((d) => d.name === 'bugspark')
    } catch {
      return false
    }
  }
  const flush = (): void => {
    left()
      .then(async (some) => {
        if (some && !gone) await (await host.part('sender')).flush(host)
      })
      .catch(fail)
  }
  const place = (): void => {
    if (gone || position) return
    apply({})
    position = keepReachable(element, () => form?.show())
    draggable(button.element)
    const settled = (): void => {
      if (gone) return
      remoteSettings(host).then((r) => !gone && apply(r), () => {})
      flush()
    }
    // After the page has loaded, so that nothing of the page waits for it.
    if (document.readyState === 'complete') setTimeout(settled)
    else addEventListener('load', () => setTimeout(settled), { once: true })
  }
  /** The page is painted before the button is made. A tab in the background paints nothing, and has a second. */
  const painted = (): void => {
    requestAnimationFrame(() => setTimeout(place))
    setTimeout(place, 1000)
  }
  if (document.readyState === 'complete') place()
  else if (document.readyState === 'interactive') painted()
  else addEventListener('DOMContentLoaded', painted, { once: true })
  addEventListener('online', flush)

  return {
    open: () => void open(),
    close() {
      cancelled = opening
      form?.close()
    },
    identify(user) {
      options.user = { ...user }
    },
    setReporter(text) {
      reporter = String(text).slice(0, 255)
    },
    check: async () => (await host.part('check')).check(host),
    destroy() {
      gone = true
      form?.destroy()
      form = null
      collector.stop()
      removeEventListener('online', flush)
      removeEventListener('DOMContentLoaded', painted)
      removeEventListener('focusin', password, true)
      shown.disconnect()
      dark.removeEventListener?.('change', theme)
      position?.stop()
    },
  }
}

/** Texts of a page over ours, member by member. */
function merged<T>(ours: T, theirs: unknown): T {
  if (typeof theirs !== 'object' || theirs === null) return ours
  const out: { [name: string]: unknown } = { ...(ours as object) }
  for (const [name, v] of Object.entries(theirs)) {
    if (typeof out[name] === 'string' && typeof v === 'string') out[name] = v
    else if (typeof out[name] === 'object') out[name] = merged(out[name], v)
  }
  return out as T
}
