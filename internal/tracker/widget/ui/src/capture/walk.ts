/** Walks what is visible of a document and writes down the steps that draw it. */
import type { CaptureRequest, Seen } from '../contract.ts'
import { addresses } from './background.ts'
import { blurBehind } from './behind.ts'
import { paintOutline } from './border.ts'
import { boxFor, innerRadii, trace, type Box } from './box.ts'
import { shapeOf } from './clippath.ts'
import { nativeBox, paintControl } from './control.ts'
import { px, transparent } from './css.ts'
import { fillCover, widen } from './cover.ts'
import { backdrop, bodyGives, canvas } from './document.ts'
import { paintBox, paintedBox } from './decorated.ts'
import { boxOf, boxesOf, children, data, is, isSVG, localName, nodeType, ownerDocument, parentNode, styleOf } from './dom.ts'
import { Fonts } from './font.ts'
import { generate, mark } from './generated.ts'
import { bounds, fromDOM, grow, identity, intersect, touches, translation, unmap, type Rect } from './geometry.ts'
import { Images, paintMissing, type Missing } from './image.ts'
import { reaches } from './prune.ts'
import { paintReplaced } from './replaced.ts'
import { Clock } from './schedule.ts'
import { layer, type Clip, type Context, type Effect, type Layer, type Space, type Step } from './scene.ts'
import { Secrets, separate } from './secret.ts'
import type { Flow, State } from './state.ts'
import { clipRect, maskOf, turnedAway } from './mask.ts'
import { writeText } from './write.ts'
import { mapped, rectIn, spaceOf, transforms, upright } from './transform.ts'

/** Deeper nesting is not drawn: it would not fit on the stack. */
const deepest = 400

export class Walker {
  readonly root: Layer = layer()
  readonly top: Layer[] = []
  /** What is private, exactly where it is in the picture; for a frame of the shared tab. */
  readonly covers: Rect[] = []
  readonly missing = new Set<Missing>()
  /** What only the browser's own picture can show. */
  readonly holes: { what: Missing; element: Element; at: Rect }[] = []
  shared: HTMLCanvasElement | null = null
  readonly seen: Seen[] = []
  readonly fonts = new Fonts()
  readonly secrets: Secrets
  readonly images = new Images((m) => this.missing.add(m))
  /** Milliseconds that are left for looking below what is out of sight. */
  readonly look = { left: 250 }
  covered = 0
  private depth = 0

  constructor(private request: CaptureRequest, readonly window: Rect, readonly scale: number, readonly clock: Clock) {
    this.secrets = new Secrets(request.privacy)
  }

  start(): State {
    const space: Space = { m: identity, c: identity }
    const base = { space, clip: null, box: this.window }
    return { space, clip: null, absolute: base, fixed: base, context: this.root, layer: this.root, rule: 'show', group: null, flow: null, decorations: [], item: false, ellipsis: null, through: null }
  }

  /** Where an edge falls on whole pixels; not in what is turned or scaled. */
  snap(space: Space): (v: number) => number {
    if (!upright(space.m)) return (v) => Math.round(v)
    return (v) => Math.round(v * this.scale) / this.scale
  }

  step(space: Space, clip: Clip | null, draw: (c: Context) => void): Step {
    return { space, clip, draw }
  }

  draw(st: State, draw: (c: Context) => void): void {
    st.layer.inlines.push({ space: st.space, clip: st.clip, draw })
  }

  /** Covers also the frame of a shared tab there. */
  hide(st: State, ...list: Rect[]): void {
    // Glyphs reach a little over their boxes.
    for (const r of list) this.covers.push(bounds(st.space.m, grow(r, 2)))
  }

  clipTo(up: Clip | null, space: Space, r: Rect, path: (c: Context) => void, rule?: CanvasFillRule): Clip {
    const b = bounds(space.m, r)
    return { up, space, path, ...(rule ? { rule } : {}), bounds: intersect(b, up ? up.bounds : this.window) }
  }

  /** Notes a text that is drawn at r, to be read with what stands beside it. */
  see(st: State, text: string, r: Rect, cover: () => void): void {
    const { m } = st.space
    if (st.rule !== 'show' || Math.abs(m[1]) * 4 > m[0]) return
    this.seen.push({ text, at: bounds(m, r), cover: () => {
      this.covered++
      this.hide(st, r)
      cover()
    } })
  }

  /** Covers a region for certain: drawn now, and again over a frame of the shared tab. */
  cover(st: State, r: Rect, into: (Step | Layer)[] = st.layer.inlines): void {
    this.covered++
    into.push(this.step(st.space, st.clip, (c) => fillCover(c, [r])))
    this.hide(st, r)
  }

  /** The same with a bar that does not tell how long the text is: exact is for a shared tab. */
  veil(st: State, bar: Rect, exact: Rect, into: (Step | Layer)[] = st.layer.inlines): void {
    this.cover(st, bar, into)
    this.hide(st, exact)
  }

  async nodes(list: Iterable<Node>, st: State, style: CSSStyleDeclaration): Promise<void> {
    for (const n of list) {
      const type = nodeType(n)
      if (type === 1) await this.element(n as Element, st)
      else if (type === 3) {
        const text = data(n)
        if (!/[^ \t\n\r\f]/.test(text)) continue
        try {
          writeText(this, n, text, style, st)
        } catch {
          // Nothing is drawn of a text that cannot be measured.
        }
      }
    }
  }

  async element(e: Element, st: State): Promise<void> {
    if (e === this.request.ignore) return
    if (this.clock.over()) {
      this.missing.add('time')
      return
    }
    if (this.clock.due()) await this.clock.pause()
    if (this.depth >= deepest) return
    this.depth++
    try {
      await this.visit(e, st)
    } catch {
      this.block(e, st)
    } finally {
      this.depth--
    }
  }

  /** What is blocked shows one box, and nothing that it holds. */
  block(e: Element, st: State): void {
    try {
      for (const r of boxesOf(e)) this.cover(st, unmap(st.space.c, fromDOM(r)))
    } catch {
      // It has no box: nothing of it is drawn.
    }
  }

  private async visit(e: Element, st: State): Promise<void> {
    const client = boxOf(e)
    const out = !touches(bounds(st.space.m === st.space.c ? identity : shift(st.space), fromDOM(client)), st.clip ? st.clip.bounds : this.window)
    if (out && !reaches(this, e, client, st)) return
    const style = styleOf(e)
    const { display } = style
    if (display === 'none') return
    const set = st.rule === 'block' ? 'block' : this.secrets.rule(e)
    // What the page itself shows as dots.
    const own = set === 'show' && /c$|[^n]e$/.test(style.getPropertyValue('-webkit-text-security')) ? 'mask' : set
    let rule = own === 'block' || st.rule === 'show' ? own : st.rule
    if (turnedAway(e, style) || style.opacity === '0' || /^inset\((50|100)%/.test(style.clipPath)) return
    if (display === 'contents') {
      if (rule === 'block' || ((e as HTMLElement).isContentEditable && this.secrets.hidesValue(e))) {
        this.covered++
        return
      }
      await this.nodes(children(e), { ...st, rule }, style)
      return
    }
    const { position } = style
    const fixed = position === 'fixed'
    const topmost = fixed || position === 'absolute' ? is(e, ':modal') || is(e, ':popover-open') || is(e, ':fullscreen') : is(e, ':fullscreen')
    let { space, clip } = st
    if (fixed) ({ space, clip } = st.fixed)
    else if (position === 'absolute') ({ space, clip } = st.absolute)
    if (topmost) {
      space = this.start().space
      clip = null
    }
    const moved = display !== 'inline' && transforms(style)
    if (moved) space = spaceOf(space, e, style)
    let zoom = Number(style.zoom || 1)
    if (!(zoom > 0)) zoom = 1
    if (zoom !== 1) space = mapped(space, [zoom, 0, 0, zoom, 0, 0])
    const svg = isSVG(e)
    const outer = rectIn(space, e, style)
    const box = boxFor(style, outer, this.snap(space))
    const inline = display === 'inline'
    const positioned = position !== 'static'
    const z = style.zIndex !== 'auto' && (positioned || st.item) ? Number(style.zIndex) : null

    // A new stacking context, or something that is painted as one.
    const alpha = Number(style.opacity)
    const clipped = style.clipPath && style.clipPath !== 'none' ? shapeOf(style.clipPath, outer) : null
    const filter = style.filter || 'none'
    const blend = style.mixBlendMode || 'normal'
    const mask = svg ? null : maskOf(style, box, this.images, this.window)
    // What such a shape leaves to be seen is not known.
    if (mask === false || (!clipped && !/^(none|)$/.test(style.clipPath ?? ''))) rule = 'block'
    const grouped = alpha < 1 || filter !== 'none' || blend !== 'normal' || mask
    const stacking = z !== null || grouped || moved || clipped || fixed || position === 'sticky' || topmost || style.isolation === 'isolate' ||
      /transform|opacity|filter|perspective/.test(style.willChange) || /paint|layout|strict|content/.test(style.contain) || style.perspective !== 'none' || (style.backdropFilter ?? 'none') !== 'none'
    if (clipped) clip = this.clipTo(clip, space, { x: -1e6, y: -1e6, w: 2e6, h: 2e6 }, clipped.path, clipped.rule)
    const old = clipRect(style, box.border)
    if (old) clip = this.clipTo(clip, space, old, (c) => c.rect(old.x, old.y, old.w, old.h))
    let { layer: into, context } = st
    const floating = style.float !== 'none' && !positioned
    const atomic = !inline && (display.startsWith('inline') || st.item)
    let effect: Effect | null = null
    if (grouped) effect = { alpha, blend, filter, clip, mask: mask ? this.step(space, null, mask) : null }
    if (stacking || positioned || floating || atomic) {
      const l = layer(z ?? 0, effect)
      if (topmost) this.top.push(l)
      else if (stacking || positioned) (z === null || z === 0 ? context.zero : z < 0 ? context.negative : context.positive).push(l)
      else (floating ? into.floats : into.inlines).push(l)
      into = l
      if (stacking) context = l
    }
    if (topmost) backdrop(this, e, into)
    const leads = into !== st.layer
    const mine = { ...st, space, clip, layer: into, context, rule }
    const boxes = leads ? into.own : inline || svg ? into.inlines : into.blocks
    if (rule === 'block') {
      const shapes = inline ? Array.from(boxesOf(e), (r) => unmap(space.c, fromDOM(r))) : [box.border]
      for (const r of shapes) this.cover(mine, r, boxes)
      if (st.flow && !positioned) st.flow.shown.push(...shapes)
      return
    }
    const visible = style.visibility === 'visible'
    const isRoot = parentNode(e) === ownerDocument(e)
    const behind = style.backdropFilter ?? style.getPropertyValue('-webkit-backdrop-filter')
    if (visible && behind && behind !== 'none') boxes.push(this.step(space, clip, (c) => blurBehind(c, box.border, behind, this.scale)))
    if (visible && !isRoot) this.decorate(e, style, box, inline, mine, boxes)
    if (st.flow && !positioned && (atomic || /^(img|input|svg|canvas|video)$/.test(localName(e)))) st.flow.shown.push(box.border)

    // What is inside.
    const block = !inline
    const scrolls = block && !isRoot && (style.overflowX !== 'visible' || style.overflowY !== 'visible') && !this.propagates(e)
    const contains = moved || filter !== 'none' || /transform|filter/.test(style.willChange) || /paint|layout|strict|content/.test(style.contain) || style.perspective !== 'none'
    let within = clip
    if (scrolls || /paint|strict|content/.test(style.contain)) {
      const radii = innerRadii(box.radii, box.widths)
      within = this.clipTo(clip, space, box.padding, (c) => trace(c, box.padding, radii))
    }
    const base = { space, clip: within, box: box.padding }
    const group = st.group && !(st.item ? st.group.root !== parentNode(e) : false) && !separate(display, floating ? 'left' : 'none', st.item) ? st.group : { root: e, done: false }
    const flow: Flow | null = inline ? st.flow : { content: box.content, shown: [], bars: [], first: null, last: null }
    const inner: State = {
      ...mine,
      clip: within,
      absolute: positioned || contains || topmost ? base : fixed ? base : st.absolute,
      fixed: contains ? base : topmost ? { ...base, clip: null, box: this.window } : st.fixed,
      group,
      flow,
      item: /flex|grid/.test(display),
      decorations: this.decorations(style, atomic || floating || position === 'absolute' || fixed ? [] : st.decorations),
      ellipsis: block ? (scrolls && (style.textOverflow === 'ellipsis' || clamp(style) > 0) ? { right: box.content.x + box.content.w, left: box.content.x, style, done: [], lines: clamp(style) } : null) : st.ellipsis,
      through: style.backgroundClip === 'text' || style.webkitBackgroundClip === 'text' ? box : st.through,
    }
    if (await paintReplaced(this, e, style, box, inner)) return
    if (paintControl(this, e, style, box, inner)) return
    if (style.contentVisibility === 'hidden') return
    generate(this, e, '::before', style, box, inner)
    const list = children(e)
    if (localName(e) === 'details' && !is(e, '[open]')) {
      for (const child of list) if (nodeType(child) === 1 && localName(child as Element) === 'summary') await this.element(child as Element, inner)
    } else await this.nodes(list, inner, style)
    generate(this, e, '::after', style, box, inner)
    if (visible && display.includes('list-item')) mark(this, e, style, box, inner)
    if (flow && flow !== st.flow) widen(flow)
    if (flow && st.flow && flow !== st.flow && !positioned) st.flow.first ??= flow.first
  }

  /** The overflow of the root and of the body is the window's. */
  private propagates(e: Element): boolean {
    const doc = ownerDocument(e)
    return e === doc.body && styleOf(doc.documentElement).overflowX === 'visible'
  }

  private decorations(style: CSSStyleDeclaration, from: State['decorations']): State['decorations'] {
    const line = style.textDecorationLine
    if (!line || line === 'none') return from
    return [...from, { line, color: style.textDecorationColor, style: style.textDecorationStyle, thickness: style.textDecorationThickness, offset: style.textUnderlineOffset, size: px(style.fontSize) }]
  }

  /** Shadows, background, border and outline of an element's box. */
  private decorate(e: Element, style: CSSStyleDeclaration, box: Box, inline: boolean, st: State, into: (Step | Layer)[]): void {
    if (isSVG(e) && localName(e) !== 'svg') return
    const name = localName(e)
    if (name === 'body' && bodyGives(e)) return
    const native = /^(input|select|button|textarea|progress|meter)$/.test(name) && style.appearance !== 'none' && /^(checkbox|radio|range|color|)$/.test(attributeType(e, name))
    if (native) return
    const empty = style.backgroundImage === 'none' && transparent(style.backgroundColor) && style.boxShadow === 'none'
    const borders = box.widths.some((w) => w > 0)
    if (!empty || borders) {
      for (const a of addresses(style)) this.images.want(a)
      const paint = (b: Box) => (c: Context): void => paintBox(c, b, this.images, this.window)
      if (!inline) {
        const b = paintedBox(e, name, style, nativeBox(name, style, box), st)
        into.push(this.step(st.space, st.clip, paint(b)))
      } else {
        const rects = boxesOf(e)
        for (let i = 0; i < rects.length; i++) {
          const b = boxFor(style, unmap(st.space.c, fromDOM(rects[i]!)), this.snap(st.space))
          if (i > 0) b.widths[3] = 0
          if (i < rects.length - 1) b.widths[1] = 0
          into.push(this.step(st.space, st.clip, paint(b)))
        }
      }
    }
    if (style.outlineStyle !== 'none') st.layer.outlines.push(this.step(st.space, st.clip, (c) => paintOutline(c, box)))
  }

  /** The document in a frame, whose window lies at the given rectangle. */
  async frame(doc: Document, st: State, at: Rect): Promise<void> {
    const html = doc.documentElement
    if (!html) return
    const move = translation(at.x, at.y)
    const space: Space = { m: mapped(st.space, move).m, c: identity }
    const inside: Rect = { x: 0, y: 0, w: at.w, h: at.h }
    const clip = this.clipTo(st.clip, space, inside, (c) => c.rect(0, 0, at.w, at.h))
    const l = layer()
    st.layer.inlines.push(l)
    const base = { space, clip, box: inside }
    const state: State = { ...st, space, clip, absolute: base, fixed: base, context: l, layer: l, group: null, flow: null, decorations: [], item: false, ellipsis: null, through: null }
    canvas(this, doc, state, inside, false)
    await this.element(html, state)
  }

  /** shown: a frame of the shared tab may show it. */
  missingBox(what: Missing, element: Element, st: State, r: Rect, shown: boolean): void {
    if (shown) this.holes.push({ what, element, at: bounds(st.space.m, r) })
    else {
      this.missing.add(what)
      this.hide(st, r)
    }
    this.draw(st, (c) => {
      if (!shown || !this.shared) return paintMissing(c, r)
      c.beginPath()
      c.rect(r.x, r.y, r.w, r.h)
      c.clip()
      c.setTransform(1, 0, 0, 1, 0, 0)
      c.drawImage(this.shared, 0, 0, c.canvas.width, c.canvas.height)
      c.scale(this.scale, this.scale)
      fillCover(c, this.covers)
    })
  }
}

/** From client coordinates of a frame's document to the picture. */
function shift(s: Space): readonly [number, number, number, number, number, number] {
  if (s.c === identity) return s.m
  const [a, b, c, d] = [s.m[0] / (s.c[0] || 1), 0, 0, s.m[3] / (s.c[3] || 1)]
  return [a, b, c, d, s.m[4] - a * s.c[4], s.m[5] - d * s.c[5]]
}

function attributeType(e: Element, name: string): string {
  return name === 'input' ? (e as HTMLInputElement).type : name === 'progress' || name === 'meter' ? '' : 'other'
}

function clamp(style: CSSStyleDeclaration): number {
  return parseInt(style.webkitLineClamp, 10) || 0
}
