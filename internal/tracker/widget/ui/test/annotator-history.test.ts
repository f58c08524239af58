import { expect, it } from 'vitest'
import type { Drawing, Shape } from '../src/contract.ts'
import { newHistory } from '../src/annotator/history.ts'

const shape = (n: number): Shape => ({ tool: 'arrow', color: '#e02020', width: 3, points: [n, n, n + 9, n + 9] })

it('does not undo what an earlier visit drew, and changes nothing of it', () => {
  const first: Drawing = { shapes: [shape(1)], crop: null }
  const h = newHistory(first)
  expect(h.canUndo()).toBe(false)
  h.undo()
  h.add(shape(2))
  h.crop({ x: 1, y: 1, width: 5, height: 5 })
  h.undo()
  h.undo()
  h.undo()
  expect(h.now()).toEqual(first)
  expect(first).toEqual({ shapes: [shape(1)], crop: null })
})

/** Mulberry32. */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

it('agrees with a list of all states and a place in it', () => {
  const seed = Math.floor(Math.random() * 2 ** 31) // a printed seed here repeats its run
  console.log(`seed ${seed}`)
  const r = random(seed)
  for (let run = 0; run < 200; run++) {
    const first: Drawing | null = r() < 0.5 ? null : { shapes: [shape(-1), shape(-2)], crop: null }
    const h = newHistory(first)
    const states: string[] = [JSON.stringify(first ?? { shapes: [], crop: null })]
    let at = 0
    const next = (f: (d: Drawing) => void): void => {
      const d = JSON.parse(states[at]!) as Drawing
      f(d)
      states.length = ++at
      states.push(JSON.stringify(d))
    }
    for (let step = 0; step < 60; step++) {
      const what = r()
      if (what < 0.3) {
        h.add(shape(step))
        next((d) => d.shapes.push(shape(step)))
      } else if (what < 0.4) {
        const crop = r() < 0.3 ? null : { x: step, y: 0, width: 10, height: 10 }
        h.crop(crop)
        next((d) => (d.crop = crop))
      } else if (what < 0.5) {
        if (h.now().shapes.length > 0) next((d) => d.shapes.pop())
        h.remove()
      } else if (what < 0.8) {
        h.undo()
        at = Math.max(0, at - 1)
      } else {
        h.redo()
        at = Math.min(states.length - 1, at + 1)
      }
      expect(JSON.stringify(h.now()), `seed ${seed}, run ${run}, step ${step}`).toBe(states[at])
      expect(h.canUndo()).toBe(at > 0)
      expect(h.canRedo()).toBe(at < states.length - 1)
    }
  }
})
