/** Finds where the browser put the parts of a text node, and draws them there. */
import { transparent } from './css.ts'
import { cased, type Font, type Fonts } from './font.ts'
import { fromDOM, unmap, type Rect } from './geometry.ts'
import type { Context, Space } from './scene.ts'
import { shadows } from './shadow.ts'
import type { Span } from './secret.ts'

export interface Piece {
  text: string
  r: Rect
  secret: boolean
}

export interface Decoration { line: string; color: string; style: string; thickness: string; offset: string; size: number }

const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/
/** In UTF-16 units. */
const stretch = 1000

const space = /[ \t\n\r\f]+/g

/** The lines of a text node: one piece for each run on one line that is wholly secret or not. */
export class Lines {
  private range: Range
  constructor(private node: Node, private text: string, private where: Space, private font: Font, private style: CSSStyleDeclaration) {
    this.range = node.ownerDocument!.createRange()
  }

  private rects(from: number, to: number): Rect[] {
    this.range.setStart(this.node, from)
    this.range.setEnd(this.node, to)
    const out: Rect[] = []
    const list = this.range.getClientRects()
    for (let i = 0; i < list.length; i++) {
      const r = list[i]!
      if (r.width > 0) out.push(fromDOM(r))
    }
    return out
  }

  read(spans: Span[], near: (r: Rect) => boolean): Piece[] {
    const out: Piece[] = []
    let at = 0
    for (const [from, to] of spans) {
      this.part(at, from, false, out, near)
      this.part(Math.max(at, from), to, true, out, near)
      at = Math.max(at, to)
    }
    this.part(at, this.text.length, false, out, near)
    return out
  }

  /** Of a long text, only what is in sight is measured word by word. */
  private part(from: number, to: number, secret: boolean, out: Piece[], near: (r: Rect) => boolean): void {
    while (to - from > 2 * stretch) {
      let end = from + stretch
      while (end < to && end < from + 2 * stretch && !/\s/.test(this.text[end]!)) end++
      if (this.rects(from, end).some((r) => near(unmap(this.where.c, r)))) this.run(from, end, secret, out)
      from = end
    }
    this.run(from, to, secret, out)
  }

  private run(from: number, to: number, secret: boolean, out: Piece[]): void {
    while (from < to && ' \t\n\r\f'.includes(this.text[from]!)) from++
    while (to > from && ' \t\n\r\f'.includes(this.text[to - 1]!)) to--
    if (from >= to) return
    const all = this.rects(from, to)
    if (all.length === 0) return
    const piece = this.text.slice(from, to)
    const words = this.style.textAlign === 'justify' || rightToLeft.test(piece) || /^pre|^break/.test(this.style.whiteSpace)
    if (secret || (all.length === 1 && !words)) {
      for (const r of all) out.push(this.piece(from, to, r, secret))
      return
    }
    // Words that stand on one line are drawn together, as the browser shapes them.
    let start = -1
    let end = 0
    let first: Rect | null = null
    const flush = (): void => {
      if (first) out.push(this.piece(start, end, first, false))
      first = null
    }
    for (const [a, b] of this.words(from, to)) {
      const list = this.rects(a, b)
      if (list.length === 1) {
        const r = list[0]!
        if (first && !words && Math.abs((first as Rect).y - r.y) < 1 && r.x >= (first as Rect).x) end = b
        else {
          flush()
          first = r
          start = a
          end = b
        }
      } else {
        flush()
        this.halves(a, b, list, out)
      }
    }
    flush()
  }

  private words(from: number, to: number): Span[] {
    const out: Span[] = []
    space.lastIndex = from
    let at = from
    for (;;) {
      const m = space.exec(this.text)
      if (!m || m.index >= to) break
      if (m.index > at) out.push([at, m.index])
      at = m.index + m[0].length
    }
    if (at < to) out.push([at, to])
    return out
  }

  /** A word that is broken over lines or directions. */
  private halves(from: number, to: number, list: Rect[], out: Piece[]): void {
    if (list.length === 0) return
    if (list.length === 1 || to - from < 2) {
      out.push(this.piece(from, to, list[0]!, false))
      return
    }
    let mid = (from + to) >> 1
    if (/[\udc00-\udfff]/.test(this.text[mid]!)) mid++
    if (mid >= to) {
      out.push(this.piece(from, to, list[0]!, false))
      return
    }
    const left: Piece[] = []
    const right: Piece[] = []
    this.halves(from, mid, this.rects(from, mid), left)
    this.halves(mid, to, this.rects(mid, to), right)
    const a = left[left.length - 1]
    const b = right[0]
    if (a && b && a.r.y === b.r.y && Math.abs(a.r.x + a.r.w - b.r.x) < 0.1 && !rightToLeft.test(a.text)) {
      a.text += b.text
      a.r = { ...a.r, w: b.r.x + b.r.w - a.r.x }
      right.shift()
    }
    out.push(...left, ...right)
  }

  private piece(from: number, to: number, client: Rect, secret: boolean): Piece {
    const vertical = !this.style.writingMode.startsWith('horizontal')
    const high = this.font.ascent + this.font.descent
    const r = vertical ? unmap(this.where.c, client) : unmap(this.where.c, client, undefined, high)
    let text = ''
    if (!secret) {
      text = this.text.slice(from, to).replace(/\u00ad|\u200b/g, '')
      if (!/^pre|^break/.test(this.style.whiteSpace)) text = text.replace(space, ' ')
      text = cased(text, this.style, this.text.slice(Math.max(0, from - 1), from))
    }
    return { text, r, secret }
  }
}

export interface Look {
  font: Font
  color: string
  shadow: string
  stroke: number
  strokeColor: string
  vertical: boolean
  decorations: Decoration[]
  /** In place of the colour: what lies behind, cut out by the letters. */
  fill?: ((c: Context) => void) | undefined
}

export function lookOf(style: CSSStyleDeclaration, fonts: Fonts, decorations: Decoration[]): Look {
  return {
    font: fonts.of(style),
    color: style.webkitTextFillColor || style.color,
    shadow: style.textShadow,
    stroke: parseFloat(style.webkitTextStrokeWidth) || 0,
    strokeColor: style.webkitTextStrokeColor,
    vertical: !style.writingMode.startsWith('horizontal'),
    decorations,
  }
}

export function drawPieces(c: Context, look: Look, pieces: Piece[]): void {
  look.font.set(c)
  for (const p of pieces) {
    if (look.vertical) {
      c.save()
      c.translate(p.r.x + p.r.w, p.r.y)
      c.rotate(Math.PI / 2)
      drawRun(c, look, p.text, 0, (p.r.w + look.font.ascent - look.font.descent) / 2, p.r.h)
      c.restore()
    } else drawRun(c, look, p.text, p.r.x, p.r.y + look.font.ascent, p.r.w)
  }
}

export function drawRun(c: Context, look: Look, text: string, x: number, y: number, w: number): void {
  for (const d of look.decorations) if (!d.line.includes('through')) decorate(c, d, look.font, x, y, w)
  const list = shadows(look.shadow)
  if (list.length) {
    c.save()
    for (const s of list.reverse()) {
      const m = c.getTransform()
      c.shadowColor = s.color
      c.shadowBlur = s.blur * Math.hypot(m.a, m.b)
      c.shadowOffsetX = m.a * s.x + m.c * s.y + 20000
      c.shadowOffsetY = m.b * s.x + m.d * s.y
      c.setTransform(m.a, m.b, m.c, m.d, m.e - 20000, m.f)
      c.fillStyle = '#000'
      c.fillText(text, x, y)
      c.setTransform(m)
    }
    c.restore()
  }
  if (!transparent(look.color)) {
    c.fillStyle = look.color
    c.fillText(text, x, y)
  }
  if (look.stroke > 0) {
    c.strokeStyle = look.strokeColor
    c.lineWidth = look.stroke
    c.lineJoin = 'miter'
    c.strokeText(text, x, y)
  }
  for (const d of look.decorations) if (d.line.includes('through')) decorate(c, d, look.font, x, y, w)
}

function decorate(c: Context, d: Decoration, font: Font, x: number, y: number, w: number): void {
  const given = parseFloat(d.thickness)
  const t = Math.max(1, Number.isNaN(given) ? d.size / 10 : given)
  const offset = parseFloat(d.offset)
  const line = (top: number): void => {
    c.save()
    c.fillStyle = d.color
    c.strokeStyle = d.color
    c.lineWidth = t
    top = Math.round(top)
    const high = Math.max(1, Math.round(t))
    if (/^(dotted|dashed|wavy)$/.test(d.style)) {
      c.setLineDash(d.style === 'dashed' ? [3 * t, 2 * t] : [t, t])
      c.beginPath()
      c.moveTo(x, top + high / 2)
      c.lineTo(x + w, top + high / 2)
      c.stroke()
    } else c.fillRect(x, top, w, high)
    c.restore()
  }
  if (d.line.includes('underline')) line(y + (Number.isNaN(offset) ? Math.max(1, Math.ceil(t / 2)) : offset))
  if (d.line.includes('overline')) line(y - font.ascent)
  if (d.line.includes('through')) line(y - font.ascent / 3 - t / 2)
}
