import type { Host, Remote } from '../contract.ts'

/** Asks the server for the project's settings. What has another type than agreed is left out. */
export async function remoteSettings(host: Host): Promise<Remote> {
  const answer = await host.fetch(`${host.endpoint}/projects/widget-config`, { headers: { 'X-API-Key': host.key }, credentials: 'omit' })
  if (!answer.ok) return {}
  const given = (await answer.json()) as { [name: string]: unknown }
  const out: { [name: string]: unknown } = {}
  for (const [name, type] of Object.entries({
    primaryColor: 'string',
    showWatermark: 'boolean',
    enableScreenshot: 'boolean',
    enableSessionRecording: 'boolean',
    modalTitle: 'string',
    buttonText: 'string',
    logoUrl: 'string',
  })) {
    const v = given[name]
    if (typeof v === type) out[name] = typeof v === 'string' ? v.slice(0, 500) : v
  }
  return out as Remote
}
