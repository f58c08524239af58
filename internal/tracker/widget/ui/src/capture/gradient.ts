/** Gradients as computed style writes them, onto a canvas gradient for a tile of w by h. */
import { length, px, split } from './css.ts'
import type { Context } from './scene.ts'

/** In degrees; undefined for what is no angle. */
function angle(s: string): number | undefined {
  return s.endsWith('deg') ? parseFloat(s) : undefined // computed values have no other unit
}

interface Stop { color: string; at: number | null }

/** unit turns a position into a part of the gradient's line. */
function stops(parts: string[], unit: (s: string) => number): Stop[] {
  const out: Stop[] = []
  for (const part of parts) {
    const words = split(part, ' ')
    const places = words.filter((w) => /^(calc\(|-?[\d.])/.test(w)).map(unit)
    const color = words.find((w) => !/^(calc\(|-?[\d.])/.test(w))
    if (color === undefined) continue // a hint for the middle: drawn as the plain middle
    if (places.length === 0) out.push({ color, at: null })
    for (const at of places) out.push({ color, at })
  }
  if (out.length === 0) return out
  out[0]!.at ??= 0
  out[out.length - 1]!.at ??= 1
  let before = 0
  for (let i = 0; i < out.length; i++) {
    const s = out[i]!
    if (s.at !== null) {
      s.at = Math.max(s.at, before)
      before = s.at
      continue
    }
    let j = i
    while (out[j]!.at === null) j++
    const step = (Math.max(out[j]!.at!, before) - before) / (j - i + 1)
    for (let k = i; k < j; k++) out[k]!.at = before + step * (k - i + 1)
    i = j - 1
    before = out[i]!.at!
  }
  return out
}

/** Stops outside of 0 to 1 need a longer line: [from, to] in parts of the first one. */
function range(list: Stop[], repeating: boolean, far: number): { list: Stop[]; from: number; to: number } {
  if (repeating && list.length > 1) {
    const first = list[0]!.at!
    const period = list[list.length - 1]!.at! - first
    if (period > 1e-4) {
      const out: Stop[] = []
      for (let k = Math.floor((0 - first) / period); first + k * period < far && out.length < 4000; k++) {
        for (const s of list) out.push({ color: s.color, at: s.at! + k * period })
      }
      list = out
    }
  }
  const from = Math.min(0, list[0]?.at ?? 0)
  const to = Math.max(1, list[list.length - 1]?.at ?? 1)
  return { list, from, to }
}

function fill(g: CanvasGradient, list: Stop[], from: number, to: number): CanvasGradient {
  for (const s of list) g.addColorStop(Math.min(1, Math.max(0, (s.at! - from) / (to - from))), s.color)
  return g
}

function linear(c: Context, parts: string[], w: number, h: number, repeating: boolean): CanvasGradient {
  let degrees = 180
  const head = parts[0] ?? ''
  const given = angle(head)
  if (given !== undefined) degrees = given
  if (head.startsWith('to ')) {
    const x = head.includes('right') ? 1 : head.includes('left') ? -1 : 0
    const y = head.includes('bottom') ? 1 : head.includes('top') ? -1 : 0
    // The line to a corner is square to the other diagonal.
    degrees = x && y ? (Math.atan2(x * h, -y * w) * 180) / Math.PI : x ? 90 * x : y > 0 ? 180 : 0
  }
  const rest = given !== undefined || /^(to|in) /.test(head) ? parts.slice(1) : parts
  const a = (degrees * Math.PI) / 180
  const [sin, cos] = [Math.sin(a), Math.cos(a)]
  const line = Math.abs(w * sin) + Math.abs(h * cos)
  const { list, from, to } = range(stops(rest, (s) => length(s, line) / (line || 1)), repeating, 1)
  const at = (p: number): [number, number] => [w / 2 + sin * line * (p - 0.5), h / 2 - cos * line * (p - 0.5)]
  return fill(c.createLinearGradient(...at(from), ...at(to)), list, from, to)
}

function place(s: string | undefined, w: number, h: number): [number, number] {
  const [x = '50%', y = '50%'] = s ? split(s, ' ') : []
  const word: Record<string, string> = { left: '0%', top: '0%', center: '50%', right: '100%', bottom: '100%' }
  return [length(word[x] ?? x, w), length(word[y] ?? y, h)]
}

function radial(c: Context, parts: string[], w: number, h: number, repeating: boolean): { g: CanvasGradient; stretch?: [number, number, number] } {
  let head = parts[0] ?? ''
  const isHead = /(^|\s)(at|circle|ellipse|closest|farthest)|^[\d.]+(px|%)/.test(head)
  if (!isHead) head = ''
  const [shape = '', where] = head.split(/\s*\bat\s+/)
  const [x, y] = place(where, w, h)
  const words = split(shape, ' ')
  const sizes = words.filter((s) => /^[\d.c]/.test(s) && s !== 'circle' && !s.startsWith('closest'))
  const circle = words.includes('circle') || sizes.length === 1
  const [l, r, t, b] = [Math.abs(x), Math.abs(w - x), Math.abs(y), Math.abs(h - y)]
  let rx: number
  let ry: number
  if (sizes.length) {
    rx = length(sizes[0]!, w)
    ry = sizes[1] ? length(sizes[1], h) : rx
  } else {
    const near = shape.includes('closest')
    const pick = near ? Math.min : Math.max
    rx = pick(l, r)
    ry = pick(t, b)
    const corner = !shape.includes('side')
    if (circle) rx = ry = corner ? Math.hypot(rx, ry) : pick(rx, ry)
    else if (corner) {
      rx *= Math.SQRT2
      ry *= Math.SQRT2
    }
  }
  const { list, to } = range(stops(isHead ? parts.slice(1) : parts, (s) => length(s, rx) / (rx || 1)), repeating, Math.hypot(w, h) / (Math.min(rx, ry) || 1))
  const g = fill(c.createRadialGradient(x, y, 0, x, y, Math.max(1e-3, rx * to)), list, 0, to)
  return rx === ry ? { g } : { g, stretch: [x, y, ry / (rx || 1)] }
}

function conic(c: Context, parts: string[], w: number, h: number, repeating: boolean): CanvasGradient | string {
  const head = parts[0] ?? ''
  const isHead = /^(from|at) /.test(head)
  const from = isHead ? (angle(/from (\S+)/.exec(head)?.[1] ?? '') ?? 0) : 0
  const [x, y] = place(isHead ? head.split(/\bat\s+/)[1] : undefined, w, h)
  const { list } = range(stops(isHead ? parts.slice(1) : parts, (s) => (s.endsWith('%') ? px(s) / 100 : (angle(s) ?? 0) / 360)), repeating, 1)
  if (!c.createConicGradient) return list[0]?.color ?? 'transparent'
  return fill(c.createConicGradient(((from - 90) * Math.PI) / 180, x, y), list, 0, 1)
}

/** Paints one tile at 0, 0. False: this is no gradient. */
export function paintGradient(c: Context, image: string, w: number, h: number): boolean {
  const m = /^(?:-webkit-)?(repeating-)?(linear|radial|conic)-gradient\((.*)\)$/s.exec(image)
  if (!m) return false
  const parts = split(m[3]!)
  const repeating = m[1] !== undefined
  if (m[2] === 'radial') {
    const { g, stretch } = radial(c, parts, w, h, repeating)
    c.fillStyle = g
    if (stretch) {
      const [x, y, k] = stretch
      c.save()
      c.beginPath()
      c.rect(0, 0, w, h)
      c.clip()
      c.translate(x, y)
      c.scale(1, k)
      c.translate(-x, -y)
      c.fillRect(0, y - y / (k || 1), w, h / (k || 1))
      c.restore()
      return true
    }
  } else c.fillStyle = m[2] === 'linear' ? linear(c, parts, w, h, repeating) : conic(c, parts, w, h, repeating)
  c.fillRect(0, 0, w, h)
  return true
}
