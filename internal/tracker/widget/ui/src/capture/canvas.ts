/** Canvases within what browsers can hold. */
import type { Context } from './scene.ts'

/** The most pixels of a side that the server and every browser takes. */
export const mostSide = 16384

/** Null where the browser has no memory for it. */
export function createCanvas(width: number, height: number, probe = false): Context | null {
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  const c = canvas.getContext('2d')
  if (!c || canvas.width !== width) return null
  if (!probe) return c
  try {
    // A canvas that could not be allocated takes every call and stays empty.
    c.fillStyle = '#000'
    c.fillRect(0, 0, 1, 1)
    if (c.getImageData(0, 0, 1, 1).data[3] !== 255) return null
    c.clearRect(0, 0, 1, 1)
  } catch {
    return null
  }
  return c
}

/** The scale at which a size keeps within the sides. */
export function bounded(width: number, height: number, scale: number): number {
  return Math.min(scale, mostSide / Math.max(1, width), mostSide / Math.max(1, height))
}
