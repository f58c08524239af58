/** What the walker leaves to the painter: drawing steps in the order of CSS 2, appendix E. */
import type { Matrix, Rect } from './geometry.ts'

export type Context = CanvasRenderingContext2D

/** A coordinate system: of the page, of a transformed element, of a frame. */
export interface Space {
  /** From here to the picture. */
  m: Matrix
  /** From here to what getBoundingClientRect of this document tells. */
  c: Matrix
}

export interface Clip {
  up: Clip | null
  space: Space
  path(c: Context): void
  rule?: CanvasFillRule
  /** Bounds of the whole chain in the picture. */
  bounds: Rect
}

export interface Step {
  space: Space
  clip: Clip | null
  draw(c: Context): void
}

export interface Effect {
  alpha: number
  blend: string
  filter: string
  clip: Clip | null
  mask?: Step | null
}

/** A stacking context, or something painted as one: a float, an inline block, a flex item. */
export interface Layer {
  z: number
  effect: Effect | null
  /** Its own box. */
  own: Step[]
  negative: Layer[]
  blocks: Step[]
  floats: Layer[]
  inlines: (Step | Layer)[]
  outlines: Step[]
  zero: Layer[]
  positive: Layer[]
}

export function layer(z = 0, effect: Effect | null = null): Layer {
  return { z, effect, own: [], negative: [], blocks: [], floats: [], inlines: [], outlines: [], zero: [], positive: [] }
}
