/** What a style hides of an element by other means than visibility. */
import { addresses, paintBackground } from './background.ts'
import type { Box } from './box.ts'
import { call, px } from './css.ts'
import { parentNode, styleOf } from './dom.ts'
import type { Rect } from './geometry.ts'
import type { Images } from './image.ts'
import type { Context } from './scene.ts'

/**
 * A mask is what a background of the same properties covers. Null: there is none; false: it is
 * of a kind that is not known here, and what it hides cannot be told.
 */
export function maskOf(style: CSSStyleDeclaration, box: Box, images: Images, window: Rect): ((c: Context) => void) | null | false {
  const of = (name: string): string => style.getPropertyValue(`mask-${name}`) || style.getPropertyValue(`-webkit-mask-${name}`)
  const backgroundImage = of('image')
  if (!backgroundImage || backgroundImage === 'none') return null
  // A mask element of a drawing is no image.
  if (/url\("?[^"]*#/.test(backgroundImage) || !/^(?:match-source|alpha|add|source-over|[, ])*$/.test(of('mode') + of('composite'))) return false
  const as = {
    backgroundImage, backgroundColor: 'transparent', backgroundSize: of('size'), backgroundPosition: of('position'), backgroundRepeat: of('repeat'),
    backgroundOrigin: of('origin') || 'border-box', backgroundClip: of('clip') || 'border-box', backgroundAttachment: 'scroll',
  } as CSSStyleDeclaration
  for (const a of addresses(as)) images.want(a)
  return (c) => paintBackground(c, { ...box, style: as }, images, window)
}

/** The old property clip: what is shown of an absolutely positioned box. A side that is auto hides all of it. */
export function clipRect(style: CSSStyleDeclaration, r: Rect): Rect | null {
  const sides = call(style.clip, 'rect')?.split(/[\s,]+/)
  if (!sides || !/absolute|fixed/.test(style.position)) return null
  const [top, right, bottom, left] = sides.map(px) as [number, number, number, number]
  return { x: r.x + left, y: r.y + top, w: Math.max(0, right - left), h: Math.max(0, bottom - top) }
}

/** Whether a turned box shows its back, which is not to be seen. */
export function turnedAway(e: Element, style: CSSStyleDeclaration): boolean {
  if (style.backfaceVisibility !== 'hidden') return false
  let m = new DOMMatrix()
  for (let at: Element | null = e, s = style; at; s = styleOf(at)) {
    m = new DOMMatrix(s.transform === 'none' ? '' : s.transform).multiply(m)
    at = parentNode(at) as Element | null
    if (!at || at.nodeType !== 1 || styleOf(at).transformStyle !== 'preserve-3d') break
  }
  return m.m33 < 0
}
