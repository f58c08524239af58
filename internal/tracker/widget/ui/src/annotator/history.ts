/** What was drawn, with undo and redo. Every state is a value of its own and none is changed. */
import type { Drawing, Shape } from '../contract.ts'

export interface History {
  now(): Drawing
  add(shape: Shape): void
  crop(crop: Drawing['crop']): void
  /** Removes the last shape. */
  remove(): void
  undo(): void
  redo(): void
  canUndo(): boolean
  canRedo(): boolean
}

/** Undo does not reach behind first: it is what an earlier visit to the editor has left. */
export function newHistory(first: Drawing | null): History {
  let now: Drawing = { shapes: [...(first?.shapes ?? [])], crop: first?.crop ?? null }
  let past: Drawing[] = []
  let future: Drawing[] = []
  const next = (d: Drawing): void => {
    past.push(now)
    future = []
    now = d
  }
  const move = (from: Drawing[], to: Drawing[]): void => {
    const d = from.pop()
    if (!d) return
    to.push(now)
    now = d
  }
  return {
    now: () => now,
    add: (shape) => next({ ...now, shapes: [...now.shapes, shape] }),
    crop: (crop) => next({ ...now, crop }),
    remove: () => {
      if (now.shapes.length > 0) next({ ...now, shapes: now.shapes.slice(0, -1) })
    },
    undo: () => move(past, future),
    redo: () => move(future, past),
    canUndo: () => past.length > 0,
    canRedo: () => future.length > 0,
  }
}
