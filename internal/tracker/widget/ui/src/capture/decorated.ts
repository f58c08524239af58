/** A box with all that lies below its content. */
import { paintBackground } from './background.ts'
import { paintBorder } from './border.ts'
import { trace, type Box } from './box.ts'
import { grow, type Rect } from './geometry.ts'
import type { Images } from './image.ts'
import type { Context } from './scene.ts'
import { paintInnerShadows, paintOuterShadows } from './shadow.ts'

/** gap is left out of the border: the legend of a field set. */
export function paintBox(c: Context, b: Box & { gap?: Rect }, images: Images, window: Rect): void {
  paintOuterShadows(c, b)
  paintBackground(c, b, images, window)
  paintInnerShadows(c, b)
  if (b.gap) {
    c.beginPath()
    trace(c, grow(b.border, 10))
    trace(c, b.gap)
    c.clip('evenodd')
  }
  paintBorder(c, b)
}
