/**
 * Makes a region unreadable for good: a few large cells, each of the average colour of what
 * was there, in four steps a channel. Smaller cells or finer steps would still tell letters
 * apart to somebody who tries all texts in the page's font, hence at most two cells across
 * the shorter side: large letters do not show as letters of few cells. No noise is added,
 * since that of a page reported twice could be averaged away.
 */
import { box, least, whole, type Box, type Size } from './geometry.ts'
import type { Shape } from '../contract.ts'

/** Cells of one region at most. */
export const most = { columns: 24, rows: 6 }

/** A region is read in at most so many pixels a side; larger ones are scaled down first. */
const sample = 480

export interface Grid extends Box { columns: number; rows: number }

export interface Mosaic extends Grid {
  /** #rrggbb of each cell, row by row. */
  colors: string[]
}

/** The cells of a blur, or null where it is too small to be meant. */
export function grid(points: number[], size: Size): Grid | null {
  const b = whole(box(points), size)
  if (b.width < least || b.height < least) return null
  const side = Math.max(12, Math.max(size.width, size.height) / 40, Math.min(b.width, b.height) / 2)
  const count = (long: number, limit: number): number => Math.min(limit, Math.max(1, Math.floor(long / side)))
  return { ...b, columns: count(b.width, most.columns), rows: count(b.height, most.rows) }
}

/** The edges of the i-th of n parts of a length, in whole pixels: no cell shares a pixel with another. */
export const part = (i: number, n: number, long: number): [from: number, to: number] => [Math.round((i * long) / n), Math.round(((i + 1) * long) / n)]

/** The average colour of each cell of RGBA pixels. */
export function averages(data: ArrayLike<number>, width: number, height: number, columns: number, rows: number): string[] {
  const out: string[] = []
  for (let r = 0; r < rows; r++) {
    const [top, bottom] = part(r, rows, height)
    for (let c = 0; c < columns; c++) {
      const [left, right] = part(c, columns, width)
      const sum = [0, 0, 0]
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          const at = (y * width + x) * 4
          for (let k = 0; k < 3; k++) sum[k]! += data[at + k]!
        }
      }
      const n = Math.max(1, (bottom - top) * (right - left))
      // Every other cell is darker whatever is below: an even region looks covered too.
      const shade = (r + c) % 2 ? 20 : 44
      out.push('#' + sum.map((s) => (Math.floor(s / n / 64) * 64 + shade).toString(16).padStart(2, '0')).join(''))
    }
  }
  return out
}

/** Reads the region out of the picture. It throws where the canvas cannot be read. */
export function mosaic(picture: HTMLCanvasElement, shape: Shape): Mosaic | null {
  const g = grid(shape.points, picture)
  if (!g) return null
  const scratch = document.createElement('canvas')
  const width = (scratch.width = Math.min(g.width, sample))
  const height = (scratch.height = Math.min(g.height, sample))
  const ctx = scratch.getContext('2d', { willReadFrequently: true })
  if (!ctx) throw new Error('no canvas to blur on')
  ctx.fillStyle = '#fff' // below what is transparent
  ctx.fillRect(0, 0, width, height)
  ctx.drawImage(picture, g.x, g.y, g.width, g.height, 0, 0, width, height)
  return { ...g, colors: averages(ctx.getImageData(0, 0, width, height).data, width, height, g.columns, g.rows) }
}

/** Covers the region. Each cell reaches below the next, so that a scaled picture shows no seams. */
export function burn(ctx: CanvasRenderingContext2D, m: Mosaic): void {
  for (let i = 0; i < m.colors.length; i++) {
    const [left] = part(i % m.columns, m.columns, m.width)
    const [top] = part(Math.floor(i / m.columns), m.rows, m.height)
    ctx.fillStyle = m.colors[i]!
    ctx.fillRect(m.x + left, m.y + top, m.width - left, m.height - top)
  }
}
