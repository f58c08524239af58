/** One picture of what is visible. */
import type { CaptureRequest, Picture } from '../contract.ts'
import { bounded, createCanvas } from './canvas.ts'
import type { Rect } from './geometry.ts'
import { Painter } from './paint.ts'
import { Clock } from './schedule.ts'
import { layer, type Context, type Layer } from './scene.ts'
import { Walker } from './walk.ts'

/** In milliseconds. */
const usualBudget = 4000

function windowRect(): Rect {
  return { x: 0, y: 0, w: Math.max(1, innerWidth), h: Math.max(1, innerHeight) }
}

/** Walks the page; nothing is painted yet. */
async function walk(request: CaptureRequest, scale: number, sharing = false): Promise<Walker> {
  const w = new Walker(request, windowRect(), scale, new Clock(request.budget ?? usualBudget), sharing)
  const st = w.start()
  try {
    w.canvas(document, st, w.window, true)
  } catch {
    // The elements on it can still be drawn.
  }
  if (document.documentElement) await w.element(document.documentElement, st)
  await w.images.settle(Math.min(1500, w.clock.left()))
  return w
}

/** The largest canvas that the browser has memory for, at most of the wanted scale. */
function canvasFor(w: number, h: number, wanted: number): { c: Context; scale: number } {
  for (const s of [wanted, Math.min(1, wanted), 0.5]) {
    const scale = bounded(w, h, s)
    const c = createCanvas(Math.max(1, Math.round(w * scale)), Math.max(1, Math.round(h * scale)), true)
    if (c) return { c, scale }
  }
  throw new Error('no memory')
}

export async function capture(request: CaptureRequest): Promise<Picture> {
  const r = windowRect()
  const { c, scale } = canvasFor(r.w, r.h, request.scale ?? (devicePixelRatio || 1))
  const w = await walk(request, scale)
  const painter = new Painter(c, w.window, scale, w.clock)
  await painter.layer(w.root)
  for (const l of w.top) await painter.layer(l)
  painter.end()
  if (w.clock.over()) w.missing.add('time')
  return { canvas: c.canvas, covered: w.covered, missing: [...w.missing] }
}

/** Covers what is private on a frame of the shared tab. */
export async function coverFrame(c: Context, request: CaptureRequest): Promise<{ covered: number; complete: boolean; missing: Picture['missing'] }> {
  const scale = c.canvas.width / windowRect().w
  const w = await walk(request, scale, true)
  const all: Layer = layer()
  all.inlines.push(...w.covers)
  const painter = new Painter(c, w.window, scale, new Clock(Infinity))
  await painter.layer(all)
  painter.end()
  return { covered: w.covered, complete: !w.clock.over(), missing: [...w.missing] }
}
