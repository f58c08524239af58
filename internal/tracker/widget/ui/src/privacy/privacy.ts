import type { Options, Privacy, Rule } from '../contract.ts'
import { secretName } from '../core/secret.ts'
import { judge } from './rows.ts'
import { asked, finders, plain, type Range } from './patterns.ts'

/** Stands for what is hidden in texts. */
export const hidden = '[hidden]'

/** Longer texts are not searched but cut by whoever records them. */
const searched = 20_000

function merged(all: Range[]): Range[] {
  all.sort((a, b) => a[0] - b[0])
  const out: Range[] = []
  for (const r of all) {
    const last = out[out.length - 1]
    if (last && r[0] <= last[1]) last[1] = Math.max(last[1], r[1])
    else out.push([r[0], r[1]])
  }
  return out
}

/** Twice, each sequence by itself: one that is broken must not shield the rest. */
function decoded(s: string): string {
  for (let i = 0; i < 2; i++) {
    s = s.replace(/\+/g, ' ').replace(/(?:%[0-9a-f]{2})+/gi, (m) => {
      try {
        return decodeURIComponent(m)
      } catch {
        return m
      }
    })
  }
  return s
}

/** Fields whose value is hidden whatever the page says. */
const secretField = /password|one-time-code|(?:^|\s)cc-/i

/** The rules of one page. A rule that cannot be judged hides. passwords are the fields that once were of that type. */
export function newPrivacy(o: Options, passwords: WeakSet<EventTarget>): Privacy {
  const find = finders(o.maskNumbers ?? [])
  const own = asked(o.maskPatterns ?? [])
  const mask = ['[data-bugspark-mask]', ...(o.maskSelectors ?? [])].join()
  const block = ['[data-bugspark-block]', ...(o.blockSelectors ?? [])].join()

  // Shorter texts hold no secret that has a form; what a page asks for may be short.
  const shortest = (o.maskPatterns ?? []).length > 0 ? 1 : 4
  const ranges = (whole: string): Range[] => {
    if (whole.length < shortest) return []
    if (whole.length > searched) return [[0, whole.length]]
    const { text: s, at } = plain(whole)
    const all: Range[] = []
    for (const f of [...find, ...own]) {
      try {
        for (const [from, to] of f(s)) if (to > from) all.push([at(from), at(to - 1) + 1])
        if (s !== whole && own.includes(f)) for (const [from, to] of f(whole)) if (to > from) all.push([from, to])
      } catch {
        return [[0, whole.length]]
      }
    }
    return merged(all)
  }
  // Addresses of one page have most of their parts in common.
  const judged = new Map<string, boolean>()
  const secret = (s: string): boolean => {
    let is = judged.get(s)
    if (is === undefined) {
      is = ranges(s).length > 0 || ranges(decoded(s)).length > 0
      if (judged.size > 2000) judged.clear()
      if (s.length < 200) judged.set(s, is)
    }
    return is
  }

  /** depth: of addresses inside of parameters. */
  const parameters = (s: string, depth = 0): string =>
    s.replace(/([^&;=]*)(=?)([^&;]*)/g, (whole, name: string, equals: string, value: string) => {
      if (equals === '') return secret(name) ? hidden : whole
      const shown = secret(name) ? hidden : name
      if (secretName(decoded(name)) || secret(value) || secret(`${name}=${value}`)) return `${shown}=${hidden}`
      const inside = decoded(value).replace(/^[^?#]*[?#]/, '')
      if (!inside.includes('=')) return `${shown}=${value}`
      return `${shown}=${depth >= 2 || parameters(inside, depth + 1) !== inside ? hidden : value}`
    })
  const path = (s: string): string =>
    s
      .split('/')
      .map((part, i, all) => {
        const [name = '', ...matrix] = part.split(';')
        // /reset/Ab3dEf9 and the like: the word before tells.
        const named = i > 0 && name.length > 5 && /[\dA-Z]/.test(name) && (secretName(all[i - 1]!) || /reset|verify|confirm|invit|activat|magic|unsubscribe/i.test(all[i - 1]!))
        return [named || secret(name) ? hidden : name, ...matrix.map((m) => parameters(m))].join(';')
      })
      .join('/')
  const url = (s: string): string => {
    if (s.length > 4000) s = s.slice(0, 4000).replace(/[^/?&=#]*$/, '…') // a part of a secret is none that is known
    // A number with slashes between its groups.
    s = s.replace(/(?:\/[A-Z]{0,2}\d{1,8}){2,}/g, (m) => (secret(m.slice(1).replace(/\//g, ' ')) ? '/' + hidden : m))
    if (/^\s*(?:data|javascript):/i.test(s)) return s.slice(0, s.indexOf(':') + 1) + '…'
    const m = /^([a-z][a-z0-9+.-]*:)?(\/\/[^/?#]*)?([^?#]*)(\?[^#]*)?(#.*)?$/is.exec(s)
    if (!m) return hidden
    const [, scheme = '', authority = '', way = '', query = '', fragment = ''] = m
    const at = authority.lastIndexOf('@')
    const inside = fragment.slice(1)
    const [before, ...after] = inside.split('?')
    const place = inside.includes('=') && !inside.includes('?') ? parameters(inside) : ((before ?? '').includes('=') ? parameters(before ?? '') : path(before ?? '')) + (after.length > 0 ? '?' + parameters(after.join('?')) : '')
    return (
      scheme +
      (at < 0 ? authority : `//${hidden}@${authority.slice(at + 1)}`) +
      path(way) +
      (query === '' ? '' : '?' + parameters(query.slice(1))) +
      (fragment === '' ? '' : '#' + place)
    )
  }

  const text = (given: string): string => {
    // Addresses hide more than texts do: parameters by their names, and parts of paths.
    const s =
      given.length > searched
        ? given
        : given
            .replace(/\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s"'<>`]{1,4000}/gi, url)
            .replace(/(^|[\s"'(=])(\/[^\s"'<>`?]{0,1000}[?#][^\s"'<>`]{1,3000})/g, (_, before: string, address: string) => before + url(address))
    // What is written in percent signs, outside of addresses.
    const t = s.length > searched || !s.includes('%') ? s : s.replace(/[^\s"'<>]+/g, (m) => (!/%[0-9a-f]{2}/i.test(m) || /[/?]/.test(m) || ranges(decoded(m)).length === 0 ? m : hidden))
    let out = ''
    let at = 0
    for (const [from, to] of ranges(t)) {
      out += t.slice(at, from) + hidden
      at = to
    }
    return out + t.slice(at)
  }

  return {
    text,
    ranges,
    rows: (seen) => judge(seen, ranges),
    url,
    secretName,
    rule(e): Rule {
      try {
        if (e.matches(block)) return 'block'
        return e.matches(mask) ? 'mask' : 'show'
      } catch {
        return 'block'
      }
    },
    hidesValue(e) {
      try {
        const field = e as HTMLInputElement
        if (e.localName === 'input' && /^(?:button|submit|reset|image)$/.test(field.type)) return false
        if (field.type === 'password' || passwords.has(e)) return true
        if (secretField.test(e.getAttribute('autocomplete') ?? '')) return true
        // What a frame's field once was is not known here.
        if (e.ownerDocument !== document) return true
        if (o.maskInputs === false) return false
        return e.closest('[data-bugspark-unmask]') === null
      } catch {
        return true
      }
    },
  }
}
