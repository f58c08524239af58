/**
 * What looks secret in a text. No look-behind: Safari 15.6 cannot parse it. Every repetition is
 * bounded, so that no input makes an expression slow.
 */
import type { NationalNumber } from '../../widget.d.ts'
import { named } from './named.ts'

export type Range = [from: number, to: number]

/** Finds ranges in a text; the core calls each in turn. */
export type Finder = (s: string) => Range[]

/** Every match of r, or of its group where it has one; accept may refuse. */
export function matches(r: RegExp, s: string, accept?: (m: string) => boolean): Range[] {
  const out: Range[] = []
  for (const m of s.matchAll(r)) {
    const hit = m[1] ?? m[0]
    const from = m.index + m[0].lastIndexOf(hit)
    if (hit !== '' && (!accept || accept(hit))) out.push([from, from + hit.length])
  }
  return out
}

function luhn(digits: string): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    let d = digits.charCodeAt(digits.length - 1 - i) - 48
    if (i % 2 === 1 && (d *= 2) > 9) d -= 9
    sum += d
  }
  return sum % 10 === 0
}

/** Groups of digits, as people write numbers. */
const digitRun = /\d(?:[\s.\-_/,·|+:]{0,4}\d){11,}/g

/** Cards: 12 to 19 digits from one group's start to another's end, with Luhn's sum. Groups of dates and times are shorter. */
const cards: Finder = (s) => {
  const out: Range[] = []
  for (const [from, to] of matches(digitRun, s)) {
    const groups = matches(/\d+/g, s.slice(from, to))
    for (let i = 0; i < groups.length; i++) {
      let digits = ''
      let shortest = 99
      let longest = 0
      let fours = true // before the last group, which may be short
      for (let j = i; j < groups.length && digits.length <= 19; j++) {
        const size = groups[j]![1] - groups[j]![0]
        shortest = Math.min(shortest, size)
        longest = Math.max(longest, size)
        if (j > i) fours &&= groups[j - 1]![1] - groups[j - 1]![0] === 4
        digits += s.slice(from + groups[j]![0], from + groups[j]![1])
        if (digits.length > 19 && i === j) out.push([from + groups[i]![0], from + groups[i]![1]]) // no number that people need
        else if (digits.length >= 12 && digits.length <= 19 && (shortest >= 3 || shortest === longest || (fours && longest === 4)) && /^(?:[2-6]|1800|8[12]|9792)/.test(digits) && luhn(digits)) out.push([from + groups[i]![0], from + groups[j]![1]])
      }
    }
  }
  return out
}

/** The length of an IBAN in each country that has one. */
const ibanLengths =
  'AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30'

const ibans: Finder = (s) => {
  const out: Range[] = []
  const r = /(?:^|[^A-Za-z0-9])([A-Za-z]{2}\d{2}(?:[\s.-]{0,3}[A-Za-z0-9]){11,30})/g
  for (let m = r.exec(s); m; m = r.exec(s)) {
    const text = m[1]!
    const from = m.index + m[0].length - text.length
    r.lastIndex = from + 4
    const at = ibanLengths.indexOf(text.slice(0, 2).toUpperCase())
    const wanted = at >= 0 && at % 4 === 0 ? Number(ibanLengths.slice(at + 2, at + 4)) : 0
    let compact = ''
    let end = 0
    while (end < text.length && compact.length < wanted) {
      const c = text[end++]!
      if (/[A-Za-z0-9]/.test(c)) compact += c.toUpperCase()
    }
    if (wanted === 0 || compact.length !== wanted) continue
    let rest = 0
    for (const c of compact.slice(4) + compact.slice(0, 4)) {
      const n = parseInt(c, 36)
      rest = (rest * (n > 9 ? 100 : 10) + n) % 97
    }
    if (rest === 1) out.push([from, from + end])
  }
  return out
}

/** Random text of machines: hexadecimal, or letters of both cases and digits, or many digits among letters. */
function random(s: string): boolean {
  if (/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(s)) return false // a UUID names things
  const digits = s.replace(/\D/g, '').length
  return /^[0-9a-f]+$/i.test(s) || (digits > 1 && /[a-z]/.test(s) && /[A-Z]/.test(s)) || (digits > 3 && !/[-_]/.test(s))
}

const always: Finder[] = [
  cards,
  ibans,
  (s) => !s.includes('@') ? [] : matches(/[\p{L}\p{N}_.+%'’-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,6}/gu, s),
  (s) => !s.includes('eyJ') ? [] : matches(/\beyJ[\w-]{5,4000}\.[\w-]{2,4000}(?:\.[\w-]{0,4000})?/g, s),
  (s) =>
    matches(
      /(?:bsk_(?:pub|pat)_|gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|sk-|[sprw]k_(?:live|test)_|whsec_|AKIA|ASIA|AIza|ya29\.|npm_|hf_|dop_v1_|shp(?:at|ss|ca)_|SG\.)[\w.+/=-]{8,400}/g,
      s,
    ),
  (s) => matches(/\b(?:Bearer|Basic|Digest|Negotiate|ApiKey)\s{1,4}([\w.+/=~-]{6,4000})/gi, s, (m) => m.length > 19 || /[\dA-Z=+/]/.test(m)),
  ...named,
  (s) => !s.includes('@') ? [] : matches(/[a-z][a-z0-9+.-]{1,20}:\/\/([^\s/@:"']{0,200}:[^\s/@"']{1,200})@/gi, s),
  (s) => !s.includes('-----BEGIN') ? [] : matches(/-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^]{0,20000}?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|$)/g, s),
  (s) => matches(/[A-Za-z0-9+/_-]{32,4000}={0,2}/g, s, (m) => m.split('/').some((part) => part.length >= 32 && random(part.replace(/=+$/, ''))) || (/[+=]/.test(m) && random(m.replace(/[+/=]/g, '')))),
  (s) => matches(/[A-Za-z0-9]{20,31}/g, s, (m) => /[a-z]/.test(m) && /[A-Z]/.test(m) && m.split(/\d+/).length > 4),
]

/** Text in base64 that a person could read, and that holds a secret or is a name with a password. */
const encoded: Finder = (s) =>
  matches(/[A-Za-z0-9+/_-]{12,4000}={0,2}/g, s, (m) => {
    if (m.length % 4 === 1 || !/[A-Z]/.test(m) || !/[a-z]/.test(m)) return false
    try {
      const text = atob(m.replace(/-/g, '+').replace(/_/g, '/').replace(/=/g, ''))
      return /^[\s\x20-\x7e]+$/.test(text) && (/^[^\s:]{2,}:[^\s:]{2,}$/.test(text) || always.some((f) => f(text).length > 0))
    } catch {
      return false
    }
  })

/** d: digits, each with what people write in between; a letter stands for itself. */
const number = (form: string): RegExp => new RegExp(`(?:^|[^a-z\\d])(${form.replace(/d(\d+)/g, (_, n: string) => `_\\d(?:_\\d){${Number(n) - 1}}`).replace(/_/g, '[\\s.\\-/]{0,3}')})(?![a-z\\d])`, 'gi')

const national: Record<NationalNumber, RegExp> = {
  'us-ssn': number('d3_d2_d4'),
  'gb-nino': number('[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]_(?:\\d{6}|\\d\\d[\\s.-]{1,3}\\d\\d[\\s.-]{1,3}\\d\\d)(?:_[A-D])?'),
  'de-tax': number('d11'),
  'fr-nir': number('[1-478]d4_(?:d2|2_[AB])d6(?:d2)?'),
  'es-dni': number('(?:d8|[XYZ]d7)_[A-Z]'),
  'hk-id': number('[A-Z]{1,2}d6_\\(?[0-9A]\\)?'),
  'tw-id': number('[A-Z]_[A-D1289]d8'),
}

/** The finders that always run, and those of numbers that the page asks for. */
export function finders(numbers: NationalNumber[]): Finder[] {
  return [...always, encoded, ...numbers.filter((n) => national[n]).map((n): Finder => (s) => matches(national[n], s))]
}

/** Those of the page's own patterns: a text is found as it is, whatever its case; of an expression the whole match counts. */
export function asked(patterns: (RegExp | string)[]): Finder[] {
  return patterns.map((p) => {
    const source = typeof p === 'string' ? p.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : p.source
    // A copy: lastIndex of the page's own stays.
    const r = new RegExp(source === '' ? '(?!)' : source, typeof p === 'string' ? 'gi' : p.flags.replace(/[gy]/g, '') + 'g')
    return (s) => [...s.matchAll(r)].map((m): Range => [m.index, m.index + m[0].length])
  })
}

/** Marks that are not seen: soft hyphens, joiners, directions, variants. */
const unseen = /[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]/
const odd = /[^\x20-\x7e\n]/

/** A text as the finders want it, and the place of each of its units in the original. */
export function plain(s: string): { text: string; at: (i: number) => number } {
  if (!odd.test(s)) return { text: s, at: (i) => i }
  let text = ''
  const at: number[] = []
  for (let i = 0; i < s.length; i++) {
    const c = s[i]!
    if (unseen.test(c)) continue
    text += same(c)
    at.push(i)
  }
  return { text, at: (i) => at[i] ?? s.length }
}

/** The ASCII form of a digit, space, dash, or sign of full width. */
function same(c: string): string {
  const code = c.charCodeAt(0)
  if (code < 0x80) return c
  if (code >= 0xff01 && code <= 0xff5e) return String.fromCharCode(code - 0xfee0)
  if (/[\u00a0\u2000-\u200a\u202f\u205f\u3000]/.test(c)) return ' '
  if (/[\u2010-\u2015\u2212]/.test(c)) return '-'
  if (!/\p{Nd}/u.test(c)) return c
  let zero = code
  while (code - zero < 9 && /\p{Nd}/u.test(String.fromCharCode(zero - 1))) zero--
  return String(code - zero)
}
