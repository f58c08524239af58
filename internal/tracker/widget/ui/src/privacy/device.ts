import type { Options, Privacy } from '../contract.ts'
import { json } from '../core/json.ts'

interface Hints {
  connection?: { effectiveType?: string }
  deviceMemory?: number
  userAgentData?: { platform?: string }
}

/** How much the page's own metadata may take, in characters of JSON. */
const longest = 32_000

/** What the browser is, and what the page adds to it. */
export function device(o: Options, privacy: Privacy, vitals: { [name: string]: number }): Record<string, unknown> {
  const n = navigator as Navigator & Hints
  const out: Record<string, unknown> = {
    userAgent: n.userAgent,
    viewport: { width: innerWidth, height: innerHeight },
    screenResolution: { width: screen.width, height: screen.height },
    url: privacy.url(location.href),
    referrer: privacy.url(String(document.referrer)),
    locale: n.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    platform: n.userAgentData?.platform || n.platform,
    devicePixelRatio,
  }
  if (n.connection?.effectiveType) out.connection = n.connection.effectiveType
  if (n.deviceMemory) out.memory = n.deviceMemory
  if (Object.keys(vitals).length > 0) out.performance = vitals
  if (o.environment) out.environment = privacy.text(String(o.environment).slice(0, 100))
  if (o.release) out.release = privacy.text(String(o.release).slice(0, 100))
  // The page says who its user is, on purpose; the e-mail address stands in the form.
  if (o.user?.id || o.user?.name) out.user = { ...(o.user.id ? { id: privacy.text(String(o.user.id).slice(0, 255)) } : {}), ...(o.user.name ? { name: String(o.user.name).slice(0, 255) } : {}) }
  const own = pageMetadata(o, privacy)
  if (own !== undefined) out.custom = own
  return out
}

function pageMetadata(o: Options, privacy: Privacy): unknown {
  if (o.metadata === undefined) return undefined
  try {
    const given = typeof o.metadata === 'function' ? o.metadata() : o.metadata
    if ((given as unknown) instanceof Promise) {
      ;(given as unknown as Promise<unknown>).catch(() => {})
      return { unreadable: 'metadata is a promise; the form does not wait for one' }
    }
    const clean = copied(given, privacy, [])
    return json(clean).length > longest ? { cut: 'it is larger than 32 KB' } : clean
  } catch (e) {
    return { unreadable: privacy.text(String(e).slice(0, 300)) }
  }
}

const deepest = 8
const members = 200

/** A copy of plain data with everything private hidden. No getter and no toJSON is called. */
function copied(v: unknown, p: Privacy, above: unknown[]): unknown {
  if (typeof v === 'string') return p.text(v.length > 8000 ? v.slice(0, 7936) + '…' : v)
  if (typeof v === 'number' || typeof v === 'bigint') return p.text(String(v)) === String(v) ? (typeof v === 'number' ? v : String(v)) : '[hidden]'
  if (typeof v === 'boolean' || v === null) return v
  if (typeof v !== 'object') return undefined
  if (v instanceof Date) return Number.isNaN(+v) ? null : new Date(+v).toISOString()
  if (above.includes(v)) return '[cycle]'
  if (above.length >= deepest) return '[deeper]'
  const inside = [...above, v]
  if (Array.isArray(v)) return v.slice(0, members).map((item: unknown, i) => (typeof v[i - 1] === 'string' && p.secretName(v[i - 1] as string) ? '[hidden]' : (copied(item, p, inside) ?? null)))
  const out: { [name: string]: unknown } = {}
  const own = (name: string): unknown => Object.getOwnPropertyDescriptor(v, name)?.value as unknown
  const named = [own('name'), own('key')].some((n) => typeof n === 'string' && p.secretName(n))
  for (const name of Object.keys(v).slice(0, members)) {
    const d = Object.getOwnPropertyDescriptor(v, name)
    out[p.text(name.slice(0, 200))] = p.secretName(name) || (named && name === 'value') ? '[hidden]' : d && 'value' in d ? copied(d.value, p, inside) : '[getter]'
  }
  return out
}
