/** Shows the picture and what is drawn, on two canvases of the screen's size. */
import type { Drawing, Shape } from '../contract.ts'
import { burn, mosaic, type Mosaic } from './blur.ts'
import { make } from './dom.ts'
import { box, type Box, type Size } from './geometry.ts'
import { paint } from './shapes.ts'
import type { View } from './zoom.ts'

export interface Scene {
  view: View
  drawing: Drawing
  /** The shape, or the crop, in progress. */
  draft: Shape | null
  cropping: boolean
  /** Where the keyboard draws. */
  cross: { x: number; y: number } | null
}

export interface Surface {
  element: HTMLElement
  /** In CSS pixels. */
  size(): Size
  draw(scene: Scene): void
}

type Ctx = CanvasRenderingContext2D

/** Pictures above so many pixels are drawn from a copy of half the size while that is sharp enough. */
const heavy = 8e6

export function newSurface(picture: HTMLCanvasElement, label: string, hint: string): Surface {
  const base = make('canvas', 'bsa-canvas', { 'aria-hidden': 'true' })
  const ink = make('canvas', 'bsa-canvas', { 'aria-hidden': 'true' })
  const element = make('div', 'bsa-surface', { tabindex: '0', role: 'application', 'aria-label': label, 'aria-describedby': hint }, base, ink)
  const mosaics = new WeakMap<Shape, { of: Mosaic | null }>()
  let small: HTMLCanvasElement | null = null
  let shown = ''
  let last: Shape[] = []

  const half = (): HTMLCanvasElement => {
    if (small) return small
    small = document.createElement('canvas')
    // A narrow picture keeps at least one pixel.
    small.width = Math.ceil(picture.width / 2)
    small.height = Math.ceil(picture.height / 2)
    small.getContext('2d')?.drawImage(picture, 0, 0, small.width, small.height)
    return small
  }
  const size = (): Size => ({ width: element.clientWidth, height: element.clientHeight })
  const start = (canvas: HTMLCanvasElement, v: View): Ctx => {
    const dpr = window.devicePixelRatio || 1
    const width = Math.max(1, Math.round(element.clientWidth * dpr))
    const height = Math.max(1, Math.round(element.clientHeight * dpr))
    if (canvas.width !== width) canvas.width = width
    if (canvas.height !== height) canvas.height = height
    const ctx = canvas.getContext('2d')
    if (!ctx) throw new Error('no canvas to show the picture on')
    ctx.setTransform(1, 0, 0, 1, 0, 0)
    ctx.clearRect(0, 0, width, height)
    ctx.setTransform(dpr * v.scale, 0, 0, dpr * v.scale, dpr * v.x, dpr * v.y)
    return ctx
  }
  const drawBase = (v: View, blurs: Shape[]): void => {
    const key = [v.scale, v.x, v.y, element.clientWidth, element.clientHeight, window.devicePixelRatio].join()
    if (key === shown && blurs.length === last.length && blurs.every((s, i) => s === last[i])) return
    shown = key
    last = blurs
    const ctx = start(base, v)
    ctx.imageSmoothingEnabled = v.scale < 3
    ctx.imageSmoothingQuality = 'high'
    const light = picture.width * picture.height > heavy && v.scale * (window.devicePixelRatio || 1) <= 0.5
    ctx.drawImage(light ? half() : picture, 0, 0, picture.width, picture.height)
    for (const s of blurs) {
      let m = mosaics.get(s)
      if (!m) mosaics.set(s, (m = { of: mosaic(picture, s) }))
      if (m.of) burn(ctx, m.of)
    }
  }
  /** A dashed frame of black and white, seen on every ground; one CSS pixel is 1 / scale. */
  const frame = (ctx: Ctx, b: Box, scale: number): void => {
    ctx.lineWidth = 1.5 / scale
    for (const [color, offset] of [['#fff', 0], ['#111418', 5]] as const) {
      ctx.strokeStyle = color
      ctx.setLineDash([5 / scale, 5 / scale])
      ctx.lineDashOffset = offset / scale
      ctx.strokeRect(b.x, b.y, b.width, b.height)
    }
    ctx.setLineDash([])
  }
  const shade = (ctx: Ctx, b: Box, scale: number): void => {
    ctx.fillStyle = 'rgba(11,13,18,.62)'
    ctx.beginPath()
    ctx.rect(0, 0, picture.width, picture.height)
    ctx.rect(b.x, b.y, b.width, b.height)
    ctx.fill('evenodd')
    frame(ctx, b, scale)
  }
  const cross = (ctx: Ctx, x: number, y: number, scale: number): void => {
    for (const [color, width] of [['#fff', 4], ['#111418', 1.5]] as const) {
      ctx.strokeStyle = color
      ctx.lineWidth = width / scale
      ctx.beginPath()
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
        ctx.moveTo(x + (dx * 5) / scale, y + (dy * 5) / scale)
        ctx.lineTo(x + (dx * 18) / scale, y + (dy * 18) / scale)
      }
      ctx.stroke()
    }
  }
  return {
    element,
    size,
    draw({ view, drawing, draft, cropping, cross: at }) {
      drawBase(view, drawing.shapes.filter((s) => s.tool === 'blur'))
      const ctx = start(ink, view)
      ctx.save()
      ctx.beginPath()
      ctx.rect(0, 0, picture.width, picture.height)
      ctx.clip()
      for (const s of drawing.shapes) paint(ctx, s)
      if (draft && !cropping && draft.tool !== 'blur') paint(ctx, draft)
      ctx.restore()
      const crop = draft && cropping ? box(draft.points) : drawing.crop
      if (crop) shade(ctx, crop, view.scale)
      if (draft?.tool === 'blur' && !cropping) {
        const b = box(draft.points)
        ctx.fillStyle = 'rgba(120,128,140,.55)'
        ctx.fillRect(b.x, b.y, b.width, b.height)
        frame(ctx, b, view.scale)
      }
      if (at) cross(ctx, at.x, at.y, view.scale)
    },
  }
}
