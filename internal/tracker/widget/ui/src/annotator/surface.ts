/** The picture on the screen, and what hands and keys do on it. */
import type { Drawing, Shape } from '../contract.ts'
import { boxOf } from './blur.ts'
import type { History } from './history.ts'
import { blurred, drawShape, fontSize } from './shapes.ts'
import { fitted, toPicture, zoomed, type View } from './view.ts'

export type Tool = Shape['tool'] | 'crop'

export interface Style {
  tool: Tool
  color: string
  width: number
}

export interface Surface {
  element: HTMLElement
  redraw(): void
  fit(): void
  zoom(factor: number): void
  /** Drops a shape that is not finished; false: there was none. */
  cancel(): boolean
}

export interface SurfaceOptions {
  picture: HTMLCanvasElement
  history: History
  style: Style
  labels: { canvas: string; keyboard: string; typeHere: string }
  /** Something was added to the history. */
  added(what: Tool): void
  /** The cross has moved. */
  moved(x: number, y: number): void
}

export function newSurface(o: SurfaceOptions): Surface {
  const { picture, history, style } = o
  const element = document.createElement('div')
  element.className = 'bsa-surface'
  element.tabIndex = 0
  element.setAttribute('role', 'application')
  element.setAttribute('aria-label', `${o.labels.canvas}. ${o.labels.keyboard}`)
  const canvas = document.createElement('canvas')
  element.append(canvas)
  let view: View = { scale: 1, x: 0, y: 0 }
  let draft: Shape | null = null // also a crop that is being drawn
  let cross: [number, number] | null = null
  let base: { of: Drawing; canvas: HTMLCanvasElement } | null = null
  let input: HTMLInputElement | null = null

  const room = (): { width: number; height: number } => ({ width: element.clientWidth, height: element.clientHeight })
  const redraw = (): void => {
    const { width, height } = room()
    const dpr = Math.min(devicePixelRatio || 1, 3)
    if (canvas.width !== Math.round(width * dpr)) canvas.width = Math.round(width * dpr)
    if (canvas.height !== Math.round(height * dpr)) canvas.height = Math.round(height * dpr)
    const g = canvas.getContext('2d')
    if (!g) return
    const now = history.now()
    const shown = draft?.tool === 'blur' ? { ...now, shapes: [...now.shapes, draft] } : now
    if (base?.of !== now || shown !== now) base = { of: shown, canvas: blurred(picture, shown) }
    g.setTransform(1, 0, 0, 1, 0, 0)
    g.clearRect(0, 0, canvas.width, canvas.height)
    g.setTransform(dpr * view.scale, 0, 0, dpr * view.scale, dpr * view.x, dpr * view.y)
    g.imageSmoothingQuality = 'high'
    g.shadowColor = '#0004'
    g.shadowBlur = 12
    g.drawImage(base.canvas, 0, 0)
    g.shadowColor = 'transparent'
    for (const s of now.shapes) drawShape(g, s)
    if (draft && draft.tool !== 'blur' && style.tool !== 'crop') drawShape(g, draft)
    const crop = style.tool === 'crop' && draft ? boxOf(draft.points, picture.width, picture.height) : now.crop
    if (crop) {
      const p = new Path2D()
      p.rect(0, 0, picture.width, picture.height)
      p.rect(crop.x, crop.y, crop.width, crop.height)
      g.fillStyle = '#0009'
      g.fill(p, 'evenodd')
    }
    if (cross && element.matches(':focus')) {
      const arm = 14 / view.scale
      const p = new Path2D(`M${cross[0] - arm} ${cross[1]}h${2 * arm}M${cross[0]} ${cross[1] - arm}v${2 * arm}`)
      for (const [color, w] of [['#fff', 4], ['#000', 1.5]] as const) {
        g.strokeStyle = color
        g.lineWidth = w / view.scale
        g.stroke(p)
      }
    }
  }
  const fit = (): void => {
    view = fitted(picture.width, picture.height, room())
    redraw()
  }
  const zoomAt = (factor: number, x: number, y: number): void => {
    view = zoomed(view, factor, x, y)
    redraw()
  }
  const begin = (x: number, y: number): void => {
    draft = { tool: style.tool === 'crop' ? 'rectangle' : style.tool, color: style.color, width: style.width, points: [x, y] }
  }
  const extend = (x: number, y: number): void => {
    if (!draft) return
    if (draft.tool === 'pen') draft.points.push(x, y)
    else draft.points = [draft.points[0]!, draft.points[1]!, x, y]
    redraw()
  }
  const finish = (): void => {
    const s = draft
    draft = null
    if (!s) return
    const now = history.now()
    const box = boxOf(s.points, picture.width, picture.height)
    const [ax = 0, ay = 0, bx = ax, by = ay] = s.points
    // A slip of the hand is no shape; a dot of the pen is one.
    const real = s.tool === 'pen' || (s.tool === 'arrow' ? Math.hypot(bx - ax, by - ay) > 3 : s.tool === 'blur' || style.tool === 'crop' ? box !== null : Math.hypot(bx - ax, by - ay) > 3)
    if (real) {
      if (style.tool === 'crop') history.add({ ...now, crop: box })
      else history.add({ ...now, shapes: [...now.shapes, s] })
      o.added(style.tool)
    }
    redraw()
  }
  const writeAt = (x: number, y: number): void => {
    if (input) return
    const s: Shape = { tool: 'text', color: style.color, width: style.width, points: [x, y], text: '' }
    const field = document.createElement('input')
    input = field
    field.className = 'bsa-input'
    field.maxLength = 200
    field.setAttribute('aria-label', o.labels.typeHere)
    field.style.left = `${Math.min(view.x + x * view.scale, room().width - 130)}px`
    field.style.top = `${view.y + y * view.scale}px`
    field.style.fontSize = `${Math.max(12, fontSize(s) * view.scale)}px`
    let over = false
    const end = (keep: boolean): void => {
      if (over) return
      over = true
      input = null
      s.text = field.value.trim()
      const had = field.matches(':focus')
      field.remove()
      if (keep && s.text !== '') {
        const now = history.now()
        history.add({ ...now, shapes: [...now.shapes, s] })
        o.added('text')
      }
      redraw()
      if (had) element.focus()
    }
    field.addEventListener('keydown', (e) => {
      e.stopPropagation()
      if (e.isComposing) return
      if (e.key === 'Enter') {
        e.preventDefault()
        end(true)
      } else if (e.key === 'Escape') {
        e.preventDefault()
        end(false)
      }
    })
    field.addEventListener('blur', () => end(true))
    field.addEventListener('pointerdown', (e) => e.stopPropagation())
    element.append(field)
    field.focus()
  }

  const fingers = new Map<number, [number, number]>()
  const at = (e: PointerEvent): [number, number] => {
    const box = element.getBoundingClientRect()
    return [e.clientX - box.left, e.clientY - box.top]
  }
  const inPicture = (e: PointerEvent): [number, number] => toPicture(view, ...at(e), picture.width, picture.height)
  let panning = false
  element.addEventListener('pointerdown', (e) => {
    if (e.target instanceof HTMLInputElement || e.button > 1) return
    e.preventDefault()
    if (input) return input.blur()
    element.focus()
    cross = null
    fingers.set(e.pointerId, at(e))
    try {
      element.setPointerCapture(e.pointerId)
    } catch {
      // The pointer is gone already.
    }
    panning = e.button === 1 || fingers.size > 1
    if (panning) draft = null
    else if (style.tool !== 'text') begin(...inPicture(e))
    redraw()
  })
  element.addEventListener('pointermove', (e) => {
    const before = fingers.get(e.pointerId)
    if (!before) return
    const now = at(e)
    if (panning) {
      const others = [...fingers].filter(([id]) => id !== e.pointerId).map(([, p]) => p)
      const other = others[0]
      view = { ...view, x: view.x + (now[0] - before[0]) / fingers.size, y: view.y + (now[1] - before[1]) / fingers.size }
      if (other) {
        const distance = (p: [number, number]): number => Math.max(1, Math.hypot(p[0] - other[0], p[1] - other[1]))
        view = zoomed(view, distance(now) / distance(before), other[0], other[1])
      }
      fingers.set(e.pointerId, now)
      return redraw()
    }
    fingers.set(e.pointerId, now)
    for (const one of e.getCoalescedEvents?.().length ? e.getCoalescedEvents() : [e]) extend(...inPicture(one))
  })
  const up = (e: PointerEvent): void => {
    if (!fingers.delete(e.pointerId)) return
    if (panning) {
      if (fingers.size === 0) panning = false
      return
    }
    if (e.type === 'pointercancel') draft = null
    else if (style.tool === 'text') writeAt(...inPicture(e))
    finish()
  }
  element.addEventListener('pointerup', up)
  element.addEventListener('pointercancel', up)
  element.addEventListener(
    'wheel',
    (e) => {
      e.preventDefault()
      const box = element.getBoundingClientRect()
      if (e.ctrlKey || e.metaKey) return zoomAt(Math.exp(-e.deltaY / 300), e.clientX - box.left, e.clientY - box.top)
      view = { ...view, x: view.x - (e.shiftKey ? e.deltaY : e.deltaX), y: view.y - (e.shiftKey ? 0 : e.deltaY) }
      redraw()
    },
    { passive: false },
  )
  element.addEventListener('focus', redraw)
  element.addEventListener('blur', redraw)
  element.addEventListener('keydown', (e) => {
    const step = e.shiftKey ? 10 : 1
    const move = ({ ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] } as { [key: string]: [number, number] })[e.key]
    if (e.ctrlKey || e.metaKey || e.altKey) return
    if (move) {
      e.preventDefault()
      const crop = history.now().crop
      cross ??= crop ? [crop.x + Math.round(crop.width / 2), crop.y + Math.round(crop.height / 2)] : [Math.round(picture.width / 2), Math.round(picture.height / 2)]
      const clamp = (n: number, most: number): number => Math.max(0, Math.min(most, n))
      cross = [clamp(cross[0] + move[0], picture.width), clamp(cross[1] + move[1], picture.height)]
      extend(...cross)
      redraw()
      o.moved(...cross)
    } else if (e.key === 'Enter' || e.key === ' ') {
      e.preventDefault()
      cross ??= [Math.round(picture.width / 2), Math.round(picture.height / 2)]
      if (style.tool === 'text') writeAt(...cross)
      else if (draft) finish()
      else begin(...cross)
      redraw()
    } else if (e.key === '+' || e.key === '-') {
      e.preventDefault()
      zoomAt(e.key === '+' ? 1.25 : 0.8, room().width / 2, room().height / 2)
    } else if (e.key === '0') fit()
  })
  return {
    element,
    redraw,
    fit,
    zoom: (factor) => zoomAt(factor, room().width / 2, room().height / 2),
    cancel() {
      const had = draft !== null
      draft = null
      fingers.clear()
      redraw()
      return had
    },
  }
}
