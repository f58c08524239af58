import type { Drawing } from '../contract.ts'

/** The states of a drawing. Each is a value of its own, so going back is only a step in a list. */
export interface History {
  now(): Drawing
  add(next: Drawing): void
  undo(): boolean
  redo(): boolean
  canUndo(): boolean
  canRedo(): boolean
}

/** More than anybody takes back; a state shares its shapes with its neighbours. */
const longest = 500

export function newHistory(first: Drawing): History {
  let states = [first]
  let at = 0
  return {
    now: () => states[at]!,
    add(next) {
      states = [...states.slice(0, at + 1), next].slice(-longest)
      at = states.length - 1
    },
    undo: () => at > 0 && (at--, true),
    redo: () => at < states.length - 1 && (at++, true),
    canUndo: () => at > 0,
    canRedo: () => at < states.length - 1,
  }
}
