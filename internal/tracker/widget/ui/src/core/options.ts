import type { Options } from '../contract.ts'

/** The version of the public interface. */
export const version = '1'

function no(text: string): never {
  throw new TypeError('BugSpark: ' + text)
}

/** Checks what a page has given. It throws in words for the page's author. */
export function checked(given: Options): { options: Options; key: string; endpoint: string } {
  if (typeof given !== 'object' || given === null) no('init needs an object with projectKey and endpoint')
  const o: Options = { ...given }
  const key = String(o.projectKey ?? o.apiKey ?? '').trim()
  if (!key) no('projectKey is missing; the dashboard shows it')
  if (!o.endpoint) no('endpoint is missing; it is https://YOUR-SERVER/api/v1')
  let endpoint: URL | null = null
  try {
    endpoint = new URL(o.endpoint, location.href)
  } catch {
    // Told below.
  }
  if (!endpoint || !/^https?:$/.test(endpoint.protocol)) no(`endpoint ${o.endpoint} is no address; it must begin with https:// or http://`)
  rectify(o)
  o.collectConsole ??= o.enableConsoleLogs ?? true
  o.collectNetwork ??= o.enableNetworkLogs ?? true
  o.maxConsoleLogs = count(o.maxConsoleLogs, 50)
  o.maxNetworkLogs = count(o.maxNetworkLogs, 30)
  return { options: o, key, endpoint: (endpoint.origin + endpoint.pathname).replace(/\/+$/, '') }
}

/** What is none of the known values is left out and told once; hooks that are promises harm nobody. */
function rectify(o: Options): void {
  let told = ''
  const branding = (o.branding = { ...o.branding })
  const keep = (from: object, name: string, right: (v: string) => unknown, otherwise = 'the default'): void => {
    const all = from as { [name: string]: string | undefined }
    const v = all[name]
    if (v === undefined || right(v)) return
    told += `; ${name} ${v} is unknown, ${otherwise} is used`
    delete all[name]
  }
  const color = (v: string): boolean => CSS.supports('color', v)
  keep(o, 'position', (v) => /^(?:bottom|top)-(?:right|left)$/.test(v), 'bottom-right')
  keep(o, 'theme', (v) => /^(?:light|dark|auto)$/.test(v), 'light')
  // With texts of its own a page may be in any language.
  keep(o, 'language', (v) => o.texts || /^(?:auto|en|zh|de|fr|es)\b/i.test(v), 'auto')
  keep(o, 'primaryColor', color)
  keep(branding, 'primaryColor', color)
  keep(branding, 'textColor', color)
  if (told) console.warn('BugSpark' + told)
  for (const name of ['onSubmit', 'onOpen', 'onClose', 'onError'] as const) {
    const hook = o[name] as ((v: unknown) => { catch?(f: (e: Error) => void): void } | undefined) | undefined
    if (typeof hook === 'function') o[name] = (v?: unknown) => hook.call(o, v)?.catch?.((e) => name === 'onError' || o.onError?.(e))
  }
}

const count = (n: unknown, otherwise: number): number => {
  const c = parseInt(String(n))
  return c >= 0 ? Math.min(500, c) : otherwise
}

/** Where the server's files are: the endpoint without /api/v1. */
export const rootOf = (endpoint: string): string => endpoint.replace(/\/api\/v\d+$/, '') + '/'

/** What the attributes of a script tag say. */
export function fromScript(script: HTMLScriptElement): Options | null {
  const d = script.dataset
  const key = d.projectKey ?? d.apiKey
  if (key === undefined) return null
  const o: { [name: string]: unknown } = {
    projectKey: key,
    endpoint: d.endpoint ?? (script.src === '' ? '' : new URL('api/v1', script.src).href),
  }
  const branding: { [name: string]: unknown } = {}
  if (d.watermark !== undefined) branding.showWatermark = d.watermark !== 'false'
  for (const name of ['buttonText', 'modalTitle']) if (d[name]) branding[name] = d[name]
  o.branding = branding
  for (const name of ['position', 'theme', 'language', 'primaryColor', 'environment', 'release', 'reporterIdentifier', 'maxConsoleLogs', 'maxNetworkLogs']) if (d[name]) o[name] = d[name]
  for (const name of ['enableScreenshot', 'collectConsole', 'enableConsoleLogs', 'collectNetwork', 'enableNetworkLogs', 'enableSessionRecording', 'maskInputs', 'hideButton'])
    if (d[name] !== undefined) o[name] = d[name] !== 'false'
  for (const name of ['maskSelectors', 'blockSelectors', 'maskNumbers']) if (d[name]) o[name] = d[name].split(',').map((s) => s.trim())
  return o as unknown as Options
}
