/** The editor over the whole window: it joins bars, surface, input and history. */
import type { AnnotateRequest, Annotated, Drawing, Shape } from '../contract.ts'
import { fill, make, type Listen } from './dom.ts'
import { box, clamp, inside, least, letter, pointless, straight, whole, widths } from './geometry.ts'
import { newHistory } from './history.ts'
import { newPointers } from './pointer.ts'
import { result } from './result.ts'
import { font } from './shapes.ts'
import { newSurface } from './surface.ts'
import { colors, newToolbar, type Tool } from './toolbar.ts'
import { newTyping } from './typing.ts'
import { fit, reveal, settle, zoom, type View } from './zoom.ts'

/** A line has at most so many points; what follows is left out. */
const most = 4000

/** Events of the editor that are no business of the form around it. */
const own = ['keydown', 'keyup', 'input', 'change', 'paste', 'drop', 'dragover', 'click', 'pointerdown', 'pointermove', 'pointerup', 'mousedown', 'wheel']

export function edit({ into, picture, drawing, text: t, color: wanted }: AnnotateRequest): Promise<Annotated | null> {
  return new Promise((resolve, reject) => {
    const leaving: (() => void)[] = []
    const before = (into.getRootNode() as Document | ShadowRoot).activeElement as HTMLElement | null
    let over = false
    const leave = (): void => {
      over = true
      for (const f of leaving.splice(0)) f()
      if (dialog.open) dialog.close()
      dialog.remove()
      if (before?.isConnected) before.focus({ preventScroll: true })
    }
    const fail = (error: unknown): void => {
      if (over) return
      leave()
      reject(error instanceof Error ? error : new Error(String(error)))
    }
    /** Runs f; an error in it ends the editor. */
    const guard = (f: () => void): void => {
      if (over) return
      try {
        f()
      } catch (error) {
        fail(error)
      }
    }
    const listen: Listen = (target, type, f, options) => {
      const g = (e: Event): void => guard(() => f(e as never))
      target.addEventListener(type, g, options)
      leaving.push(() => target.removeEventListener(type, g, options))
    }

    const history = newHistory(drawing)
    const sizes = widths(picture)
    let tool: Tool = 'arrow'
    let color = /^#[\da-f]{6}$/i.test(wanted) ? wanted.toLowerCase() : colors.red
    let width = 1
    let view: View = { scale: 1, x: 0, y: 0 }
    let fitted = true
    let draft: Shape | null = null
    let byKey = false
    let cross: { x: number; y: number } | null = null

    const live = make('p', 'bsa-live', { role: 'status' })
    let said = 0
    const say = (words: string, wait = 0): void => {
      clearTimeout(said)
      said = window.setTimeout(() => {
        // The same words twice are read only once.
        live.textContent = live.textContent === words ? words + '\u00a0' : words
      }, wait)
    }
    const surface = newSurface(picture, t.canvas, 'bsa-hint')
    const toolbar = newToolbar(t, listen, {
      tool: (v) => choose(() => (tool = v)),
      color: (v) => choose(() => (color = v)),
      width: (v) => choose(() => (width = v)),
      undo: () => change(history.undo),
      redo: () => change(history.redo),
      zoom: (factor) => (factor ? zoomAt(factor) : refit()),
      done,
      cancel: () => end(null),
    })
    const typing = newTyping(surface.element, t.typeHere, listen, (text, x, y, key) => {
      if (text) add({ ...shape('text', [x, y]), text })
      else draw()
      if (key) surface.element.focus({ preventScroll: true })
    })
    const hint = make('p', 'bsa-hint', { id: 'bsa-hint' }, t.keyboard)
    const dialog = make('dialog', 'bsa-editor', { role: 'dialog', 'aria-modal': 'true', 'aria-label': t.heading }, toolbar.draw, toolbar.end, make('div', 'bsa-stage', {}, surface.element, toolbar.zoom, hint), live)

    let frame = 0
    const drawNow = (): void => {
      frame = 0
      typing.follow(view)
      surface.draw({ view, drawing: history.now(), draft, cropping: tool === 'crop', cross })
    }
    function draw(): void {
      frame ||= requestAnimationFrame(() => guard(drawNow))
    }
    function show(): void {
      toolbar.show({ tool, color, width, canUndo: history.canUndo(), canRedo: history.canRedo() })
      draw()
    }
    function choose(f: () => void): void {
      drop()
      typing.close(true)
      f()
      show()
    }
    /** Changes the history and tells what came of it. */
    function change(f: () => void): void {
      drop()
      typing.close(true)
      const was = history.now()
      f()
      const now = history.now()
      const more = now.shapes.length - was.shapes.length
      const last = (more < 0 ? was : now).shapes.slice(-1)[0]
      if (more !== 0 && last) say(fill(more < 0 ? t.deleted : t.added, { shape: t[last.tool] }))
      else if (now.crop !== was.crop) say(fill(now.crop ? t.added : t.deleted, { shape: t.crop }))
      show()
    }
    const shape = (kind: Shape['tool'], points: number[]): Shape => ({ tool: kind, color, width: sizes[width]!, points: inside(points, picture) })
    function add(s: Shape): void {
      if (s.tool === 'text') {
        const ctx = document.createElement('canvas').getContext('2d')
        const high = letter(s.width)
        if (ctx) ctx.font = font(high)
        const long = ctx?.measureText(s.text ?? '').width ?? 0
        s.points = [clamp(picture.width - long - 4, 4, s.points[0]!), clamp(s.points[1]!, high * 0.6, picture.height - high * 0.6)]
      }
      change(() => history.add(s))
    }
    /** Forgets the shape in progress. */
    function drop(): boolean {
      const had = draft !== null
      draft = null
      byKey = false
      if (had) draw()
      return had
    }
    function begin(x: number, y: number): void {
      draft = shape(tool === 'crop' ? 'rectangle' : tool, tool === 'pen' ? [x, y] : [x, y, x, y])
      draw()
    }
    /** Leads the shape in progress on to x, y. near is how far a line's points are apart at least. */
    function lead(x: number, y: number, shift: boolean, near: number): void {
      if (!draft) return
      const p = draft.points
      const [x0 = 0, y0 = 0] = p
      if (draft.tool === 'pen') {
        const next = inside([x, y], picture)
        if (p.length < most * 2 && Math.hypot(next[0]! - p[p.length - 2]!, next[1]! - p[p.length - 1]!) >= near) p.push(...next)
      } else {
        draft.points = inside([x0, y0, ...(shift && tool !== 'crop' && tool !== 'blur' ? straight(tool, x0, y0, x, y) : [x, y])], picture)
      }
      draw()
    }
    /** Puts the shape in progress on the picture. */
    function finish(): void {
      const s = draft
      if (!drop() || !s) return
      if (tool === 'text') typing.open(s.points[0]!, s.points[1]!, letter(s.width), s.color)
      else if (tool === 'crop') crop(s.points)
      else if (!pointless(s)) add(s)
    }
    function crop(points: number[]): void {
      const b = whole(box(points), picture)
      const all = b.width === picture.width && b.height === picture.height
      // A click takes the crop away, as does one around everything.
      const next: Drawing['crop'] = all || b.width < least || b.height < least ? null : b
      if (next || history.now().crop) change(() => history.crop(next))
    }

    function look(v: View): void {
      view = v
      fitted = v.scale <= fit(picture, surface.size()).scale
      draw()
    }
    function zoomAt(factor: number, x = surface.size().width / 2, y = surface.size().height / 2): void {
      look(zoom(view, factor, x, y, picture, surface.size()))
    }
    function refit(): void {
      look(fit(picture, surface.size()))
    }
    const picked = (x: number, y: number): [number, number] => [(x - view.x) / view.scale, (y - view.y) / view.scale]
    const pointers = newPointers(surface.element, listen, {
      start(x, y) {
        cross = null
        if (typing.isOpen()) return typing.close(true)
        drop()
        begin(...picked(x, y))
      },
      move(places, shift) {
        if (!byKey) for (const [x, y] of places) lead(...picked(x, y), shift, 1 / view.scale)
      },
      end: finish,
      cancel: drop,
      pan: (dx, dy) => look(settle({ ...view, x: view.x + dx, y: view.y + dy }, picture, surface.size())),
      zoom: zoomAt,
    })

    /** Moves the cross-hair, or shows it where it is not yet seen. */
    function step(dx: number, dy: number): void {
      const s = surface.size()
      const [x, y] = cross ? [cross.x + dx, cross.y + dy] : picked(s.width / 2, s.height / 2)
      cross = { x: Math.round(clamp(x, 0, picture.width)), y: Math.round(clamp(y, 0, picture.height)) }
      if (draft && byKey) lead(cross.x, cross.y, false, 0.5)
      view = reveal(view, cross.x, cross.y, picture, s)
      say(fill(t.place, cross), 300)
      draw()
    }
    function enter(): void {
      if (!cross) return step(0, 0)
      if (draft) return finish()
      begin(cross.x, cross.y)
      byKey = true
      if (tool === 'text') finish()
      else say(fill(t.place, cross))
    }
    function onSurface(e: KeyboardEvent): boolean {
      const by = (e.shiftKey ? 10 : 1) * Math.max(1, Math.round(1 / view.scale))
      const steps: { [key: string]: [number, number] } = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }
      const to = steps[e.key]
      if (to) step(...to)
      else if (e.key === 'Enter') enter()
      else if (e.key === ' ') pointers.space(true)
      else if (e.key !== 'Delete' && e.key !== 'Backspace') return false
      else change(() => (tool === 'crop' && history.now().crop ? history.crop(null) : history.remove()))
      return true
    }
    function escape(): void {
      if (drop()) return
      if (!history.canUndo()) end(null)
    }
    function anywhere(e: KeyboardEvent): boolean {
      const key = /^[a-z]$/i.test(e.key) ? e.key.toLowerCase() : e.code.slice(3).toLowerCase()
      if (e.ctrlKey || e.metaKey) {
        if (key === 'z') change(e.shiftKey ? history.redo : history.undo)
        else if (key === 'y') change(history.redo)
        else return false
      } else if (e.key === '+' || e.key === '=') zoomAt(1.25)
      else if (e.key === '-') zoomAt(0.8)
      else if (e.key === '0') refit()
      else if (e.key === 'Escape') escape()
      else return false
      return true
    }
    /** Keeps Tab inside: the browser's own trap of a modal dialog leads through its bars. */
    function trap(e: KeyboardEvent): boolean {
      const all = [...dialog.querySelectorAll<HTMLElement>('button,input,[tabindex]')].filter((x) => x.tabIndex >= 0)
      const at = (dialog.getRootNode() as ShadowRoot).activeElement as HTMLElement | null
      const from = e.shiftKey ? 0 : all.length - 1
      if (at && dialog.contains(at) && at !== all[from]) return false
      all[all.length - 1 - from]?.focus()
      return true
    }
    listen<KeyboardEvent>(dialog, 'keydown', (e) => {
      if (e.defaultPrevented || e.isComposing) return
      const handled = e.key === 'Tab' ? trap(e) : (e.target as Element).localName !== 'input' && ((e.target === surface.element && !e.ctrlKey && !e.metaKey && !e.altKey && onSurface(e)) || anywhere(e))
      if (handled) e.preventDefault()
    })
    listen<KeyboardEvent>(dialog, 'keyup', (e) => {
      if (e.key === ' ') pointers.space(false)
    })
    listen(surface.element, 'blur', () => pointers.space(false))
    // The back gesture of a phone comes without a key.
    listen(dialog, 'cancel', (e) => {
      e.preventDefault()
      if (!typing.isOpen()) escape()
    })
    listen(dialog, 'close', () => {
      if (history.canUndo()) dialog.showModal() // some browsers close at the second gesture, come what may
      else end(null)
    })
    // Not by listen: the event that closes the editor is stopped too.
    for (const type of own) dialog.addEventListener(type, (e) => e.stopPropagation())

    function done(): void {
      typing.close(true)
      drop()
      end(result(picture, history.now()))
    }
    function end(what: Annotated | null): void {
      if (over) return
      leave()
      resolve(what)
    }

    guard(() => {
      into.append(dialog)
      leaving.push(() => {
        clearTimeout(said)
        cancelAnimationFrame(frame)
      })
      dialog.showModal()
      const sized = new ResizeObserver(() => guard(() => (fitted ? refit() : look(settle(view, picture, surface.size())))))
      sized.observe(surface.element)
      leaving.push(() => sized.disconnect())
      refit()
      show()
      drawNow()
      surface.element.focus({ preventScroll: true })
    })
  })
}
