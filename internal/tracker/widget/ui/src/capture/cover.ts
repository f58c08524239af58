/** Boxes and bars over what is private. */
import type { Rect } from './geometry.ts'
import type { Context } from './scene.ts'
import type { Flow } from './state.ts'

export function fillCover(c: Context, list: Rect[]): void {
  c.fillStyle = '#8b8f98'
  for (const r of list) {
    const [x, y] = [Math.floor(r.x), Math.floor(r.y)]
    c.fillRect(x, y, Math.ceil(r.x + r.w) - x, Math.ceil(r.y + r.h) - y)
  }
}

/** A bar with nothing beside it takes the whole line, so that its length tells nothing. */
export function widen(flow: Flow): void {
  for (const b of flow.bars) {
    const line = flow.shown.filter((r) => r.y < b.y + b.h - 2 && b.y < r.y + r.h - 2)
    const right = flow.content.x + flow.content.w
    if (!line.some((r) => r.x >= b.x + b.w - 1) && right > b.x + b.w) b.w = right - b.x
    if (!line.some((r) => r.x + r.w <= b.x + 1) && flow.content.x < b.x) {
      b.w += b.x - flow.content.x
      b.x = flow.content.x
    }
  }
}
