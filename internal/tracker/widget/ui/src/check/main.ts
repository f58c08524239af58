import type { Host } from '../contract.ts'

/** Says in words what the browser and the page's policy cost, and whether reports would be taken. It makes none. */
export async function check(host?: Host): Promise<string[]> {
  const out: string[] = []
  if (!('adoptedStyleSheets' in Document.prototype)) out.push('This browser needs style-src \'unsafe-inline\' for the look of the form; newer ones do not.')
  if (!isSecureContext) out.push('The page is not loaded over https: the browser shares no screen and keeps no lock between tabs.')
  if (!navigator.mediaDevices?.getDisplayMedia) out.push('This browser shares no screen; the picture of the page is drawn by the widget.')
  try {
    localStorage.getItem('bugspark:queue')
  } catch {
    out.push('Storage is forbidden: a report that cannot be sent is lost when the page is left.')
  }
  if (host) out.push(...(await server(host)))
  return out
}

/** In milliseconds. */
const patience = 10_000

/** Asks for the project's settings, then offers a picture that is none: the server judges the page before it reads one. */
async function server({ endpoint, key, fetch }: Host): Promise<string[]> {
  const server = new URL(endpoint).origin
  let blocked = ''
  const violated = (e: SecurityPolicyViolationEvent): void => {
    if (e.effectiveDirective === 'connect-src' && e.blockedURI.startsWith(server)) blocked = e.effectiveDirective
  }
  document.addEventListener('securitypolicyviolation', violated)
  const ask = async (path: string, method: string): Promise<{ status: number; code: string }> => {
    const abort = new AbortController()
    const timer = setTimeout(() => abort.abort(), patience)
    try {
      const r = await fetch(endpoint + path, { method, headers: { 'X-API-Key': key }, credentials: 'omit', cache: 'no-store', redirect: 'manual', signal: abort.signal })
      const { code } = (await r.json().catch(() => ({}))) as { code?: unknown }
      return { status: r.status, code: typeof code === 'string' ? code : '' }
    } finally {
      clearTimeout(timer)
    }
  }
  try {
    const settings = await ask('/projects/widget-config', 'GET')
    if (settings.code === 'project.inactive') return ['The project is switched off: its owner can switch it on in the dashboard.']
    if (settings.status === 401 || settings.status === 403) return [`The server ${server} does not know the key ${key.slice(0, 12)}…; the dashboard shows how the present one begins.`]
    if (settings.status !== 200) return [`${endpoint} answers ${settings.status || 'with a redirect'}: it is not the address of a BugSpark server, or the server is not well.`]
    const picture = await ask('/upload/screenshot', 'POST')
    if (picture.code === 'origin.not_allowed') return [`The project takes no reports from ${location.origin}: add it to its allowed origins in the dashboard.`]
    if (picture.code === 'quota.reached') return ['The server keeps no more pictures without a report for this project now; try again in an hour.']
    if (picture.status === 429) return ['The server has been asked too often to say whether this site may send reports; try again later.']
    if (picture.code === 'server.full') return ['The disk of the server is full: it takes no reports now.']
    if (picture.status !== 422) return [`Pictures are answered with ${picture.status || 'a redirect'}: something before the server may refuse them.`]
  } catch {
    await new Promise((resolve) => setTimeout(resolve)) // the report of the policy comes after the failure
    return [blocked !== '' ? `The page's policy forbids connections to the server: add ${server} to connect-src.` : `The server ${server} cannot be reached.`]
  } finally {
    document.removeEventListener('securitypolicyviolation', violated)
  }
  return []
}
