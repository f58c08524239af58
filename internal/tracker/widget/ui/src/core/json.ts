/**
 * JSON that does not depend on a toJSON which the page has put on Object.prototype or
 * Array.prototype: old libraries do. Text, numbers and truth values have no toJSON to be called.
 */
export function json(v: unknown, indent = '', before = '\n'): string {
  if (typeof v !== 'object' || v === null) return v === undefined || typeof v === 'function' || typeof v === 'symbol' ? 'null' : typeof v === 'bigint' ? `"${v}"` : JSON.stringify(v)
  const inside = before + indent
  const [start, between, close] = indent === '' ? ['', ',', ''] : [inside, ',' + inside, before]
  if (Array.isArray(v)) return v.length === 0 ? '[]' : `[${start}${Array.from(v, (item) => json(item, indent, inside)).join(between)}${close}]`
  // Dates, and classes that say how they are written; a hook of the page may have put them there.
  const own = (v as { toJSON?: unknown }).toJSON
  if (typeof own === 'function' && own !== (Object.prototype as { toJSON?: unknown }).toJSON) return json((own as () => unknown).call(v), indent, before)
  const all = Object.entries(v).filter(([, item]) => item !== undefined && typeof item !== 'function' && typeof item !== 'symbol')
  return all.length === 0 ? '{}' : `{${start}${all.map(([name, item]) => `${JSON.stringify(name)}:${indent === '' ? '' : ' '}${json(item, indent, inside)}`).join(between)}${close}}`
}
