/** Fields and buttons: what they hold, and the looks that browsers give them. */
import type { Box } from './box.ts'
import { trace } from './box.ts'
import { px } from './css.ts'
import { attribute, children, localName, ownerDocument, scrollLeft, scrollTop } from './dom.ts'
import { cased } from './font.ts'
import { grow, type Rect } from './geometry.ts'
import type { Context } from './scene.ts'
import type { State } from './state.ts'
import { drawRun, lookOf, type Look } from './text.ts'
import type { Walker } from './walk.ts'

const bullets = '•'.repeat(8)

/** In font sizes: the length of a bar that tells nothing of what it covers. */
const barLength = 6

/** The edge of fields and buttons that the page has not styled. */
export function nativeBox(name: string, style: CSSStyleDeclaration, box: Box): Box {
  if (!/^(input|textarea|select|button)$/.test(name) || style.appearance === 'none') return box
  const s = style.borderTopStyle
  const plain = name === 'select' ? s === 'solid' && box.widths[0] === 1 && /118, 118, 118|133, 133, 133/.test(style.borderTopColor) : (s === 'inset' || s === 'outset') && box.widths[0] === 2
  if (!plain || style.borderTopLeftRadius !== '0px') return box
  const r = name === 'button' || s === 'outset' ? 3 : name === 'select' ? 1.5 : 1
  const radii = box.radii.map((): [number, number] => [r, r])
  return { ...box, padding: grow(box.border, -1), widths: [1, 1, 1, 1], radii, edge: /dark/.test(style.colorScheme) && matchMedia('(prefers-color-scheme: dark)').matches ? '#858585' : '#767676' }
}

/** True: the element is drawn, with all that is in it. */
export function paintControl(w: Walker, e: Element, style: CSSStyleDeclaration, box: Box, st: State): boolean {
  const name = localName(e)
  const visible = style.visibility === 'visible'
  if (name === 'input') {
    if (visible) input(w, e as HTMLInputElement, style, box, st)
    return true
  }
  if (name === 'textarea') {
    if (visible) area(w, e as HTMLTextAreaElement, style, box, st)
    return true
  }
  if (name === 'select') {
    if (visible) select(w, e as HTMLSelectElement, style, box, st)
    return true
  }
  if (name === 'progress' || name === 'meter') {
    if (visible) gauge(w, e as HTMLProgressElement | HTMLMeterElement, name, style, box, st)
    return true
  }
  const editable = attribute(e, 'contenteditable')
  const host = (editable !== null && editable !== 'false') || /w/.test(style.getPropertyValue('-webkit-user-modify')) || (name === 'body' && ownerDocument(e).designMode === 'on')
  if (host && w.secrets.hidesValue(e)) {
    if (visible && children(e).length > 0) bar(w, style, box.content, st, false)
    return true
  }
  return false
}

/** A bar of fixed length in place of a value. */
function bar(w: Walker, style: CSSStyleDeclaration, r: Rect, st: State, middle: boolean): void {
  const size = px(style.fontSize)
  const h = Math.min(r.h || size, size * 1.2)
  const wide = Math.min(r.w, barLength * size)
  const x = style.direction === 'rtl' ? r.x + r.w - wide : r.x
  w.veil(st, { x, y: middle ? r.y + (r.h - h) / 2 : r.y, w: wide, h }, r)
}

/** One line of text in the middle of a box, cut at its edges. */
function line(w: Walker, look: Look, style: CSSStyleDeclaration, r: Rect, text: string, st: State, align: string, shift = 0): void {
  w.see(st, text, r, () => w.cover(st, grow(r, 4)))
  w.draw(st, (c) => {
    const wide = w.fonts.width(look.font, text)
    c.beginPath()
    c.rect(r.x, r.y - 4, r.w, r.h + 8)
    c.clip()
    look.font.set(c)
    const rtl = style.direction === 'rtl'
    const right = align === 'right' || align === (rtl ? 'start' : 'end')
    const x = align === 'center' ? r.x + (r.w - wide) / 2 : right ? r.x + r.w - wide : r.x
    const high = look.font.ascent + look.font.descent
    drawRun(c, look, text, x - shift, Math.floor(r.y + (r.h - high) / 2) + look.font.ascent, wide)
  })
}

function input(w: Walker, e: HTMLInputElement, style: CSSStyleDeclaration, box: Box, st: State): void {
  const { type } = e
  const native = style.appearance !== 'none'
  const draw = (f: (c: Context) => void): void => void w.draw(st, f)
  if (type === 'hidden' || type === 'image') return
  if (type === 'checkbox' || type === 'radio') {
    const hidden = st.rule !== 'show' || w.secrets.hidesValue(e)
    const on = e.checked
    if (native) draw((c) => tick(c, box.border, type, !hidden && on, !hidden && e.indeterminate, e.disabled, accent(style)))
    if (hidden) w.veil(st, { ...box.border, w: box.border.w, h: box.border.h }, box.border)
    return
  }
  if (type === 'range') {
    if (st.rule !== 'show' || w.secrets.hidesValue(e)) w.veil(st, box.border, box.border)
    else if (native) {
      const [min, max] = [Number(e.min || 0), Number(e.max || 100)]
      const part = max > min ? (e.valueAsNumber - min) / (max - min) : 0
      draw((c) => range(c, box.content, style.direction === 'rtl' ? 1 - part : part, accent(style)))
    }
    return
  }
  if (type === 'color') {
    w.veil(st, box.content, box.content)
    return
  }
  const look = lookOf(style, w.fonts, [])
  if (type === 'submit' || type === 'reset' || type === 'button') {
    const text = e.value || (type === 'submit' ? 'Submit' : type === 'reset' ? 'Reset' : '')
    label(w, look, style, box.content, cased(text, style, ''), st, 'center')
    return
  }
  if (type === 'file') {
    const text = e.files?.length ? bullets : ''
    if (text) w.hide(st, box.padding)
    line(w, look, style, box.content, text, st, 'start')
    return
  }
  const { value } = e
  if (value === '' && !e.validity.badInput) {
    placeholder(w, e, style, box, st, true)
    return
  }
  const hidden = value === '' || type === 'password' || st.rule !== 'show' || w.secrets.hidesValue(e)
  if (hidden) {
    w.covered++
    w.hide(st, box.padding)
    line(w, look, style, box.content, bullets, st, 'start')
    return
  }
  if (w.secrets.hides(value)) {
    bar(w, style, box.content, st, true)
    return
  }
  line(w, look, style, box.content, cased(value, style, ''), st, style.textAlign, scrollLeft(e))
}

/** A text that the page wrote, not the visitor. */
function label(w: Walker, look: Look, style: CSSStyleDeclaration, r: Rect, text: string, st: State, align: string): void {
  if (!text) return
  if (st.rule !== 'show' || w.secrets.hides(text)) bar(w, style, r, st, true)
  else line(w, look, style, r, text, st, align)
}

function placeholder(w: Walker, e: HTMLInputElement | HTMLTextAreaElement, style: CSSStyleDeclaration, box: Box, st: State, middle: boolean): void {
  const text = attribute(e, 'placeholder')
  if (!text) return
  const own = getComputedStyle(e, '::placeholder')
  const look = lookOf(style, w.fonts, [])
  look.color = own.color || '#757575'
  if (middle) label(w, look, style, box.content, text, st, style.textAlign)
  else if (st.rule !== 'show' || w.secrets.hides(text)) bar(w, style, box.content, st, false)
  else paragraph(w, look, style, box, text, st, 0, 0)
}

/** Text of a textarea, broken into lines as the browser does in the simple cases. */
function paragraph(w: Walker, look: Look, style: CSSStyleDeclaration, box: Box, text: string, st: State, left: number, top: number): void {
  const { content } = box
  const high = look.font.ascent + look.font.descent
  const step = parseFloat(style.lineHeight) || high
  const lines: string[] = []
  const wraps = !style.whiteSpace.includes('nowrap') && style.whiteSpace !== 'pre'
  const least = Math.floor(top / step) - 1
  const most = least + Math.ceil(box.padding.h / step) + 3
  for (const source of text.split('\n')) {
    let rest = ''
    for (const word of source.match(/^\s+|\S+\s*/g) ?? []) {
      if (wraps && rest && w.fonts.width(look.font, rest + word.trimEnd()) > content.w) {
        lines.push(rest)
        rest = ''
      }
      rest += word
      if (lines.length > most) break
    }
    lines.push(rest)
    if (lines.length > most) break
  }
  w.draw(st, (c) => {
    c.beginPath()
    c.rect(box.padding.x, box.padding.y, box.padding.w, box.padding.h)
    c.clip()
    look.font.set(c)
    lines.forEach((text, i) => {
      if (i < least) return
      const wide = style.textAlign === 'start' || style.textAlign === 'left' ? 0 : w.fonts.width(look.font, text)
      const x = style.textAlign === 'center' ? content.x + (content.w - wide) / 2 : style.textAlign === 'right' || style.textAlign === 'end' ? content.x + content.w - wide : content.x
      drawRun(c, look, text.trimEnd(), x - left, Math.floor(content.y - top + i * step + (step - high) / 2) + look.font.ascent, 0)
    })
  })
}

function area(w: Walker, e: HTMLTextAreaElement, style: CSSStyleDeclaration, box: Box, st: State): void {
  const { value } = e
  const look = lookOf(style, w.fonts, [])
  if (value === '') {
    placeholder(w, e, style, box, st, false)
    return
  }
  if (st.rule !== 'show' || w.secrets.hidesValue(e)) {
    w.covered++
    w.hide(st, box.padding)
    paragraph(w, look, style, box, bullets, st, 0, 0)
    return
  }
  if (w.secrets.hides(value)) {
    w.veil(st, box.content, box.content)
    return
  }
  paragraph(w, look, style, box, value, st, scrollLeft(e), scrollTop(e))
}

function select(w: Walker, e: HTMLSelectElement, style: CSSStyleDeclaration, box: Box, st: State): void {
  const look = lookOf(style, w.fonts, [])
  const chosen = e.selectedOptions[0]
  const hidden = st.rule !== 'show' || w.secrets.hidesValue(e) || (chosen && w.secrets.rule(chosen) !== 'show')
  if (e.multiple || e.size > 1) {
    // Most rules hide it; without a rule it is not worth the code that draws its options.
    w.veil(st, box.padding, box.padding)
    return
  }
  const arrow = style.appearance !== 'none'
  const text = chosen?.label ?? ''
  const pad = arrow ? 4 : 0
  const room = arrow ? 20 : 0
  const rtl = style.direction === 'rtl'
  const r = { x: box.content.x + (rtl ? room : pad), y: box.content.y, w: box.content.w - pad - (rtl ? 0 : room) + (rtl ? pad : 4), h: box.content.h }
  if (hidden) bar(w, style, r, st, true)
  else label(w, look, style, r, cased(text.trim().replace(/\s+/g, ' '), style, ''), st, 'start')
  if (!arrow) return
  w.draw(st, (c) => {
    const x = rtl ? box.content.x + 4 : box.border.x + box.border.w - 13
    const y = box.border.y + box.border.h / 2
    c.strokeStyle = style.color
    c.lineWidth = 2
    c.beginPath()
    c.moveTo(x, y - 2)
    c.lineTo(x + 4, y + 2)
    c.lineTo(x + 8, y - 2)
    c.stroke()
  })
}

function accent(style: CSSStyleDeclaration): string {
  return style.accentColor && style.accentColor !== 'auto' ? style.accentColor : '#0075ff'
}

function tick(c: Context, r: Rect, type: string, on: boolean, mixed: boolean, off: boolean, color: string): void {
  const grey = off ? 'rgba(118, 118, 118, 0.3)' : '#767676'
  if (type === 'radio') {
    const d = Math.min(r.w, r.h)
    const [x, y] = [r.x + r.w / 2, r.y + r.h / 2]
    c.beginPath()
    c.arc(x, y, d / 2, 0, 7)
    c.fillStyle = on ? (off ? grey : color) : grey
    c.fill()
    c.beginPath()
    c.arc(x, y, d / 2 - 1, 0, 7)
    c.fillStyle = '#fff'
    c.fill()
    if (!on) return
    c.beginPath()
    c.arc(x, y, d * 0.31, 0, 7)
    c.fillStyle = off ? grey : color
    c.fill()
    return
  }
  const radii: [number, number][] = [[2, 2], [2, 2], [2, 2], [2, 2]]
  c.beginPath()
  trace(c, r, radii)
  c.fillStyle = on || mixed ? (off ? grey : color) : grey
  c.fill()
  if (!on && !mixed) {
    c.beginPath()
    trace(c, { x: r.x + 1, y: r.y + 1, w: r.w - 2, h: r.h - 2 }, radii.map(() => [1, 1]))
    c.fillStyle = '#fff'
    c.fill()
    return
  }
  const k = r.w / 13
  c.beginPath()
  if (mixed) {
    c.fillStyle = '#fff'
    c.fillRect(r.x + 3 * k, r.y + 5.5 * k, 7 * k, 2 * k)
    return
  }
  c.moveTo(r.x + 2.6 * k, r.y + 6.8 * k)
  c.lineTo(r.x + 5.3 * k, r.y + 9.4 * k)
  c.lineTo(r.x + 10.6 * k, r.y + 3.6 * k)
  c.lineWidth = 1.9 * k
  c.strokeStyle = '#fff'
  c.stroke()
}

function pill(c: Context, x: number, y: number, w: number, h: number, fill: string, edge?: string): void {
  const radii = (d: number): [number, number][] => [0, 1, 2, 3].map(() => [d, d])
  c.beginPath()
  trace(c, { x, y, w, h }, radii(Math.min(h, w) / 2))
  c.fillStyle = edge ?? fill
  c.fill()
  if (!edge) return
  c.beginPath()
  trace(c, { x: x + 1, y: y + 1, w: Math.max(0, w - 2), h: h - 2 }, radii(Math.min(h, w) / 2 - 1))
  c.fillStyle = fill
  c.fill()
}

function track(c: Context, r: Rect, filled: number, color: string): void {
  pill(c, r.x, r.y, r.w, r.h, '#efefef', '#b2b2b2')
  if (!(filled > 0)) return
  c.save()
  c.beginPath()
  c.rect(r.x, r.y, filled, r.h)
  c.clip()
  pill(c, r.x, r.y, r.w, r.h, color)
  c.restore()
}

function range(c: Context, r: Rect, part: number, color: string): void {
  const y = r.y + r.h / 2
  const x = r.x + part * (r.w - 16)
  track(c, { x: r.x + 1, y: y - 4, w: r.w - 2, h: 8 }, part > 0 ? x - r.x + 7 : 0, color)
  pill(c, x + 0.5, y - 7.5, 15, 15, color)
}

function gauge(w: Walker, e: HTMLProgressElement | HTMLMeterElement, name: string, style: CSSStyleDeclaration, box: Box, st: State): void {
  if (st.rule !== 'show') {
    w.veil(st, box.border, box.border)
    return
  }
  const r = box.content
  let part: number
  let color = accent(style)
  if (name === 'meter') {
    const m = e as HTMLMeterElement
    part = (m.value - m.min) / (m.max - m.min || 1)
    color = '#107c10'
  } else part = (e as HTMLProgressElement).position
  w.draw(st, (c) => {
    const h = Math.min(r.h, name === 'meter' ? r.h / 2 : 8)
    const y = r.y + (r.h - h) / 2
    track(c, { x: r.x, y, w: r.w, h }, Math.round(r.w * Math.min(1, Math.max(0, part))), color)
  })
}
