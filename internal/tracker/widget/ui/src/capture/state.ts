/** What the walker knows where it stands. States are never changed, only copied. */
import type { Rule } from '../contract.ts'
import type { Box } from './box.ts'
import type { Rect } from './geometry.ts'
import type { Clip, Layer, Space } from './scene.ts'
import type { Group } from './secret.ts'
import type { Decoration } from './text.ts'

/** The lines of a block: what stands on them, and the bars over what is covered. */
export interface Flow {
  content: Rect
  shown: Rect[]
  bars: Rect[]
  first: Rect | null
  last: Rect | null
}

export interface State {
  space: Space
  clip: Clip | null
  /** For absolutely positioned descendants: their containing block, its clip. */
  absolute: { space: Space; clip: Clip | null; box: Rect }
  fixed: { space: Space; clip: Clip | null; box: Rect }
  /** The stacking context, and what is painted as one. */
  context: Layer
  layer: Layer
  rule: Rule
  group: Group | null
  flow: Flow | null
  decorations: Decoration[]
  /** The parent is a flex or grid container. */
  item: boolean
  /** Text is cut at this right edge, with a mark. */
  ellipsis: { right: number; left: number; style: CSSStyleDeclaration; done: number[]; lines: number } | null
  /** The background that shows through the letters. */
  through: Box | null
  inSVG?: boolean
}
