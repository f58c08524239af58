/** What /widget/manifest.json says of the widget that this server serves. */
export interface Manifest {
  version: string
  pinnedUrl: string
  integrity: string
}

/** Whether text is a manifest that a snippet may be made of: it is put into markup. */
export function isManifest(value: unknown): value is Manifest {
  const m = value as Partial<Record<keyof Manifest, unknown>> | null
  return (
    typeof m === 'object' &&
    m !== null &&
    typeof m.version === 'string' &&
    typeof m.pinnedUrl === 'string' &&
    /^\/widget-[\w.+~-]+\.js$/.test(m.pinnedUrl) &&
    typeof m.integrity === 'string' &&
    /^sha384-[A-Za-z0-9+/]{64}$/.test(m.integrity)
  )
}
