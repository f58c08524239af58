/** Makes a region unreadable: a few large cells of one colour each replace its pixels. */

export interface Box {
  x: number
  y: number
  width: number
  height: number
}

/** The cells of a region: at least 12 pixels wide, and so few that no letter shows through. */
export function cells(width: number, height: number): { columns: number; rows: number } {
  return { columns: Math.max(1, Math.min(24, Math.floor(width / 12))), rows: Math.max(1, Math.min(6, Math.floor(height / 12))) }
}

/** Two corners as a box of whole pixels within a picture; null where nothing is left. */
export function boxOf(points: number[], width: number, height: number): Box | null {
  const [ax = 0, ay = 0, bx = ax, by = ay] = points
  const clamp = (v: number, most: number): number => Math.max(0, Math.min(most, v))
  const x = Math.floor(clamp(Math.min(ax, bx), width))
  const y = Math.floor(clamp(Math.min(ay, by), height))
  const right = Math.ceil(clamp(Math.max(ax, bx), width))
  const bottom = Math.ceil(clamp(Math.max(ay, by), height))
  return right - x < 2 || bottom - y < 2 ? null : { x, y, width: right - x, height: bottom - y }
}

/** The average colour of each cell, in steps of 16. */
export function averages(data: Uint8ClampedArray, width: number, height: number, columns: number, rows: number): string[] {
  const out: string[] = []
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const sum = [0, 0, 0]
      let n = 0
      for (let y = Math.floor((r * height) / rows); y < Math.floor(((r + 1) * height) / rows); y++) {
        for (let x = Math.floor((c * width) / columns); x < Math.floor(((c + 1) * width) / columns); x++, n++) {
          for (let i = 0; i < 3; i++) sum[i]! += data[(y * width + x) * 4 + i]!
        }
      }
      out.push(`rgb(${sum.map((s) => Math.min(255, Math.round(s / Math.max(1, n) / 16) * 16)).join()})`)
    }
  }
  return out
}

/** Large regions are looked at in a copy of at most this many pixels a side. */
const looked = 480

/** The cells of a box of the picture, as rectangles to fill. */
export function destroyed(picture: HTMLCanvasElement, b: Box): { box: Box; color: string }[] {
  const w = Math.min(looked, b.width)
  const h = Math.min(looked, b.height)
  const copy = document.createElement('canvas')
  copy.width = w
  copy.height = h
  const g = copy.getContext('2d', { willReadFrequently: true })
  if (!g) throw new Error('BugSpark: no canvas')
  g.fillStyle = '#fff'
  g.fillRect(0, 0, w, h)
  g.imageSmoothingQuality = 'high'
  g.drawImage(picture, b.x, b.y, b.width, b.height, 0, 0, w, h)
  const { columns, rows } = cells(b.width, b.height)
  return averages(g.getImageData(0, 0, w, h).data, w, h, columns, rows).map((color, i) => {
    const left = b.x + Math.floor(((i % columns) * b.width) / columns)
    const top = b.y + Math.floor((Math.floor(i / columns) * b.height) / rows)
    const right = b.x + Math.floor((((i % columns) + 1) * b.width) / columns)
    const bottom = b.y + Math.floor(((Math.floor(i / columns) + 1) * b.height) / rows)
    return { box: { x: left, y: top, width: right - left, height: bottom - top }, color }
  })
}
