/** Whether anything of an element that is out of sight reaches into the picture. */
import { boxOf, children, localName, nodeType, styleOf } from './dom.ts'
import { bounds, fromDOM, touches } from './geometry.ts'
import type { State } from './state.ts'
import type { Walker } from './walk.ts'

/** So many descendants are looked at between two looks at the clock. */
const often = 64

export function reaches(w: Walker, e: Element, client: DOMRect, st: State): boolean {
  const name = localName(e)
  if (name === 'script' || name === 'style' || name === 'template' || name === 'option') return false
  const inFrame = st.space.m !== st.space.c
  const view = inFrame ? null : st.clip ? st.clip.bounds : w.window
  // Frames in frames and empty boxes are rare: their content is walked.
  if (!view) return client.height < w.window.h * 4
  const style = styleOf(e)
  if (style.display === 'none') return false
  if (style.display === 'contents') return true
  if (style.position === 'fixed' || style.position === 'absolute') {
    const clip = style.position === 'fixed' ? st.fixed.clip : st.absolute.clip
    if (touches(fromDOM(client), clip ? clip.bounds : w.window)) return true
  }
  const decorated = style.boxShadow !== 'none' || style.outlineStyle !== 'none' || style.filter !== 'none'
  if (decorated) {
    const near = bounds([1, 0, 0, 1, 0, 0], { x: client.left - 60, y: client.top - 60, w: client.width + 120, h: client.height + 120 })
    if (touches(near, view)) return true
  }
  if (w.look.left <= 0) return false
  const start = performance.now()
  let n = 0
  let found = false
  const search = (node: Node): boolean => {
    for (const child of children(node)) {
      if (nodeType(child) !== 1) continue
      if (++n % often === 0 && performance.now() - start > Math.min(25, w.look.left)) return false
      const r = boxOf(child as Element)
      if (r.width > 0 || r.height > 0) {
        const box = fromDOM(r)
        if (touches(box, view)) return true
        if (view !== w.window && touches(box, w.window) && /fixed|absolute/.test(styleOf(child as Element).position)) return true
      }
      if (search(child)) return true
    }
    return false
  }
  found = search(e)
  w.look.left -= performance.now() - start
  return found
}
