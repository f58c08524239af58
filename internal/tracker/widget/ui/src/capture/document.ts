/** What is painted for a whole document and behind a dialog. */
import { addresses, paintBackground } from './background.ts'
import { boxFor } from './box.ts'
import { transparent } from './css.ts'
import { ownerDocument, styleOf } from './dom.ts'
import type { Rect } from './geometry.ts'
import { layer, type Layer } from './scene.ts'
import type { State } from './state.ts'
import { rectIn } from './transform.ts'
import type { Walker } from './walk.ts'

/** Whether the body's background is the window's. */
export function bodyGives(e: Element): boolean {
  const doc = ownerDocument(e)
  if (e !== doc.body) return false
  const s = styleOf(doc.documentElement)
  return s.backgroundImage === 'none' && transparent(s.backgroundColor)
}

export function backdrop(w: Walker, e: Element, into: Layer): void {
  const style = styleOf(e, '::backdrop')
  if (!style || style.display === 'none') return
  const box = boxFor(style, w.window, (v) => v)
  const space = w.start().space
  for (const a of addresses(style)) w.images.want(a)
  // Behind the dialog itself, and not part of its opacity or transformation.
  const l = layer(0)
  l.own.push(w.step(space, null, (c) => {
    c.globalAlpha = Number(style.opacity)
    paintBackground(c, box, w.images, w.window)
  }))
  w.top.splice(w.top.indexOf(into), 0, l)
}

/** The background of a whole document. */
export function canvas(w: Walker, doc: Document, st: State, over: Rect, opaque: boolean): void {
  const html = doc.documentElement
  if (!html) {
    st.layer.own.push(w.step(st.space, st.clip, (c) => {
      c.fillStyle = '#fff'
      c.fillRect(over.x, over.y, over.w, over.h)
    }))
    return
  }
  const dark = (s: string): boolean => s.includes('dark') && (!s.includes('light') || matchMedia('(prefers-color-scheme: dark)').matches)
  const from = doc.body && bodyGives(doc.body) ? doc.body : html
  const style = styleOf(from)
  const scheme = styleOf(html).colorScheme ?? ''
  const box = boxFor(style, rectIn(st.space, from, style), (v) => v)
  for (const a of addresses(style)) w.images.want(a)
  st.layer.own.push(w.step(st.space, st.clip, (c) => {
    if (opaque) {
      c.fillStyle = dark(scheme) ? '#121212' : '#fff'
      c.fillRect(over.x, over.y, over.w, over.h)
    }
    paintBackground(c, box, w.images, over, true)
  }))
}
