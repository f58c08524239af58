import type { Collected, ConsoleEntry, NetworkEntry, Options, Privacy, UserAction } from '../contract.ts'
import { watchActions } from './actions.ts'
import { watchConsole, watchErrors } from './console.ts'
import { device } from './device.ts'
import { watchNetwork } from './network.ts'
import { newRing, type Ring } from './ring.ts'
import { longestMessage } from './serialise.ts'
import { watchVitals } from './vitals.ts'

/** UTF-16 units in memory of each log; the server takes 512 KiB of JSON. */
const logSize = 200_000
const actionAge = 60_000 // ms

export interface Collector {
  /** Everything until now, with what is private hidden. */
  collect(): Collected
  /** While frozen, actions are not recorded: those in the form are no news. */
  freeze(on: boolean): void
  actions(on: boolean): void
  stop(): void
}

/** A filter of the page decides about an entry; one that throws lets it pass. */
function filtered<T>(entry: T, filter: ((e: T) => boolean | T) | undefined): T | null {
  if (!filter) return entry
  try {
    const verdict = filter(entry)
    if (verdict === false) return null
    return typeof verdict === 'object' && verdict !== null ? { ...entry, ...verdict } : entry
  } catch {
    return entry
  }
}

export function newCollector(o: Options, privacy: Privacy, host: Element, root: string): Collector {
  const console_: Ring<ConsoleEntry> = newRing(o.maxConsoleLogs ?? 50, logSize)
  const network: Ring<NetworkEntry> = newRing(o.maxNetworkLogs ?? 30, logSize)
  const actions: Ring<UserAction> = newRing(200, logSize, actionAge)
  const undo: (() => void)[] = []
  let frozen = false

  if (o.collectConsole) {
    const record = (level: ConsoleEntry['level'], text: string, stack?: string): void => {
      const entry = filtered<ConsoleEntry>({ level, message: text.slice(0, longestMessage + 10), timestamp: Date.now(), ...(stack ? { stack } : {}) }, o.consoleFilter)
      if (entry) console_.add(entry, text.length + (stack?.length ?? 0) + 60)
    }
    undo.push(watchConsole(record, privacy.secretName), watchErrors(record, root, privacy.secretName))
  }
  if (o.collectNetwork) {
    undo.push(
      watchNetwork((seen) => {
        const entry = filtered<NetworkEntry>(seen, o.networkFilter)
        if (entry) network.add(entry, JSON.stringify(entry).length)
      }),
    )
  }
  let unwatch: (() => void) | null = null
  const setActions = (on: boolean): void => {
    if (on && !unwatch) unwatch = watchActions((a) => !frozen && actions.add(a, 200), host)
    if (!on) {
      unwatch?.()
      unwatch = null
    }
  }
  setActions(o.enableSessionRecording === true)
  const vitals = watchVitals()

  const headers = (h: { [name: string]: string }): { [name: string]: string } =>
    Object.fromEntries(Object.entries(h).filter(([name]) => !privacy.secretName(name)).map(([name, v]) => [name, /location|referer|link/i.test(name) ? privacy.url(v) : privacy.text(v)]))
  return {
    collect: () => ({
      console: console_.list().map((e) => ({ ...e, message: privacy.text(e.message), ...(e.stack ? { stack: privacy.text(e.stack) } : {}) })),
      network: network.list().map((e) => ({ ...e, url: privacy.url(e.url), ...(e.responseHeaders ? { responseHeaders: headers(e.responseHeaders) } : {}) })),
      actions: unwatch
        ? actions.list().map((a) => {
            const data = Object.fromEntries(Object.entries(a.data ?? {}).map(([k, v]) => [k, typeof v === 'string' ? privacy.url(v) : v]))
            return { ...a, ...(a.target ? { target: privacy.text(a.target) } : {}), data }
          })
        : [],
      metadata: device(o, privacy, vitals.values()),
    }),
    freeze(on) {
      frozen = on
    },
    actions: setActions,
    stop() {
      setActions(false)
      vitals.stop()
      undo.reverse().forEach((u) => u())
    },
  }
}
