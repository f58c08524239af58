/** clip-path: the basic shapes. */
import { fit, trace, type Radii } from './box.ts'
import { call, length, split, unquote } from './css.ts'
import { inset, type Rect } from './geometry.ts'
import type { Context } from './scene.ts'

interface Shape { path: (c: Context) => void; rule: CanvasFillRule; space?: boolean }

/** Null: not a shape that is known here, and nothing is clipped. */
export function shapeOf(value: string, r: Rect): Shape | null {
  const v = split(value, ' ').find((w) => w.includes('(')) ?? ''
  const nonzero = (path: (c: Context) => void): Shape => ({ path, rule: 'nonzero' })
  let args = call(v, 'circle') ?? call(v, 'ellipse')
  if (args !== null) {
    const [radii = '', at = '50% 50%'] = args.split(/\bat\s+/)
    const [px = '50%', py = '50%'] = split(at.trim(), ' ')
    const x = length(px, r.w)
    const y = length(py, r.h)
    const [rx, ry] = v.startsWith('circle')
      ? [radius(radii.trim(), Math.min(x, r.w - x, y, r.h - y), Math.max(x, r.w - x, y, r.h - y), Math.hypot(r.w, r.h) / Math.SQRT2)]
      : [radius(split(radii, ' ')[0] ?? '', Math.min(x, r.w - x), Math.max(x, r.w - x), r.w), radius(split(radii, ' ')[1] ?? '', Math.min(y, r.h - y), Math.max(y, r.h - y), r.h)]
    return nonzero((c) => c.ellipse(r.x + x, r.y + y, rx!, ry ?? rx!, 0, 0, 2 * Math.PI))
  }
  args = call(v, 'inset')
  if (args !== null) {
    const [sides = '', round] = args.split(/\s*round\s+/)
    const [t = '0', ri = t, b = t, l = ri] = split(sides, ' ')
    const box = inset(r, length(t, r.h), length(ri, r.w), length(b, r.h), length(l, r.w))
    let radii: Radii | undefined
    if (round) {
      const [hs = '', vs = hs] = split(round, '/')
      const four = (s: string, whole: number): number[] => {
        const [a = '0', b2 = a, c2 = a, d = b2] = split(s, ' ')
        return [a, b2, c2, d].map((n) => length(n, whole))
      }
      const ys = four(vs, r.h)
      radii = fit(four(hs, r.w).map((n, i) => [n, ys[i]!]), box)
    }
    return nonzero((c) => trace(c, box, radii))
  }
  args = call(v, 'polygon')
  if (args !== null) {
    const points = split(args)
    const even = points[0] === 'evenodd'
    if (even || points[0] === 'nonzero') points.shift()
    return {
      rule: even ? 'evenodd' : 'nonzero',
      path: (c) => {
        points.forEach((p, i) => {
          const [x = '0', y = '0'] = split(p, ' ')
          c[i ? 'lineTo' : 'moveTo'](r.x + length(x, r.w), r.y + length(y, r.h))
        })
        c.closePath()
      },
    }
  }
  args = call(v, 'path')
  if (args !== null) {
    const parts = split(args)
    const d = unquote(parts[parts.length - 1] ?? '')
    // A canvas path cannot be moved while it is added to the current one, so it is redrawn.
    return { rule: parts[0] === 'evenodd' ? 'evenodd' : 'nonzero', path: (c) => addPath(c, d, r.x, r.y) }
  }
  return null
}

function radius(s: string, closest: number, farthest: number, whole: number): number {
  if (s === '' || s === 'closest-side') return Math.max(0, closest)
  return s === 'farthest-side' ? farthest : length(s, whole)
}

/** The current path of a canvas takes no Path2D; clip() does. */
const pending = new WeakMap<Context, Path2D>()

function addPath(c: Context, d: string, x: number, y: number): void {
  const p = new Path2D()
  p.addPath(new Path2D(d), { a: 1, b: 0, c: 0, d: 1, e: x, f: y })
  setPath(c, p)
}

export function setPath(c: Context, p: Path2D): void {
  pending.set(c, p)
}

/** The Path2D that the last path() left instead of a current path. */
export function takePath(c: Context): Path2D | undefined {
  const p = pending.get(c)
  pending.delete(c)
  return p
}
