/**
 * Values of the page as text, with bounds in depth, members and length. It calls nothing of the
 * page: no getter, no toJSON, no toString. A proxy's traps may still run, and may throw.
 */

/** The most characters of one value that is no string, as the original widget has it. */
const longest = 1000
const deepest = 4
const members = 50

/** The most characters of a message. */
export const longestMessage = 8000

/** Until then no object is looked into: the last one took long. Of performance.now(). */
let rested = 0

type Secret = (name: string) => boolean

/** A cut may go through a number or a token: what stands right before it goes as well. */
export const cut = (s: string, most: number): string => (s.length > most ? s.slice(0, Math.max(0, most - 64)) + '…' : s)

/** Whether the last word before a value names a secret: "password", 'new token:'. */
export const names = (v: unknown, secret: Secret): boolean => typeof v === 'string' && secret(/(\S{0,60}?)[\s:="']*$/.exec(v.slice(-80))?.[1] ?? '')

export function message(args: unknown[], secret: Secret): string {
  let out = ''
  let values = args
  const format = args[0]
  if (typeof format === 'string' && args.length > 1 && format.length < 4000 && /%[sdifoOcj]/.test(format)) {
    let used = 1
    out = format.replace(/%([sdifoOcj%])/g, (whole, kind: string, at: number) => {
      if (kind === '%') return '%'
      if (used >= args.length) return whole
      const v = args[used++]
      return kind === 'c' ? '' : names(format.slice(0, at), secret) ? '[hidden]' : value(v, secret)
    })
    values = args.slice(used)
    if (values.length > 0) out += ' '
  }
  values.slice(0, members).forEach((v, i) => {
    if (out.length > longestMessage) return
    const told = names(i > 0 ? values[i - 1] : out, secret) ? '[hidden]' : value(v, secret)
    out += (out === '' || out.endsWith(' ') ? '' : ' ') + told
  })
  return cut(out, longestMessage)
}

export function value(v: unknown, secret: Secret): string {
  if (typeof v === 'string') return cut(v, longestMessage)
  const budget = { left: longest }
  const out = write(v, secret, 0, [], budget)
  return cut(out, longest)
}

function write(v: unknown, secret: Secret, depth: number, above: unknown[], budget: { left: number }): string {
  try {
    const out = literal(v, secret, depth, above, budget)
    budget.left -= out.length
    return out
  } catch {
    return '[unreadable]'
  }
}

function literal(v: unknown, secret: Secret, depth: number, above: unknown[], budget: { left: number }): string {
  switch (typeof v) {
    case 'string':
      return depth === 0 ? v : JSON.stringify(cut(v, 300))
    case 'function':
      return '[function]'
    case 'symbol':
      return Symbol.prototype.toString.call(v)
    case 'bigint':
      return `${v}n`
    case 'object':
      break
    default:
      return String(v)
  }
  if (v === null) return 'null'
  if (above.includes(v)) return '[cycle]'
  const tag = className(v)
  if (v instanceof Error) return own(v, 'stack') || `${own(v, 'name') || 'Error'}: ${own(v, 'message')}`
  if (v instanceof Date) return Number.isNaN(+v) ? 'Invalid Date' : Date.prototype.toISOString.call(v)
  if (v instanceof RegExp) return `/${v.source.slice(0, 200)}/`
  if (typeof Node !== 'undefined' && v instanceof Node) return `<${v.nodeName.toLowerCase()}>`
  if (ArrayBuffer.isView(v) || v instanceof ArrayBuffer) return `[${tag}]`
  if (depth >= deepest || budget.left <= 0) return Array.isArray(v) ? '[…]' : '{…}'
  const inside = [...above, v]
  const parts: string[] = []
  if (Array.isArray(v)) {
    for (let i = 0; i < v.length && i < members && budget.left > 0; i++) parts.push(i > 0 && names(v[i - 1], secret) ? '"[hidden]"' : write(v[i], secret, depth + 1, inside, budget))
    if (v.length > parts.length) parts.push('…')
    return `[${parts.join(',')}]`
  }
  if (v instanceof Map) {
    for (const [k, item] of v) {
      if (parts.length >= members || budget.left <= 0) break
      const name = typeof k === 'string' ? k : ''
      parts.push(`${write(k, secret, depth + 1, inside, budget)}=>${secret(name) ? '[hidden]' : write(item, secret, depth + 1, inside, budget)}`)
    }
    return `Map{${parts.join(',')}}`
  }
  if (v instanceof Set) {
    const some: unknown[] = []
    for (const item of v) if (some.push(item) >= members) break
    return write(some, secret, depth, above, budget)
  }
  const named = ['name', 'key'].some((n) => names(Object.getOwnPropertyDescriptor(v, n)?.value, secret))
  // An engine lists all names at once; a proxy or an object with very many may take long.
  const start = performance.now()
  if (start < rested) return '{…}'
  const all = Reflect.ownKeys(v)
  const took = performance.now() - start
  if (took > 5) rested = start + 30 * took
  for (const name of all.slice(0, 200)) {
    if (parts.length >= members || budget.left <= 0) {
      parts.push('…')
      break
    }
    const d = Object.getOwnPropertyDescriptor(v, name)
    if (typeof name === 'symbol' || !d?.enumerable) continue
    const text = secret(name) || (named && name === 'value') ? '"[hidden]"' : 'value' in d ? write(d.value, secret, depth + 1, inside, budget) : '[getter]'
    parts.push(`${JSON.stringify(name.slice(0, 100))}:${text}`)
  }
  return `${tag === 'Object' ? '' : tag}{${parts.join(',')}}`
}

/** The name of the class, without asking a toStringTag of the page. */
function className(v: object): string {
  const proto = Object.getPrototypeOf(v) as object | null
  const made = proto && (Object.getOwnPropertyDescriptor(proto, 'constructor')?.value as unknown)
  const name = typeof made === 'function' && (Object.getOwnPropertyDescriptor(made, 'name')?.value as unknown)
  return typeof name === 'string' ? name.slice(0, 60) : 'Object'
}

/** A text member without calling a getter of the page; those of the engine are not the page's. */
function own(v: object, name: string): string {
  for (let o: object | null = v, i = 0; o && i < 5; o = Object.getPrototypeOf(o) as object | null, i++) {
    const d = Object.getOwnPropertyDescriptor(o, name)
    if (d) return 'value' in d && typeof d.value === 'string' ? d.value : name === 'stack' ? String((v as Error).stack ?? '') : ''
  }
  return ''
}

/** The stack of an error with those of its causes. */
export function stack(error: unknown, secret: Secret): string | undefined {
  const parts: string[] = []
  const seen: unknown[] = []
  const add = (e: unknown, prefix: string): void => {
    if (!(e instanceof Error) || seen.includes(e) || seen.length >= 6) return
    seen.push(e)
    parts.push(prefix + (own(e, 'stack') || `${own(e, 'name') || 'Error'}: ${own(e, 'message')}`))
    const cause = Object.getOwnPropertyDescriptor(e, 'cause')?.value as unknown
    if (cause !== undefined) {
      if (cause instanceof Error) add(cause, 'Caused by: ')
      else parts.push('Caused by: ' + value(cause, secret))
    }
    const all = Object.getOwnPropertyDescriptor(e, 'errors')?.value as unknown
    if (Array.isArray(all)) for (const one of all.slice(0, 5)) add(one, 'One of: ')
  }
  try {
    add(error, '')
  } catch {
    return undefined
  }
  return parts.length === 0 ? undefined : cut(parts.join('\n'), longestMessage)
}
