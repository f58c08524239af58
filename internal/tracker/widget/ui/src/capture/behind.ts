/** backdrop-filter: what lies behind is drawn once more through the filter. */
import { fillCover } from './cover.ts'
import type { Rect } from './geometry.ts'
import type { Context } from './scene.ts'

/** In what cannot filter, nothing of what is behind is shown. */
export function blurBehind(c: Context, r: Rect, filter: string, scale: number): void {
  if (c.filter === undefined) return fillCover(c, [r])
  c.beginPath()
  c.rect(r.x, r.y, r.w, r.h)
  c.clip()
  c.setTransform(1, 0, 0, 1, 0, 0)
  c.filter = filter.replace(/([\d.]+)px/g, (_, n: string) => `${Number(n) * scale}px`)
  c.drawImage(c.canvas, 0, 0)
}
