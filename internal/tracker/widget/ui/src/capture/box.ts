/** The boxes of an element and their rounded outlines. */
import { length, px, split } from './css.ts'
import { inset, type Rect } from './geometry.ts'
import type { Context } from './scene.ts'

/** top, right, bottom, left */
export type Sides = [number, number, number, number]

/** Top left, top right, bottom right, bottom left; x and y each. */
export type Radii = [number, number][]

export interface Box {
  style: CSSStyleDeclaration
  /** The border box as the layout has it; the others lie on whole pixels. */
  exact: Rect
  border: Rect
  padding: Rect
  content: Rect
  widths: Sides
  radii: Radii
  /** The colour of a thin edge that the browser draws in place of the style's border. */
  edge?: string
  /** Where an edge falls on the device's pixels. */
  snap(v: number): number
}

export function snapped(r: Rect, snap: (v: number) => number): Rect {
  const x = snap(r.x)
  const y = snap(r.y)
  return { x, y, w: snap(r.x + r.w) - x, h: snap(r.y + r.h) - y }
}

export function boxFor(style: CSSStyleDeclaration, exact: Rect, snap: (v: number) => number): Box {
  const border = snapped(exact, snap)
  const widths: Sides = [px(style.borderTopWidth), px(style.borderRightWidth), px(style.borderBottomWidth), px(style.borderLeftWidth)]
  const padding = inset(border, ...widths)
  const content = inset(padding, px(style.paddingTop), px(style.paddingRight), px(style.paddingBottom), px(style.paddingLeft))
  return { style, exact, border, padding, content, widths, radii: radiiOf(style, border), snap }
}

function radiiOf(style: CSSStyleDeclaration, r: Rect): Radii {
  const radii = [style.borderTopLeftRadius, style.borderTopRightRadius, style.borderBottomRightRadius, style.borderBottomLeftRadius]
    .map((s): [number, number] => {
      if (s === '0px') return [0, 0]
      const [x = '0', y = x] = split(s, ' ')
      return [length(x, r.w), length(y, r.h)]
    })
  return fit(radii, r)
}

/** Radii that overlap shrink together. */
export function fit(radii: Radii, r: Rect): Radii {
  const [tl, tr, br, bl] = radii as [[number, number], [number, number], [number, number], [number, number]]
  const f = Math.min(1, r.w / (tl[0] + tr[0] || 1e-9), r.w / (bl[0] + br[0] || 1e-9), r.h / (tl[1] + bl[1] || 1e-9), r.h / (tr[1] + br[1] || 1e-9))
  return f < 1 ? radii.map(([x, y]) => [x * f, y * f]) : radii
}

/** The radii of an edge that lies so far inside of the border edge. */
export function innerRadii(radii: Radii, [top, right, bottom, left]: Sides): Radii {
  const near: [number, number][] = [[left, top], [right, top], [right, bottom], [left, bottom]]
  return radii.map(([x, y], i) => {
    const [dx, dy] = near[i]!
    return [Math.max(0, x - dx), Math.max(0, y - dy)]
  })
}

export function outerRadii(radii: Radii, by: number): Radii {
  return radii.map(([x, y]) => (x > 0 && y > 0 ? [Math.max(0, x + by), Math.max(0, y + by)] : [0, 0]))
}

export const round = (radii: Radii): boolean => radii.some(([x, y]) => x > 0 && y > 0)

/** Adds the outline to the path, clockwise. */
export function trace(c: Context, r: Rect, radii?: Radii): void {
  if (!radii || !round(radii)) {
    c.rect(r.x, r.y, r.w, r.h)
    return
  }
  const [[ax, ay], [bx, by], [cx, cy], [dx, dy]] = radii as [[number, number], [number, number], [number, number], [number, number]]
  const right = r.x + r.w
  const bottom = r.y + r.h
  const q = Math.PI / 2
  c.moveTo(r.x + ax, r.y)
  c.lineTo(right - bx, r.y)
  if (bx && by) c.ellipse(right - bx, r.y + by, bx, by, 0, -q, 0)
  c.lineTo(right, bottom - cy)
  if (cx && cy) c.ellipse(right - cx, bottom - cy, cx, cy, 0, 0, q)
  c.lineTo(r.x + dx, bottom)
  if (dx && dy) c.ellipse(r.x + dx, bottom - dy, dx, dy, 0, q, 2 * q)
  c.lineTo(r.x, r.y + ay)
  if (ax && ay) c.ellipse(r.x + ax, r.y + ay, ax, ay, 0, 2 * q, 3 * q)
  c.closePath()
}
