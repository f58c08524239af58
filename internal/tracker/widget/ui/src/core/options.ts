import type { Options } from '../contract.ts'

/** The version of the public interface. */
export const version = '1'

/** Checks what a page has given. It throws in words for the page's author. */
export function checked(given: Options): { options: Options; key: string; endpoint: string } {
  if (typeof given !== 'object' || given === null) throw new TypeError('BugSpark: init needs an object with projectKey and endpoint')
  const o: Options = { ...given }
  const key = o.projectKey ?? o.apiKey
  if (typeof key !== 'string' || key.trim() === '') throw new TypeError('BugSpark: projectKey is missing; the dashboard shows it when a project is created')
  if (typeof o.endpoint !== 'string' || o.endpoint === '') throw new TypeError('BugSpark: endpoint is missing; it is https://YOUR-SERVER/api/v1')
  let endpoint: URL
  try {
    endpoint = new URL(o.endpoint, location.href)
  } catch {
    throw new TypeError(`BugSpark: endpoint ${o.endpoint} is no address`)
  }
  if (!/^https?:$/.test(endpoint.protocol)) throw new TypeError('BugSpark: endpoint must begin with https:// or http://')
  o.collectConsole = o.collectConsole ?? o.enableConsoleLogs ?? true
  o.collectNetwork = o.collectNetwork ?? o.enableNetworkLogs ?? true
  o.maxConsoleLogs = count(o.maxConsoleLogs, 50)
  o.maxNetworkLogs = count(o.maxNetworkLogs, 30)
  return { options: o, key: key.trim(), endpoint: (endpoint.origin + endpoint.pathname).replace(/\/+$/, '') }
}

const count = (n: unknown, otherwise: number): number => (typeof n === 'number' && n >= 0 ? Math.min(500, Math.floor(n)) : otherwise)

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
  if (d.buttonText) branding.buttonText = d.buttonText
  if (d.modalTitle) branding.modalTitle = d.modalTitle
  o.branding = branding
  for (const name of ['position', 'theme', 'language', 'primaryColor', 'environment', 'release', 'reporterIdentifier']) if (d[name]) o[name] = d[name]
  for (const name of ['enableScreenshot', 'collectConsole', 'enableConsoleLogs', 'collectNetwork', 'enableNetworkLogs', 'enableSessionRecording', 'maskInputs', 'hideButton'])
    if (d[name] !== undefined) o[name] = d[name] !== 'false'
  for (const name of ['maxConsoleLogs', 'maxNetworkLogs']) if (d[name]) o[name] = Number(d[name])
  for (const name of ['maskSelectors', 'blockSelectors', 'maskNumbers']) if (d[name]) o[name] = d[name].split(',').map((s) => s.trim())
  return o as unknown as Options
}
