import type { ConsoleEntry, NetworkEntry, Options, Raw, UserAction } from '../contract.ts'
import { watchActions } from './actions.ts'
import { watchConsole, watchErrors } from './console.ts'
import { newRing, type Ring } from './ring.ts'
import { secretName } from './secret.ts'
import { watchVitals } from './vitals.ts'

/** UTF-16 units in memory of each log; the server takes 512 KiB of JSON. */
const logSize = 200_000
const actionAge = 60_000 // ms

export interface Collector {
  /** Everything until now, as it was seen: what is private in it is hidden before anybody gets it. */
  raw(): Raw
  /** While frozen, actions are not recorded: those in the form are no news. */
  freeze(on: boolean): void
  actions(on: boolean): void
  stop(): void
}

/** A filter of the page decides about an entry; one that throws lets it pass. */
function filtered<T>(entry: T, filter: ((e: T) => boolean | T) | undefined): T | null {
  if (!filter) return entry
  try {
    const verdict = filter(entry) as boolean | (T & { catch?(f: () => void): void })
    if (verdict === false) return null
    if (typeof verdict !== 'object' || verdict === null) return entry
    if (!verdict.catch) return verdict
    verdict.catch(() => {}) // no entry waits for a promise
    return entry
  } catch {
    return entry
  }
}

/** Begins to watch the network, now or when a module for it has come; returns the undo. */
export type WatchNetwork = (record: (e: NetworkEntry) => void) => () => void

export function newCollector(o: Options, host: Element, root: string, watch: WatchNetwork): Collector {
  const console_: Ring<ConsoleEntry> = newRing(o.maxConsoleLogs ?? 50, logSize)
  const network: Ring<NetworkEntry> = newRing(o.maxNetworkLogs ?? 30, logSize)
  const actions: Ring<UserAction> = newRing(200, logSize, actionAge)
  const undo: (() => void)[] = []
  let frozen = false

  if (o.collectConsole) {
    const record = (level: ConsoleEntry['level'], text: string, stack?: string): void => {
      const entry = filtered<ConsoleEntry>({ level, message: text, timestamp: Date.now(), ...(stack ? { stack } : {}) }, o.consoleFilter)
      if (entry) console_.add(entry, text.length + (stack?.length ?? 0) + 60)
    }
    undo.push(watchConsole(record, secretName), watchErrors(record, root, secretName))
  }
  if (o.collectNetwork) {
    undo.push(
      watch((seen) => {
        if (String(seen.url).startsWith(root + 'api/')) return // our own
        const entry = filtered<NetworkEntry>(seen, o.networkFilter)
        if (entry) network.add(entry, String(entry.url).length + 400)
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

  return {
    raw: () => ({
      console: console_.list(),
      network: network.list(),
      actions: unwatch ? actions.list() : [],
      vitals: vitals.values(),
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
