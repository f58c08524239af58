/** Rectangles and affine maps, in CSS pixels. */

export interface Rect { x: number; y: number; w: number; h: number }

/** a, b, c, d, e, f as in CSS matrix(). */
export type Matrix = readonly [number, number, number, number, number, number]

export const identity: Matrix = [1, 0, 0, 1, 0, 0]

export const rect = (x: number, y: number, w: number, h: number): Rect => ({ x, y, w, h })

export const fromDOM = (r: DOMRect): Rect => ({ x: r.left, y: r.top, w: r.width, h: r.height })

/** First n, then m. */
export function multiply(m: Matrix, n: Matrix): Matrix {
  return [
    m[0] * n[0] + m[2] * n[1], m[1] * n[0] + m[3] * n[1],
    m[0] * n[2] + m[2] * n[3], m[1] * n[2] + m[3] * n[3],
    m[0] * n[4] + m[2] * n[5] + m[4], m[1] * n[4] + m[3] * n[5] + m[5],
  ]
}

export const translation = (x: number, y: number): Matrix => [1, 0, 0, 1, x, y]

export function apply(m: Matrix, x: number, y: number): [number, number] {
  return [m[0] * x + m[2] * y + m[4], m[1] * x + m[3] * y + m[5]]
}

/** Null where the map flattens everything to a line or a point. */
export function invert(m: Matrix): Matrix | null {
  const det = m[0] * m[3] - m[1] * m[2]
  if (!(Math.abs(det) > 1e-9)) return null
  return [
    m[3] / det, -m[1] / det, -m[2] / det, m[0] / det,
    (m[2] * m[5] - m[3] * m[4]) / det, (m[1] * m[4] - m[0] * m[5]) / det,
  ]
}

/** The smallest upright rectangle around the mapped one. */
export function bounds(m: Matrix, r: Rect): Rect {
  const [cx, cy] = apply(m, r.x + r.w / 2, r.y + r.h / 2)
  const w = Math.abs(m[0]) * r.w + Math.abs(m[2]) * r.h
  const h = Math.abs(m[1]) * r.w + Math.abs(m[3]) * r.h
  return { x: cx - w / 2, y: cy - h / 2, w, h }
}

export function intersect(a: Rect, b: Rect): Rect {
  const x = Math.max(a.x, b.x)
  const y = Math.max(a.y, b.y)
  return { x, y, w: Math.max(0, Math.min(a.x + a.w, b.x + b.w) - x), h: Math.max(0, Math.min(a.y + a.h, b.y + b.h) - y) }
}

export function touches(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
}

export function grow(r: Rect, by: number): Rect {
  return { x: r.x - by, y: r.y - by, w: Math.max(0, r.w + 2 * by), h: Math.max(0, r.h + 2 * by) }
}

export function inset(r: Rect, top: number, right: number, bottom: number, left: number): Rect {
  return { x: r.x + left, y: r.y + top, w: Math.max(0, r.w - left - right), h: Math.max(0, r.h - top - bottom) }
}

/**
 * The upright rectangle that c maps onto something with the bounds r. The centre is exact under
 * every affine map; the size is the given one, or follows from the bounds except near 45 degrees.
 */
export function unmap(c: Matrix, r: Rect, w?: number, h?: number): Rect {
  if (c === identity) return r
  const back = invert(c)
  if (!back) return { x: 0, y: 0, w: 0, h: 0 }
  const [cx, cy] = apply(back, r.x + r.w / 2, r.y + r.h / 2)
  const [a, b, k, d] = [Math.abs(c[0]), Math.abs(c[1]), Math.abs(c[2]), Math.abs(c[3])]
  if (w === undefined && h !== undefined) w = a > b ? (r.w - k * h) / a : (r.h - d * h) / b
  if (w === undefined || h === undefined) {
    const det = a * d - b * k
    if (Math.abs(det) > 1e-3) {
      w = (r.w * d - r.h * k) / det
      h = (a * r.h - b * r.w) / det
    } else {
      w = h = r.w / (a + k || 1)
    }
  }
  w = Math.max(0, w)
  h = Math.max(0, h)
  return { x: cx - w / 2, y: cy - h / 2, w, h }
}
