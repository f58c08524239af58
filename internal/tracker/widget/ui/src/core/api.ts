import type { Options, User } from '../contract.ts'
import { checked, rootOf, version } from './options.ts'
import { start, type Origin, type Widget } from './widget.ts'

export interface API {
  init(options: Options): void
  open(): void
  close(): void
  destroy(): void
  identify(user: User): void
  setReporter(text: string): void
  check(): Promise<string[]>
  version: string
}

/** Two copies of the script on one page are one widget. */
const place = Symbol.for('bugspark.widget')
type Holder = { [place]?: Widget | undefined }

export function newAPI(origin: Origin, renewable: boolean): API {
  const holder = window as unknown as Holder
  const renewed = async (options: Options): Promise<void> => {
    const url = `${rootOf(checked(options).endpoint)}widget.mjs?${Date.now()}`
    const now = (await import(/* @vite-ignore */ url)) as API
    api.destroy()
    now.init(options)
    now.open()
  }
  const running = (): Widget | undefined => holder[place]
  const api: API = {
    init(options) {
      if (running()) {
        console.warn('BugSpark: init was called again; the first call counts')
        return
      }
      const w = start(options, { ...origin, ...(renewable ? { renew: renewed } : {}) })
      Object.defineProperty(holder, place, { configurable: true, writable: true, value: w })
    },
    open: () => running()?.open(),
    close: () => running()?.close(),
    destroy() {
      running()?.destroy()
      delete holder[place]
    },
    identify: (user) => running()?.identify(user),
    setReporter: (text) => running()?.setReporter(text),
    check: async () => running()?.check() ?? ['init was not called, or failed'],
    version,
  }
  return api
}
