/** ::before, ::after and the markers of lists. */
import { boxFor, type Box } from './box.ts'
import { addresses } from './background.ts'
import { paintBox } from './decorated.ts'
import { address, length, px, split, unquote } from './css.ts'
import { attribute, boxesOf, children, is, localName, nodeType } from './dom.ts'
import { cased } from './font.ts'
import { fromDOM, unmap, type Rect } from './geometry.ts'
import { layer } from './scene.ts'
import type { State } from './state.ts'
import { drawRun, lookOf } from './text.ts'
import { spaceFor, transforms } from './transform.ts'
import type { Walker } from './walk.ts'

/** Text and images of a content property. */
function contentOf(e: Element, content: string): { text: string; images: string[] } {
  let text = ''
  const images: string[] = []
  for (const part of split(split(content, '/')[0] ?? '', ' ')) {
    if (/^["']/.test(part)) text += unquote(part)
    else if (part === 'open-quote') text += '“'
    else if (part === 'close-quote') text += '”'
    else if (part.startsWith('attr(')) text += attribute(e, part.slice(5, -1).trim()) ?? ''
    else {
      const a = address(part)
      if (a) images.push(a)
    }
  }
  return { text, images }
}

/** The first and the last line box among an element's own text and inline children. */
function edges(e: Element, st: State): { first: Rect; last: Rect } | null {
  const range = e.ownerDocument.createRange()
  const list = Array.from(children(e)).filter((n) => nodeType(n) === 1 || (nodeType(n) === 3 && n.nodeValue?.trim()))
  const rects = (n: Node): Rect[] => {
    if (nodeType(n) === 1) return Array.from(boxesOf(n as Element), fromDOM)
    range.selectNodeContents(n)
    return Array.from(range.getClientRects(), fromDOM)
  }
  const some = (r: Rect): boolean => r.w > 0 && r.h > 0
  const first = list.map(rects).find((r) => r.some(some))?.find(some)
  const last = list.reverse().map(rects).find((r) => r.some(some))?.reverse().find(some)
  return first && last ? { first: unmap(st.space.c, first), last: unmap(st.space.c, last) } : null
}

export function generate(w: Walker, e: Element, which: '::before' | '::after', of: CSSStyleDeclaration, box: Box, st: State): void {
  const style = getComputedStyle(e, which)
  const { content, display } = style
  if (!content || content === 'none' || content === 'normal' || display === 'none' || style.visibility !== 'visible') return
  const { text: raw, images } = contentOf(e, content)
  const look = lookOf(style, w.fonts, st.decorations)
  const text = cased(raw, style, '')
  const line = look.font.ascent + look.font.descent
  const side = (s: string): number => px(s)
  const [pt, pr, pb, pl] = [side(style.paddingTop), side(style.paddingRight), side(style.paddingBottom), side(style.paddingLeft)]
  const [bt, br, bb, bl] = [side(style.borderTopWidth), side(style.borderRightWidth), side(style.borderBottomWidth), side(style.borderLeftWidth)]
  const textWidth = text ? w.fonts.width(look.font, text) : 0
  const borderBox = style.boxSizing === 'border-box'
  let wide = parseFloat(style.width)
  let high = parseFloat(style.height)
  wide = Number.isNaN(wide) || display === 'inline' ? textWidth + pl + pr + bl + br : borderBox ? wide : wide + pl + pr + bl + br
  high = Number.isNaN(high) || display === 'inline' ? line + pt + pb + bt + bb : borderBox ? high : high + pt + pb + bt + bb
  const before = which === '::before'
  let { space, clip } = st
  let r: Rect
  const out = style.position === 'absolute' || style.position === 'fixed'
  if (out) {
    const from = style.position === 'fixed' ? st.fixed : st.absolute
    ;({ space, clip } = from)
    const left = length(style.left, from.box.w)
    const top = length(style.top, from.box.h)
    r = { x: from.box.x + left + side(style.marginLeft), y: from.box.y + top + side(style.marginTop), w: wide, h: high }
  } else {
    const flex = /flex|grid/.test(of.display)
    const block = !display.startsWith('inline') && !flex
    const c = box.content
    const near = block || flex ? null : edges(e, st)
    const rtl = of.direction === 'rtl'
    if (near) {
      const at = before ? near.first : near.last
      const toLeft = before !== rtl
      const x = toLeft ? at.x - side(style.marginRight) - wide : at.x + at.w + side(style.marginLeft)
      const baseline = at.y + Math.round((at.h - line) / 2)
      r = { x, y: display === 'inline' ? baseline - pt - bt : at.y + at.h - high - Math.max(0, Math.round((at.h - high) / 2)), w: wide, h: high }
    } else if (flex) {
      const column = of.flexDirection.startsWith('column')
      const x = column ? c.x : before ? c.x + side(style.marginLeft) : c.x + c.w - wide - side(style.marginRight)
      const y = column ? (before ? c.y : c.y + c.h - high) : of.alignItems === 'center' ? c.y + (c.h - high) / 2 : c.y
      r = { x, y, w: wide, h: high }
    } else if (display === 'inline' || display.startsWith('inline')) {
      const lineHeight = parseFloat(of.lineHeight)
      const gap = Number.isNaN(lineHeight) ? 0 : (lineHeight - line) / 2
      const x = of.textAlign === 'center' ? c.x + (c.w - wide) / 2 : c.x + side(style.marginLeft)
      r = { x, y: c.y + Math.floor(gap) - (display === 'inline' ? pt + bt : 0) + side(style.marginTop), w: wide, h: high }
    } else r = { x: c.x + side(style.marginLeft), y: before ? c.y + side(style.marginTop) : c.y + c.h - high - side(style.marginBottom), w: wide, h: high }
  }
  if (transforms(style)) space = spaceFor(space, r, style)
  const b = boxFor(style, r, w.snap(space))
  for (const a of [...addresses(style), ...images]) w.images.want(a)
  const target = { ...st, space, clip }
  const z = style.zIndex === 'auto' || (!out && style.position === 'static') ? 0 : Number(style.zIndex)
  let into = st.layer.inlines
  const alpha = Number(style.opacity)
  if (out || style.position === 'relative' || alpha < 1 || space !== st.space) {
    const l = layer(z, alpha < 1 ? { alpha, blend: 'normal', filter: 'none', clip } : null)
    ;(z < 0 ? st.context.negative : z > 0 ? st.context.positive : st.context.zero).push(l)
    into = l.inlines
  }
  let hidden = text !== '' && (st.rule !== 'show' || w.secrets.hides(text))
  into.push(w.step(space, clip, (c) => {
    paintBox(c, b, w.images, w.window)
    let x = r.x + bl + pl
    for (const a of images) {
      const i = w.images.get(a)
      if (!i) continue
      c.drawImage(i, x, r.y + bt + pt)
      x += i.naturalWidth
    }
    if (hidden || !text) return
    const lineHeight = parseFloat(style.lineHeight)
    const inner = r.h - bt - bb - pt - pb
    const top = display === 'inline' ? 0 : ((Number.isNaN(lineHeight) ? line : Math.min(lineHeight, Math.max(inner, lineHeight))) - line) / 2
    if (/flex|grid/.test(display)) {
      const dx = /center/.test(style.justifyContent + style.placeItems) ? (r.w - bl - br - pl - pr - textWidth) / 2 : 0
      const dy = /center/.test(style.alignItems) ? (inner - line) / 2 : top
      x += dx
      look.font.set(c)
      drawRun(c, look, text, x, r.y + bt + pt + dy + look.font.ascent, textWidth)
      return
    }
    const room = r.w - bl - br - pl - pr - textWidth
    if (style.textAlign === 'center') x += room / 2
    else if (style.textAlign === 'right' || style.textAlign === 'end') x += room
    look.font.set(c)
    drawRun(c, look, text, x, Math.round(r.y + bt + pt + Math.floor(top) + look.font.ascent), textWidth)
  }))
  const veil = (): void => w.veil(target, { x: r.x, y: r.y, w: 6 * look.font.size, h: line }, r, into)
  if (hidden) veil()
  else if (text) {
    w.see(target, text, r, () => {
      hidden = true
      veil()
    })
  }
}

export function numeral(n: number, type: string): string {
  if (/latin|alpha/.test(type) && n > 0) {
    let s = ''
    for (let k = n; k > 0; k = Math.floor((k - 1) / 26)) s = String.fromCharCode(97 + ((k - 1) % 26)) + s
    return type.startsWith('upper') ? s.toUpperCase() : s
  }
  return type === 'decimal-leading-zero' && n >= 0 && n < 10 ? `0${n}` : String(n)
}

/** The number of an item: lists that count in their own way are counted like others. */
function ordinal(e: Element): number {
  const list = e.parentElement
  const down = list ? attribute(list, 'reversed') !== null : false
  const items = list ? Array.from(list.children).filter((c) => localName(c) === 'li') : [e]
  let n = list && attribute(list, 'start') !== null ? parseInt(attribute(list, 'start')!, 10) || 0 : down ? items.length : 1
  for (const item of items) {
    const given = attribute(item, 'value')
    if (given !== null && !Number.isNaN(parseInt(given, 10))) n = parseInt(given, 10)
    if (item === e) return n
    n += down ? -1 : 1
  }
  return n
}

export function mark(w: Walker, e: Element, style: CSSStyleDeclaration, box: Box, st: State): void {
  const type = style.listStyleType
  const imageAt = address(style.listStyleImage)
  if (type === 'none' && !imageAt) return
  const own = getComputedStyle(e, '::marker')
  const look = lookOf(style, w.fonts, [])
  const color = own.color || style.color
  const { font } = look
  const line = font.ascent + font.descent
  const rtl = style.direction === 'rtl'
  const lineHeight = parseFloat(style.lineHeight)
  const first = st.flow?.first ?? { x: box.content.x, y: box.content.y + Math.floor(((Number.isNaN(lineHeight) ? line : lineHeight) - line) / 2), w: 0, h: line }
  // The marker stands on the first line's baseline.
  const top = first.y + (first.h - line > 0 ? Math.round((first.h - line) / 2) : 0)
  const inside = style.listStylePosition === 'inside'
  const start = rtl ? box.content.x + box.content.w : box.content.x
  if (imageAt) w.images.want(imageAt)
  if (/^(disc|circle|square|disclosure-open|disclosure-closed)$/.test(type) || imageAt) {
    const size = Math.floor((Math.floor((font.ascent * 2) / 3) + 1) / 2)
    const y = top + Math.floor((3 * (font.ascent - Math.floor((font.ascent * 2) / 3))) / 2)
    const away = Math.floor((font.ascent * 2) / 3) + 8
    const x = inside ? (rtl ? first.x + first.w + 8 : first.x - size - 8) : rtl ? start + away - 1 - size : start - away + 1
    w.draw(st, (c) => {
      const image = imageAt ? w.images.get(imageAt) : null
      if (image) {
        c.drawImage(image, rtl ? start + 7 : start - image.naturalWidth - 7, top + font.ascent - image.naturalHeight)
        return
      }
      c.fillStyle = c.strokeStyle = color
      c.beginPath()
      if (type.startsWith('disclosure')) {
        const s = font.ascent * 0.66
        const px0 = localName(e) === 'summary' ? box.content.x : x
        const y0 = top + font.ascent - s
        if (type === 'disclosure-open' || is(e, 'details[open] > summary')) triangle(c, [[px0, y0 + s * 0.15], [px0 + s, y0 + s * 0.15], [px0 + s / 2, y0 + s]])
        else triangle(c, [[px0 + s * 0.15, y0], [px0 + s, y0 + s / 2], [px0 + s * 0.15, y0 + s]])
        c.fill()
      } else if (type === 'square') c.fillRect(x, y, size, size)
      else {
        c.ellipse(x + size / 2, y + size / 2, size / 2, size / 2, 0, 0, 2 * Math.PI)
        if (type === 'disc') c.fill()
        else {
          c.lineWidth = 1
          c.stroke()
        }
      }
    })
    return
  }
  const text = /^["']/.test(type) ? unquote(type) : /^["']/.test(own.content) ? unquote(own.content) : `${numeral(ordinal(e), type)}. `
  const wide = w.fonts.width(font, text)
  const x = inside ? first.x - wide : rtl ? start : start - wide
  if (st.rule !== 'show' || w.secrets.hides(text)) return
  w.draw(st, (c) => {
    font.set(c)
    drawRun(c, { ...look, color }, text, x, top + font.ascent, wide)
  })
}

function triangle(c: CanvasRenderingContext2D, points: [number, number][]): void {
  points.forEach(([x, y], i) => c[i ? 'lineTo' : 'moveTo'](x, y))
  c.closePath()
}
