/** Puts the text of a node into the picture. */
import { trace } from './box.ts'
import { bounds, grow, touches, type Rect } from './geometry.ts'
import { paintGradient } from './gradient.ts'
import { split, transparent } from './css.ts'
import type { Context } from './scene.ts'
import type { Span } from './secret.ts'
import type { State } from './state.ts'
import { drawPieces, Lines, lookOf, type Look, type Piece } from './text.ts'
import type { Walker } from './walk.ts'
import { fillCover } from './cover.ts'

export function writeText(w: Walker, node: Node, text: string, style: CSSStyleDeclaration, st: State): void {
  if (style.visibility !== 'visible') return
  const spans: Span[] = st.rule === 'show' ? w.secrets.of(node, text, st.group) : [[0, text.length]]
  const look: Look = lookOf(style, w.fonts, st.decorations)
  const view = st.clip ? st.clip.bounds : w.window
  const near = (r: Rect): boolean => touches(bounds(st.space.m, { x: r.x - r.h, y: r.y - r.h, w: r.w + 2 * r.h, h: r.h * 3 }), view)
  const lines = new Lines(node, text, st.space, look.font, style)
  let pieces = lines.read(spans, (r) => touches(bounds(st.space.m, r), view) || near(r))
  pieces = pieces.filter((p) => near(p.r))
  if (pieces.length === 0) return
  if (st.ellipsis) pieces = cut(w, pieces, look, st)
  const shown = pieces.filter((p) => !p.secret)
  if (st.flow) {
    for (const p of shown) st.flow.shown.push(p.r)
    st.flow.first ??= pieces[0]!.r
    st.flow.last = pieces[pieces.length - 1]!.r
  }
  if (shown.length) {
    const { through } = st
    // What cannot be seen stands between nothing.
    if (!transparent(look.color) && view.w > 2 && view.h > 2) for (const p of shown) w.see(st, p.text, p.r, () => { p.secret = true })
    w.draw(st, (c) => {
      const clear = shown.filter((p) => !p.secret)
      drawPieces(c, look, clear)
      if (through) for (const p of clear) showThrough(c, through.border, through.style, look, p)
      fillCover(c, shown.filter((p) => p.secret).map((p) => p.r))
    })
  }
  const secret = pieces.filter((p) => p.secret)
  if (secret.length) {
    w.covered++
    const bars = secret.map((p) => ({ ...p.r }))
    st.flow?.bars.push(...bars)
    w.draw(st, (c) => fillCover(c, bars))
    w.hide(st, ...(style.textShadow === 'none' ? bars : bars.map((r) => grow(r, 99))))
  }
}

/** background-clip: text, with the first gradient of the background. */
function showThrough(c: Context, r: Rect, style: CSSStyleDeclaration, look: Look, p: Piece): void {
  const [image = 'none'] = split(style.backgroundImage)
  let fill: Context['fillStyle'] = style.backgroundColor
  if (image !== 'none') {
    // paintGradient leaves its fill style, which is in coordinates of the box.
    c.save()
    c.beginPath()
    trace(c, { x: 0, y: 0, w: 0, h: 0 })
    c.clip()
    if (paintGradient(c, image, r.w, r.h)) fill = c.fillStyle
    c.restore()
  }
  c.save()
  look.font.set(c)
  c.translate(r.x, r.y)
  c.fillStyle = fill
  c.fillText(p.text, p.r.x - r.x, p.r.y + look.font.ascent - r.y)
  c.restore()
}

/** text-overflow and line-clamp: what does not fit makes room for the mark. */
function cut(w: Walker, pieces: Piece[], look: Look, st: State): Piece[] {
  const e = st.ellipsis!
  const mark = '…'
  const wide = w.fonts.width(look.font, mark)
  const out: Piece[] = []
  if (e.lines > 0) {
    for (const p of pieces) {
      if (!e.done.some((y) => Math.abs(y - p.r.y) < 2)) e.done.push(p.r.y)
      const line = e.done.findIndex((y) => Math.abs(y - p.r.y) < 2)
      if (line < e.lines) out.push(p)
      else {
        const last = out[out.length - 1]
        if (last && !last.secret && !last.text.endsWith(mark)) shorten(w, last, look, e.right - wide, mark)
        break
      }
    }
    return out
  }
  for (const p of pieces) {
    if (e.done.some((y) => Math.abs(y - p.r.y) < 2)) continue
    if (p.r.x + p.r.w > e.right + 0.5) {
      e.done.push(p.r.y)
      if (p.secret) p.r.w = Math.max(0, e.right - p.r.x)
      else shorten(w, p, look, e.right - wide, mark)
    }
    out.push(p)
  }
  return out
}

function shorten(w: Walker, p: Piece, look: Look, right: number, mark: string): void {
  const letters = Array.from(p.text)
  let low = 0
  let high = letters.length
  while (low < high) {
    const mid = (low + high + 1) >> 1
    if (p.r.x + w.fonts.width(look.font, letters.slice(0, mid).join('')) <= right) low = mid
    else high = mid - 1
  }
  p.text = letters.slice(0, low).join('') + mark
  p.r = { ...p.r, w: w.fonts.width(look.font, p.text) }
}
