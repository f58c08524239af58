/** Pure geometry. Lengths are pixels of the original picture unless a comment says otherwise. */
import type { Shape } from '../contract.ts'

export interface Size { width: number; height: number }
export interface Box extends Size { x: number; y: number }

export const clamp = (v: number, low: number, high: number): number => Math.min(Math.max(Number.isFinite(v) ? v : low, low), high)

/** The points moved into the picture and rounded to a tenth of a pixel, which keeps the JSON short. */
export const inside = (points: number[], size: Size): number[] =>
  points.map((v, i) => Math.round(clamp(v, 0, i % 2 ? size.height : size.width) * 10) / 10)

/** The box between the first two points. */
export function box(points: number[]): Box {
  const [a = 0, b = 0, c = a, d = b] = points
  return { x: Math.min(a, c), y: Math.min(b, d), width: Math.abs(c - a), height: Math.abs(d - b) }
}

/** The smallest box of whole pixels around b, cut at the edges of the picture. */
export function whole(b: Box, size: Size): Box {
  const x = clamp(Math.floor(b.x), 0, size.width)
  const y = clamp(Math.floor(b.y), 0, size.height)
  return {
    x,
    y,
    width: clamp(Math.ceil(b.x + b.width), x, size.width) - x,
    height: clamp(Math.ceil(b.y + b.height), y, size.height) - y,
  }
}

/** Below so many pixels a blur or a crop is a slip of the hand. */
export const least = 4

/** Whether nobody would see the shape. A pen's dot is one. */
export function pointless(s: Shape): boolean {
  if (s.tool === 'pen') return s.points.length < 2
  if (s.tool === 'text') return !s.text?.trim()
  const b = box(s.points)
  if (s.tool === 'blur') return b.width < least || b.height < least
  return Math.hypot(b.width, b.height) < least
}

/** Where the second point goes while Shift is held: squares, circles, and arrows in steps of 45 degrees. */
export function straight(tool: string, x0: number, y0: number, x: number, y: number): [number, number] {
  const dx = x - x0
  const dy = y - y0
  if (tool !== 'arrow') {
    const side = Math.max(Math.abs(dx), Math.abs(dy))
    return [x0 + (dx < 0 ? -side : side), y0 + (dy < 0 ? -side : side)]
  }
  const step = Math.PI / 4
  const angle = Math.round(Math.atan2(dy, dx) / step) * step
  const length = Math.hypot(dx, dy)
  return [x0 + Math.cos(angle) * length, y0 + Math.sin(angle) * length]
}

/** The three corners of an arrow's head, tip first, and where its shaft ends. */
export function arrowHead(points: number[], width: number): { head: number[]; end: [number, number] } {
  const [x0 = 0, y0 = 0, x = x0, y = y0] = points
  const length = Math.hypot(x - x0, y - y0) || 1
  const ux = (x - x0) / length
  const uy = (y - y0) / length
  const long = Math.min(width * 4 + 4, length)
  const half = long * 0.46
  const bx = x - ux * long
  const by = y - uy * long
  return {
    head: [x, y, bx - uy * half, by + ux * half, bx + uy * half, by - ux * half],
    end: [x - ux * long * 0.8, y - uy * long * 0.8],
  }
}

/** Widths of thin, medium and thick: the same to the eye on pictures of every size. */
export const widths = (size: Size): number[] => {
  const unit = Math.max(0.7, Math.sqrt(size.width * size.height) / 1000)
  return [3, 5, 9].map((w) => Math.max(1, Math.round(w * unit)))
}

/** The size of letters for a width. */
export const letter = (width: number): number => Math.max(11, Math.round(width * 4.8))
