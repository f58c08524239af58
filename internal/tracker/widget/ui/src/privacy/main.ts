/** Hides what is private in what was collected. It is loaded with the form: until then nothing leaves the page. */
import type { Collected, Options, Privacy, Raw } from '../contract.ts'
import { device } from './device.ts'

export { newPrivacy } from './privacy.ts'

function headers(h: { [name: string]: string }, p: Privacy): { [name: string]: string } {
  const shown = Object.entries(h).filter(([name]) => !p.secretName(name))
  return Object.fromEntries(shown.map(([name, v]) => [p.text(name), /location|referer|link|url/i.test(name) ? p.url(v) : p.text(v)]))
}

export function masked(raw: Raw, o: Options, p: Privacy): Collected {
  return {
    console: raw.console.map((e) => ({ ...e, message: p.text(e.message), ...(e.stack ? { stack: p.text(e.stack) } : {}) })),
    network: raw.network.map((e) => ({ ...e, url: p.url(e.url), ...(e.responseHeaders ? { responseHeaders: headers(e.responseHeaders, p) } : {}) })),
    actions: raw.actions.map((a) => {
      const data = Object.fromEntries(Object.entries(a.data ?? {}).map(([name, v]) => [name, typeof v === 'string' ? p.url(v) : v]))
      return { ...a, ...(a.target ? { target: p.text(a.target) } : {}), data }
    }),
    metadata: device(o, p, raw.vitals),
  }
}
