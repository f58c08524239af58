/** A box with all that lies below its content. */
import { paintBackground } from './background.ts'
import { paintBorder } from './border.ts'
import { snapped, trace, type Box } from './box.ts'
import { boxOf, children, localName, nodeType } from './dom.ts'
import { fromDOM, grow, unmap, type Rect } from './geometry.ts'
import type { Images } from './image.ts'
import type { Context } from './scene.ts'
import { paintInnerShadows, paintOuterShadows } from './shadow.ts'
import type { State } from './state.ts'

/** gap is left out of the border: the legend of a field set. */
export function paintBox(c: Context, b: Box & { gap?: Rect }, images: Images, window: Rect): void {
  paintOuterShadows(c, b)
  paintBackground(c, b, images, window)
  paintInnerShadows(c, b)
  if (b.gap) {
    c.beginPath()
    trace(c, grow(b.border, 10))
    trace(c, b.gap)
    c.clip('evenodd')
  }
  paintBorder(c, b)
}

/** The border box as it is painted: of fieldsets and cells it differs from the layout's. */
export function paintedBox(e: Element, name: string, style: CSSStyleDeclaration, box: Box, st: State): Box & { gap?: Rect } {
  if (style.borderCollapse === 'collapse' && /^table/.test(style.display)) {
    if (style.display !== 'table-cell') return { ...box, widths: style.display === 'table' ? box.widths : [0, 0, 0, 0] }
    const [t, r, b, l] = box.widths
    const { x, y, w, h } = box.exact
    const g = snapped({ x: x - l / 2, y: y - t / 2, w: w + (l + r) / 2, h: h + (t + b) / 2 }, Math.round)
    return { ...box, border: g, padding: { x: g.x + l, y: g.y + t, w: g.w - l - r, h: g.h - t - b } }
  }
  if (name === 'fieldset') {
    for (const child of children(e)) {
      if (nodeType(child) !== 1 || localName(child as Element) !== 'legend') continue
      // The border runs through the middle of the legend, and leaves it out.
      const legend = boxOf(child as Element)
      const top = box.snap(box.exact.y + Math.max(0, (legend.height - box.widths[0]) / 2))
      const cut = (r: Rect, at: number): Rect => ({ ...r, y: at, h: r.y + r.h - at })
      return { ...box, border: cut(box.border, top), padding: cut(box.padding, top + box.widths[0]), gap: unmap(st.space.c, fromDOM(legend)) }
    }
  }
  return box
}
