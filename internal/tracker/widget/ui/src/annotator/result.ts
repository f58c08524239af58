/** The finished pictures, in the size of the original. */
import type { Annotated, Drawing } from '../contract.ts'
import { burn, mosaic } from './blur.ts'
import { pointless, whole } from './geometry.ts'
import { paint } from './shapes.ts'

function sheet(width: number, height: number): CanvasRenderingContext2D {
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  const ctx = canvas.getContext('2d')
  if (!ctx) throw new Error(`no canvas of ${width} x ${height} pixels`)
  // Browsers give canvases that are too large for them and draw nothing on them.
  ctx.fillRect(0, 0, 1, 1)
  if (ctx.getImageData(0, 0, 1, 1).data[3] !== 255) throw new Error(`no canvas of ${width} x ${height} pixels`)
  ctx.clearRect(0, 0, 1, 1)
  return ctx
}

/** Throws an Error where the browser has no memory for the pictures. */
export function result(picture: HTMLCanvasElement, drawing: Drawing): Annotated {
  const crop = whole(drawing.crop ?? { x: 0, y: 0, width: picture.width, height: picture.height }, picture)
  const shapes = drawing.shapes.filter((s) => !pointless(s))
  const plain = sheet(crop.width, crop.height)
  plain.translate(-crop.x, -crop.y)
  plain.drawImage(picture, 0, 0)
  for (const s of shapes) {
    const m = s.tool === 'blur' && mosaic(picture, s)
    if (m) burn(plain, m)
  }
  const seen = shapes.filter((s) => s.tool !== 'blur')
  if (seen.length === 0) return { drawing, plain: plain.canvas, annotated: null }
  const annotated = sheet(crop.width, crop.height)
  annotated.drawImage(plain.canvas, 0, 0)
  annotated.translate(-crop.x, -crop.y)
  for (const s of seen) paint(annotated, s)
  return { drawing, plain: plain.canvas, annotated: annotated.canvas }
}
