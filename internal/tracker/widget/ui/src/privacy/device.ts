import type { Options, Privacy } from '../contract.ts'

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
    referrer: privacy.url(document.referrer),
    locale: n.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    platform: n.userAgentData?.platform || n.platform,
    devicePixelRatio,
  }
  if (n.connection?.effectiveType) out.connection = n.connection.effectiveType
  if (n.deviceMemory) out.memory = n.deviceMemory
  if (Object.keys(vitals).length > 0) out.performance = vitals
  if (o.environment) out.environment = o.environment.slice(0, 100)
  if (o.release) out.release = o.release.slice(0, 100)
  if (o.user?.id) out.user = { id: String(o.user.id).slice(0, 255) }
  const own = pageMetadata(o, privacy)
  if (own !== undefined) out.custom = own
  return out
}

function pageMetadata(o: Options, privacy: Privacy): unknown {
  if (o.metadata === undefined) return undefined
  try {
    const given = typeof o.metadata === 'function' ? o.metadata() : o.metadata
    const text = JSON.stringify(given, (name, v: unknown) =>
      name !== '' && privacy.secretName(name) ? '[hidden]' : typeof v === 'string' ? privacy.text(v) : typeof v === 'bigint' ? String(v) : v,
    )
    return text === undefined ? undefined : text.length > longest ? { cut: text.slice(0, 1000) } : (JSON.parse(text) as unknown)
  } catch (e) {
    return { unreadable: privacy.text(String(e).slice(0, 300)) }
  }
}
