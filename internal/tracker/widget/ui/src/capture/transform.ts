/** Boxes and coordinate systems of transformed elements. */
import { boxOf } from './dom.ts'
import { length, px, split } from './css.ts'
import { apply, fromDOM, identity, multiply, translation, unmap, type Matrix, type Rect } from './geometry.ts'
import type { Space } from './scene.ts'

export const transforms = (s: CSSStyleDeclaration): boolean =>
  (s.transform !== 'none' && s.transform !== '') || (s.rotate !== 'none' && !!s.rotate) || (s.scale !== 'none' && !!s.scale) || (s.translate !== 'none' && !!s.translate)

/** The linear map of an element of w by h about its own origin. */
function own(s: CSSStyleDeclaration, w: number, h: number): Matrix {
  let list = ''
  if (s.translate && s.translate !== 'none') {
    const [x = '0px', y = '0px'] = split(s.translate, ' ')
    list += `translate(${length(x, w)}px, ${length(y, h)}px) `
  }
  if (s.rotate && s.rotate !== 'none') {
    const words = split(s.rotate, ' ')
    if (words.length === 1 || words[0] === 'z') list += `rotate(${words[words.length - 1]}) `
  }
  if (s.scale && s.scale !== 'none') {
    const [x = '1', y = x] = split(s.scale, ' ')
    list += `scale(${x}, ${y}) `
  }
  if (s.transform && s.transform !== 'none') list += s.transform
  if (!list) return identity
  const m = new DOMMatrix(list)
  return [m.a, m.b, m.c, m.d, m.e, m.f]
}

/** Width and height of the border box before any transformation; undefined for inline boxes. */
function size(s: CSSStyleDeclaration): [number, number] | undefined {
  const w = parseFloat(s.width)
  const h = parseFloat(s.height)
  if (Number.isNaN(w) || Number.isNaN(h) || s.width.endsWith('%') || s.height.endsWith('%')) return undefined
  if (s.boxSizing === 'border-box') return [w, h]
  return [
    w + px(s.paddingLeft) + px(s.paddingRight) + px(s.borderLeftWidth) + px(s.borderRightWidth),
    h + px(s.paddingTop) + px(s.paddingBottom) + px(s.borderTopWidth) + px(s.borderBottomWidth),
  ]
}

/** The border box in the given coordinates. */
export function rectIn(space: Space, e: Element, s: CSSStyleDeclaration): Rect {
  const r = fromDOM(boxOf(e))
  if (space.c === identity) return r
  const given = space.c[1] === 0 && space.c[2] === 0 ? undefined : size(s)
  return given ? unmap(space.c, r, ...given) : unmap(space.c, r)
}

/** The coordinates that a transformed element makes for itself and its content. */
export function spaceOf(space: Space, e: Element, s: CSSStyleDeclaration): Space {
  const outer = fromDOM(boxOf(e))
  const m0 = own(s, 0, 0)
  let [w, h] = size(s) ?? [0, 0]
  if (!w && !h) {
    const inner = unmap(multiply(space.c, m0), outer)
    w = inner.w
    h = inner.h
  }
  const m = own(s, w, h)
  const [ox, oy] = s.transformOrigin.split(' ').map(px) as [number, number]
  // The centre is where it is under every map, so the corner before the map follows from it.
  const centre = unmap(space.c, outer, 0, 0)
  const [dx, dy] = apply(m, w / 2 - ox, h / 2 - oy)
  const x = centre.x - ox - dx
  const y = centre.y - oy - dy
  // Browsers put such a box on whole pixels before they map it. What is measured is not moved.
  const [rx, ry] = [Math.round(x), Math.round(y)]
  const at = (px0: number, py0: number): Matrix => multiply(translation(px0 + ox, py0 + oy), multiply(m, translation(-rx - ox, -ry - oy)))
  return { m: multiply(space.m, at(rx, ry)), c: multiply(space.c, at(x, y)) }
}

/** For a box that is no element. */
export function spaceFor(space: Space, r: Rect, s: CSSStyleDeclaration): Space {
  const [ox, oy] = s.transformOrigin.split(' ').map(px) as [number, number]
  return mapped(space, multiply(multiply(translation(r.x + ox, r.y + oy), own(s, r.w, r.h)), translation(-r.x - ox, -r.y - oy)))
}

export function mapped(space: Space, m: Matrix): Space {
  return { m: space.m === identity ? m : multiply(space.m, m), c: space.c === identity ? m : multiply(space.c, m) }
}

/** Whether upright boxes keep their size: only then edges are put on whole pixels. */
export const upright = (m: Matrix): boolean => m[0] === 1 && m[1] === 0 && m[2] === 0 && m[3] === 1
