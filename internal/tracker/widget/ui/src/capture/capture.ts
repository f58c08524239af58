/** One picture of what is visible. */
import type { CaptureRequest, Picture, Reading } from '../contract.ts'
import { bounded, createCanvas } from './canvas.ts'
import { canvas } from './document.ts'
import type { Rect } from './geometry.ts'
import { Painter } from './paint.ts'
import { Clock } from './schedule.ts'
import type { Context } from './scene.ts'
import { Walker } from './walk.ts'

/** In milliseconds. */
const usualBudget = 4000

function windowRect(): Rect {
  return { x: 0, y: 0, w: Math.max(1, innerWidth), h: Math.max(1, innerHeight) }
}

/** Walks the page; nothing is painted yet. */
async function walk(request: CaptureRequest, scale: number): Promise<Walker> {
  const w = new Walker(request, windowRect(), scale, new Clock(request.budget ?? usualBudget))
  const st = w.start()
  try {
    canvas(w, document, st, w.window, true)
  } catch {
    // The elements on it can still be drawn.
  }
  if (document.documentElement) await w.element(document.documentElement, st)
  w.secrets.rows(w.seen)
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
  let w!: Walker
  const read = async (): Promise<Reading> => {
    w = await walk(request, scale)
    return { holes: w.clock.over() ? [] : w.holes, covers: w.covers }
  }
  const shared = request.frame ? await request.frame(read) : (await read(), null)
  w.shared = shared
  const painter = new Painter(c, w.window, scale, w.clock)
  await painter.layer(w.root)
  for (const l of w.top) await painter.layer(l)
  painter.end()
  if (w.clock.over()) w.missing.add('time')
  if (!w.shared) for (const { what } of w.holes) w.missing.add(what)
  return { canvas: c.canvas, covered: w.covered, missing: [...w.missing] }
}
