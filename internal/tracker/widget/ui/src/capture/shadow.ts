/** box-shadow. */
import { innerRadii, outerRadii, trace, type Box } from './box.ts'
import { px, split } from './css.ts'
import { grow, type Rect } from './geometry.ts'
import type { Context } from './scene.ts'

export interface Shadow { color: string; x: number; y: number; blur: number; spread: number; inset: boolean }

/** As computed style writes them; those of text have no spread. */
export function shadows(s: string): Shadow[] {
  if (s === 'none' || !s) return []
  return split(s).map((part) => {
    const words = split(part, ' ')
    const [x = 0, y = 0, blur = 0, spread = 0] = words.filter((w) => /^-?[\d.]+(e-?\d+)?px$/.test(w)).map(px)
    const color = words.find((w) => !/^-?[\d.]+(e-?\d+)?px$/.test(w) && w !== 'inset') ?? '#000'
    return { color, x, y, blur, spread, inset: words.includes('inset') }
  })
}

/** Far enough for the shape itself to be out of every picture. */
const away = 30000

/** The canvas knows shadows only with their shape, so the shape is drawn far outside. */
function cast(c: Context, s: Shadow, path: () => void, rule: CanvasFillRule): void {
  const m = c.getTransform()
  c.shadowColor = s.color
  c.shadowBlur = s.blur * Math.hypot(m.a, m.b)
  // Shadow offsets ignore the transformation.
  c.shadowOffsetX = m.a * s.x + m.c * s.y + away
  c.shadowOffsetY = m.b * s.x + m.d * s.y
  c.setTransform(m.a, m.b, m.c, m.d, m.e - away, m.f)
  c.fillStyle = '#000'
  c.beginPath()
  path()
  c.fill(rule)
}

export function paintOuterShadows(c: Context, b: Box): void {
  const list = shadows(b.style.boxShadow).filter((s) => !s.inset)
  for (const s of list.reverse()) {
    c.save()
    const far = grow(b.border, 2 * s.blur + Math.abs(s.spread) + Math.abs(s.x) + Math.abs(s.y) + 10)
    c.beginPath()
    trace(c, far)
    trace(c, b.border, b.radii)
    c.clip('evenodd')
    cast(c, s, () => trace(c, grow(b.border, s.spread), outerRadii(b.radii, s.spread)), 'nonzero')
    c.restore()
  }
}

export function paintInnerShadows(c: Context, b: Box): void {
  const list = shadows(b.style.boxShadow).filter((s) => s.inset)
  if (list.length === 0) return
  const radii = innerRadii(b.radii, b.widths)
  for (const s of list.reverse()) {
    c.save()
    c.beginPath()
    trace(c, b.padding, radii)
    c.clip()
    const hole: Rect = grow(b.padding, -s.spread)
    const far = grow(b.padding, 2 * s.blur + Math.abs(s.spread) + Math.abs(s.x) + Math.abs(s.y) + 10)
    cast(c, s, () => {
      trace(c, far)
      trace(c, hole, innerRadii(radii, [s.spread, s.spread, s.spread, s.spread]))
    }, 'evenodd')
    c.restore()
  }
}
