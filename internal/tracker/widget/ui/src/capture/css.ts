/** Small parsers of computed values. */
import type { Rect } from './geometry.ts'

export const px = (s: string): number => parseFloat(s) || 0

/** A length or percentage of a whole; calc() of one of each, as computed values have it. */
export function length(s: string, whole: number): number {
  let sum = 0
  for (const [, sign, n, unit] of s.matchAll(/([+-]\s+)?(-?[\d.]+(?:e-?\d+)?)(%|px)?/g)) {
    const v = Number(n) * (unit === '%' ? whole / 100 : 1)
    sum += sign?.startsWith('-') ? -v : v
  }
  return sum
}

/** Splits at a separator outside of brackets and quotes. */
export function split(s: string, separator: ',' | ' ' | '/' = ','): string[] {
  const out: string[] = []
  let depth = 0
  let quote = ''
  let part = ''
  for (let i = 0; i < s.length; i++) {
    const c = s.charAt(i)
    if (quote) {
      if (c === '\\') part += c + s.charAt(++i)
      else part += c
      if (c === quote) quote = ''
      continue
    }
    if (c === '"' || c === "'") quote = c
    if (c === '(') depth++
    if (c === ')') depth--
    if (c === separator && depth === 0) {
      if (separator !== ' ' || part) out.push(part.trim())
      part = ''
    } else part += c
  }
  if (part.trim()) out.push(part.trim())
  return out
}

/** The arguments of f(...), or null. */
export function call(s: string, name: string): string | null {
  return s.startsWith(`${name}(`) && s.endsWith(')') ? s.slice(name.length + 1, -1) : null
}

export function unquote(s: string): string {
  return /^["']/.test(s) ? s.slice(1, -1).replace(/\\([0-9a-f]{1,6}\s?|.)/gi, (_, c: string) => (/^[0-9a-f]+\s?$/i.test(c) ? String.fromCodePoint(parseInt(c, 16) || 0xfffd) : c)) : s
}

/** The address of url("..."), or null. */
export function address(s: string): string | null {
  const inner = call(s, 'url')
  return inner === null ? null : unquote(inner.trim())
}

export function transparent(color: string): boolean {
  return color === 'transparent' || /^rgba.*,\s*0\)$|\/\s*0\)$/.test(color)
}

/** A position such as "50% 20px" or "right 10px bottom 0%": offset of a part within a whole. */
export function position(s: string, whole: Rect, w: number, h: number): [number, number] {
  const [x = '0%', y = '50%'] = split(s, ' ')
  return [whole.x + length(x, whole.w - w), whole.y + length(y, whole.h - h)]
}
