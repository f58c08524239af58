/** Inline SVG: shapes, text, symbols, gradients and clip paths. */
import type { Box } from './box.ts'
import { setPath } from './clippath.ts'
import { address, length, px, transparent } from './css.ts'
import { attribute, children, isSVG, localName, nodeType, styleOf } from './dom.ts'
import { fillCover } from './cover.ts'
import { cased } from './font.ts'
import { identity, multiply, translation, type Matrix, type Rect } from './geometry.ts'
import type { Context } from './scene.ts'
import { layer, type Layer } from './scene.ts'
import type { State } from './state.ts'
import { lookOf } from './text.ts'
import { mapped } from './transform.ts'
import type { Walker } from './walk.ts'

/** Deeper nesting, also of symbols that use each other, is not drawn. */
const deepest = 60

export async function writeSVG(w: Walker, e: SVGSVGElement, style: CSSStyleDeclaration, box: Box, st: State): Promise<void> {
  const r = box.content
  const m = multiply(translation(r.x, r.y), viewBox(e, r.w, r.h))
  const clips = style.overflowX !== 'visible'
  const clip = clips ? w.clipTo(st.clip, st.space, r, (c) => c.rect(r.x, r.y, r.w, r.h)) : st.clip
  await inside(w, e, { ...st, space: mapped(st.space, m), clip }, { w: r.w, h: r.h, depth: 0, copy: null })
}

interface Port {
  w: number
  h: number
  depth: number
  /** The use element and the element it copies, in a copy. */
  copy: [use: Element, target: Element] | null
}

function viewBox(e: Element, w: number, h: number): Matrix {
  const box = attribute(e, 'viewBox')?.trim().split(/[\s,]+/).map(Number)
  if (!box || box.length !== 4 || !box.every(Number.isFinite) || !(box[2]! > 0 && box[3]! > 0)) return identity
  const [x, y, vw, vh] = box as [number, number, number, number]
  const how = attribute(e, 'preserveAspectRatio') ?? 'xMidYMid meet'
  let [kx, ky] = [w / vw, h / vh]
  if (how.includes('none')) return [kx, 0, 0, ky, -x * kx, -y * ky]
  kx = ky = how.includes('slice') ? Math.max(kx, ky) : Math.min(kx, ky)
  const at = (mid: boolean, max: boolean, room: number): number => (max ? room : mid ? room / 2 : 0)
  return [kx, 0, 0, ky, at(how.includes('xMid'), how.includes('xMax'), w - vw * kx) - x * kx, at(how.includes('YMid'), how.includes('YMax'), h - vh * ky) - y * ky]
}

async function inside(w: Walker, e: Element, st: State, port: Port): Promise<void> {
  if (port.depth > deepest) return
  for (const n of children(e)) {
    if (w.clock.over()) return
    if (w.clock.due()) await w.clock.pause()
    if (nodeType(n) === 1) await part(w, n as Element, st, port)
  }
}

async function part(w: Walker, e: Element, outer: State, port: Port): Promise<void> {
  const name = localName(e)
  if (!isSVG(e)) return
  const rule = w.secrets.rule(e)
  const style = styleOf(e)
  if (style.display === 'none') return
  let st = outer
  const m = transformOf(e, style)
  if (m !== identity) st = { ...st, space: mapped(st.space, m) }
  if (rule !== 'show') {
    const b = boxIn(e)
    if (b) w.cover(st, b)
    return
  }
  const clipId = /url\("?#([^")]+)/.exec(style.clipPath ?? '')?.[1]
  const clipper = clipId ? find(e, clipId) : null
  if (clipper) {
    const path = new Path2D()
    for (const n of children(clipper)) {
      if (nodeType(n) !== 1) continue
      const p = shape(n as Element, port)
      const own = transformOf(n as Element, styleOf(n as Element))
      if (p) path.addPath(p, { a: own[0], b: own[1], c: own[2], d: own[3], e: own[4], f: own[5] })
    }
    const space = st.space
    st = { ...st, clip: w.clipTo(st.clip, space, { x: -1e6, y: -1e6, w: 2e6, h: 2e6 }, (c) => setPath(c, path)) }
  }
  const alpha = Number(style.opacity)
  const filter = style.filter && style.filter !== 'none' && !style.filter.includes('url(') ? style.filter : 'none'
  if (alpha < 1 || filter !== 'none') {
    const l: Layer = layer(0, { alpha, blend: 'normal', filter, clip: st.clip })
    st.layer.inlines.push(l)
    st = { ...st, layer: l }
  }
  const next = { ...port, depth: port.depth + 1 }
  if (name === 'g' || name === 'a' || name === 'switch') await inside(w, e, st, next)
  else if (name === 'svg') await nested(w, e, e, st, next)
  else if (name === 'use') await used(w, e, st, next)
  else if (name === 'text') text(w, e as SVGTextElement, style, st)
  else if (name === 'image' || name === 'foreignObject') w.missingBox('image', e, st, boxIn(e) ?? { x: 0, y: 0, w: 0, h: 0 }, name === 'image')
  else if (style.visibility === 'visible') {
    const p = shape(e, port)
    if (!p) return
    const paint = painter(e, style, port)
    w.draw(st, (c) => paint(c, p))
  }
}

function transformOf(e: Element, style: CSSStyleDeclaration): Matrix {
  const list = style.transform
  if (!list || list === 'none') {
    // Older browsers do not give the attribute through the style.
    const t = (e as SVGGraphicsElement).transform?.baseVal?.consolidate?.call((e as SVGGraphicsElement).transform.baseVal)
    return t && attribute(e, 'transform') ? [t.matrix.a, t.matrix.b, t.matrix.c, t.matrix.d, t.matrix.e, t.matrix.f] : identity
  }
  const d = new DOMMatrix(list)
  const own: Matrix = [d.a, d.b, d.c, d.d, d.e, d.f]
  const [ox = 0, oy = 0] = style.transformOrigin.split(' ').map(px)
  let [x, y] = [ox, oy]
  if (style.getPropertyValue('transform-box') === 'fill-box') {
    const b = boxIn(e)
    if (b) [x, y] = [ox + b.x, oy + b.y]
  }
  return x || y ? multiply(multiply(translation(x, y), own), translation(-x, -y)) : own
}

function boxIn(e: Element): Rect | null {
  try {
    const b = (e as SVGGraphicsElement).getBBox()
    return { x: b.x, y: b.y, w: b.width, h: b.height }
  } catch {
    return null
  }
}

function find(e: Element, id: string): Element | null {
  const root = e.getRootNode() as Document | ShadowRoot
  return root.getElementById?.(id) ?? null
}

async function nested(w: Walker, e: Element, sized: Element, st: State, port: Port): Promise<void> {
  const size = (name: string, whole: number, none: string): number => length(attribute(sized, name) ?? attribute(e, name) ?? none, whole)
  const wide = size('width', port.w, '100%')
  const high = size('height', port.h, '100%')
  const x = e === sized ? length(attribute(e, 'x') ?? '0', port.w) : 0
  const y = e === sized ? length(attribute(e, 'y') ?? '0', port.h) : 0
  const m = multiply(translation(x, y), viewBox(e, wide, high))
  await inside(w, e, { ...st, space: mapped(st.space, m) }, { ...port, w: wide, h: high })
}

async function used(w: Walker, e: Element, st: State, port: Port): Promise<void> {
  const href = attribute(e, 'href') ?? (e as SVGUseElement).href?.baseVal ?? ''
  if (!href.startsWith('#') || port.depth > deepest) return
  const target = find(e, href.slice(1)) ?? e.ownerDocument.getElementById(href.slice(1))
  if (!target) return
  let at: Element | null = target
  while (at && w.secrets.rule(at) === 'show') at = at.parentElement
  if (at) return w.cover(st, boxIn(e) ?? { x: 0, y: 0, w: 0, h: 0 })
  const move = translation(length(attribute(e, 'x') ?? '0', port.w), length(attribute(e, 'y') ?? '0', port.h))
  const inner: State = { ...st, space: mapped(st.space, move) }
  // What the copy inherits comes from here, and its own style from there.
  const copy: Port = { ...port, depth: port.depth + 1, copy: [e, target] }
  if (/^(svg|symbol)$/.test(localName(target))) await nested(w, target, e, inner, copy)
  else await part(w, target, inner, copy)
}

/** A presentation property of a copied shape, which getComputedStyle knows only of the original. */
function inherited(copy: Port['copy'], e: Element, style: CSSStyleDeclaration, name: 'fill' | 'stroke' | 'color' | 'stroke-width' | 'fill-opacity' | 'stroke-opacity'): string {
  if (copy) {
    const [use, target] = copy
    for (let at: Element | null = e; at; at = at === target ? null : at.parentElement) {
      const own = attribute(at, name) ?? (at as SVGElement).style.getPropertyValue(name)
      if (own) return /^currentcolor$/i.test(own) ? styleOf(use).color : style.getPropertyValue(name)
    }
    return styleOf(use).getPropertyValue(name)
  }
  return style.getPropertyValue(name)
}

function number(e: Element, style: CSSStyleDeclaration, name: string, whole: number): number {
  const css = style.getPropertyValue(name)
  return length(css && css !== 'auto' ? css : (attribute(e, name) ?? '0'), whole)
}

function shape(e: Element, port: Port): Path2D | null {
  const style = styleOf(e)
  const of = (name: string, whole: number): number => number(e, style, name, whole)
  const raw = (name: string, whole: number): number => length(attribute(e, name) ?? '0', whole)
  const p = new Path2D()
  switch (localName(e)) {
    case 'path': {
      const d = attribute(e, 'd')
      return d ? new Path2D(d) : null
    }
    case 'rect': {
      const [x, y, w, h] = [of('x', port.w), of('y', port.h), of('width', port.w), of('height', port.h)]
      const given = (n: string): boolean => attribute(e, n) !== null || !/^(auto|)$/.test(style.getPropertyValue(n))
      let rx = given('rx') ? of('rx', port.w) : of('ry', port.h)
      let ry = given('ry') ? of('ry', port.h) : rx
      rx = Math.min(rx, w / 2)
      ry = Math.min(ry, h / 2)
      if (!(rx > 0 && ry > 0)) p.rect(x, y, w, h)
      else {
        const q = Math.PI / 2
        p.ellipse(x + w - rx, y + ry, rx, ry, 0, -q, 0)
        p.ellipse(x + w - rx, y + h - ry, rx, ry, 0, 0, q)
        p.ellipse(x + rx, y + h - ry, rx, ry, 0, q, 2 * q)
        p.ellipse(x + rx, y + ry, rx, ry, 0, 2 * q, 3 * q)
        p.closePath()
      }
      return p
    }
    case 'circle':
      p.arc(of('cx', port.w), of('cy', port.h), Math.max(0, of('r', Math.hypot(port.w, port.h) / Math.SQRT2)), 0, 2 * Math.PI)
      return p
    case 'ellipse':
      p.ellipse(of('cx', port.w), of('cy', port.h), Math.max(0, of('rx', port.w)), Math.max(0, of('ry', port.h)), 0, 0, 2 * Math.PI)
      return p
    case 'line':
      p.moveTo(raw('x1', port.w), raw('y1', port.h))
      p.lineTo(raw('x2', port.w), raw('y2', port.h))
      return p
    case 'polyline':
    case 'polygon': {
      const n = (attribute(e, 'points') ?? '').match(/-?[\d.]+(?:e[-+]?\d+)?/gi)?.map(Number) ?? []
      for (let i = 0; i + 1 < n.length; i += 2) p[i ? 'lineTo' : 'moveTo'](n[i]!, n[i + 1]!)
      if (localName(e) === 'polygon') p.closePath()
      return p
    }
  }
  return null
}

function painter(e: Element, style: CSSStyleDeclaration, port: Port): (c: Context, p: Path2D) => void {
  const fill = inherited(port.copy, e, style, 'fill')
  const stroke = inherited(port.copy, e, style, 'stroke')
  const width = length(inherited(port.copy, e, style, 'stroke-width'), Math.hypot(port.w, port.h) / Math.SQRT2)
  const fillAlpha = Number(inherited(port.copy, e, style, 'fill-opacity') || 1)
  const strokeAlpha = Number(inherited(port.copy, e, style, 'stroke-opacity') || 1)
  const rule = style.fillRule === 'evenodd' ? 'evenodd' : 'nonzero'
  const dash = style.strokeDasharray && style.strokeDasharray !== 'none' ? style.strokeDasharray.split(/[\s,]+/).map(px) : []
  const box = fill.startsWith('url') || stroke.startsWith('url') ? boxIn(e) : null
  return (c, p) => {
    if (fill && fill !== 'none') {
      const f = paintOf(c, e, fill, box)
      if (f) {
        c.globalAlpha = fillAlpha
        c.fillStyle = f
        c.fill(p, rule)
      }
    }
    if (stroke && stroke !== 'none' && width > 0) {
      const s = paintOf(c, e, stroke, box)
      if (!s) return
      c.globalAlpha = strokeAlpha
      c.strokeStyle = s
      c.lineWidth = width
      c.lineCap = (style.strokeLinecap || 'butt') as CanvasLineCap
      c.lineJoin = (style.strokeLinejoin || 'miter') as CanvasLineJoin
      c.miterLimit = Number(style.strokeMiterlimit) || 4
      c.setLineDash(dash)
      c.lineDashOffset = px(style.strokeDashoffset)
      c.stroke(p)
    }
  }
}

/** A colour, or the gradient that url(#id) names; null for what is not known here. */
function paintOf(c: Context, e: Element, value: string, box: Rect | null): string | CanvasGradient | null {
  if (!value.startsWith('url')) return transparent(value) ? null : value
  const id = address(value.slice(0, value.indexOf(')') + 1))?.replace(/^.*#/, '')
  const g = id ? find(e, id) : null
  const other = value.slice(value.indexOf(')') + 1).trim()
  if (!g || !box) return other && other !== 'none' ? other : null
  const chain: Element[] = []
  for (let at: Element | null = g; at && chain.length < 8;) {
    chain.push(at)
    const href: string | null = attribute(at, 'href') ?? attribute(at, 'xlink:href')
    at = href?.startsWith('#') ? find(e, href.slice(1)) : null
  }
  const get = (name: string, none: string): string => chain.map((x) => attribute(x, name)).find((v) => v !== null) ?? none
  const user = get('gradientUnits', '') === 'userSpaceOnUse'
  // In units of the box, except where coordinates of the user are meant.
  const x = (s: string): number => (user ? length(s, 0) : box.x + (s.endsWith('%') ? px(s) / 100 : Number(s)) * box.w)
  const y = (s: string): number => (user ? length(s, 0) : box.y + (s.endsWith('%') ? px(s) / 100 : Number(s)) * box.h)
  const linear = localName(g) === 'linearGradient'
  let out: CanvasGradient
  if (linear) out = c.createLinearGradient(x(get('x1', '0%')), y(get('y1', '0%')), x(get('x2', '100%')), y(get('y2', '0%')))
  else {
    const [cx, cy] = [get('cx', '50%'), get('cy', '50%')]
    const r = get('r', '50%')
    const k = user ? length(r, 0) : ((r.endsWith('%') ? px(r) / 100 : Number(r)) * (box.w + box.h)) / 2
    out = c.createRadialGradient(x(get('fx', cx)), y(get('fy', cy)), 0, x(cx), y(cy), k)
  }
  const from = chain.find((n) => Array.from(n.children).some((s) => localName(s) === 'stop'))
  for (const s of Array.from(from?.children ?? [])) {
    if (localName(s) !== 'stop') continue
    const style = styleOf(s)
    const offset = attribute(s, 'offset') ?? '0'
    const o = offset.endsWith('%') ? px(offset) / 100 : Number(offset) || 0
    out.addColorStop(Math.min(1, Math.max(0, o)), faded(style.stopColor, Number(style.stopOpacity)))
  }
  return out
}

function faded(color: string, alpha: number): string {
  if (alpha >= 1 || Number.isNaN(alpha)) return color
  const m = /^rgb\((\d+), (\d+), (\d+)\)$/.exec(color)
  return m ? `rgba(${m[1]}, ${m[2]}, ${m[3]}, ${alpha})` : color
}

function text(w: Walker, e: SVGTextElement, style: CSSStyleDeclaration, st: State): void {
  const all = e.textContent ?? ''
  if (!all.trim()) return
  if (w.secrets.hides(all.replace(/\s+/g, ' ')) || nestedRule(w, e)) {
    const b = boxIn(e)
    const size = px(style.fontSize)
    if (b) w.veil(st, { x: b.x, y: b.y, w: 6 * size, h: size * 1.2 }, b)
    return
  }
  // Positions are asked for letter by letter: kerning, anchors and dx are then right.
  let at = 0
  const total = e.getNumberOfChars()
  const write = (n: Node, s: CSSStyleDeclaration): void => {
    for (const child of children(n)) {
      if (nodeType(child) === 1) {
        if (localName(child as Element) !== 'title') write(child, styleOf(child as Element))
        continue
      }
      if (nodeType(child) !== 3 || s.visibility !== 'visible') continue
      const raw = child.nodeValue ?? ''
      const shown = raw.replace(/[\t\n\r ]+/g, ' ')
      const part = at === 0 ? shown.trimStart() : shown
      run(w, e, s, st, part.slice(0, Math.max(0, total - at)), at)
      at += part.length
    }
  }
  write(e, style)
}

function nestedRule(w: Walker, e: Element): boolean {
  for (const child of Array.from(e.getElementsByTagName('*'))) if (w.secrets.rule(child) !== 'show') return true
  return false
}

function run(w: Walker, e: SVGTextElement, style: CSSStyleDeclaration, st: State, s: string, at: number): void {
  const look = lookOf(style, w.fonts, [])
  const fill = style.fill
  const list: { text: string; x: number; y: number; bar?: Rect }[] = []
  for (let i = 0; i < s.length;) {
    const p = e.getStartPositionOfChar(at + i)
    let j = i + 1
    // Letters that follow each other on the line are drawn together.
    while (j < s.length) {
      const before = e.getEndPositionOfChar(at + j - 1)
      const next = e.getStartPositionOfChar(at + j)
      if (Math.abs(before.x - next.x) > 0.05 || before.y !== next.y) break
      j++
    }
    const t: (typeof list)[number] = { text: cased(s.slice(i, j), style, s[i - 1] ?? ''), x: p.x, y: p.y }
    const { font } = look
    const r = { x: p.x, y: p.y - font.ascent, w: w.fonts.width(font, t.text), h: font.ascent + font.descent }
    w.see(st, t.text, r, () => { t.bar = r })
    list.push(t)
    i = j
  }
  const box = fill.startsWith('url') ? boxIn(e) : null
  w.draw(st, (c) => {
    look.font.set(c)
    for (const t of list) {
      if (t.bar) {
        fillCover(c, [t.bar])
        continue
      }
      const f = fill === 'none' ? null : paintOf(c, e, fill, box)
      if (f) {
        c.globalAlpha = Number(style.fillOpacity || 1)
        c.fillStyle = f
        c.fillText(t.text, t.x, t.y)
      }
    }
  })
}
