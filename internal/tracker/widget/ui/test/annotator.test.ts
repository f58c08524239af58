import { describe, expect, it } from 'vitest'
import { averages, grid, most, part } from '../src/annotator/blur.ts'
import { arrowHead, box, inside, letter, pointless, straight, whole, widths } from '../src/annotator/geometry.ts'
import { halo } from '../src/annotator/shapes.ts'
import { fit, reveal, settle, zoom } from '../src/annotator/zoom.ts'

const size = { width: 1280, height: 800 }

describe('geometry', () => {
  it('keeps points inside of the picture, whatever they are', () => {
    expect(inside([-5, 20.04, 2000, 900, NaN, Infinity], size)).toEqual([0, 20, 1280, 800, 0, 0])
  })
  it('takes corners in any order', () => expect(box([30, 40, 10, 5])).toEqual({ x: 10, y: 5, width: 20, height: 35 }))
  it('cuts boxes at the edges, in whole pixels', () => {
    expect(whole({ x: -3.5, y: 790.2, width: 10, height: 100 }, size)).toEqual({ x: 0, y: 790, width: 7, height: 10 })
    expect(whole({ x: 5000, y: 5000, width: 1, height: 1 }, size)).toEqual({ x: 1280, y: 800, width: 0, height: 0 })
  })
  it('knows what nobody would see', () => {
    const s = (tool: 'pen' | 'arrow' | 'blur' | 'text', points: number[], text?: string) => pointless({ tool, color: '#000000', width: 3, points, ...(text === undefined ? {} : { text }) })
    expect(s('arrow', [5, 5, 6, 6])).toBe(true)
    expect(s('arrow', [5, 5, 6, 60])).toBe(false)
    expect(s('blur', [5, 5, 500, 6])).toBe(true)
    expect(s('pen', [5, 5])).toBe(false)
    expect(s('text', [5, 5], '  ')).toBe(true)
  })
  it('straightens while Shift is held', () => {
    expect(straight('rectangle', 10, 10, -20, 25)).toEqual([-20, 40])
    const [x, y] = straight('arrow', 0, 0, 100, 5)
    expect([Math.round(x), Math.round(y)]).toEqual([100, 0])
  })
  it('ends an arrow at its second point, with a head no longer than the arrow', () => {
    expect(arrowHead([0, 0, 100, 0], 5).head.slice(0, 2)).toEqual([100, 0])
    for (const v of arrowHead([0, 0, 6, 0], 9).head) expect(Math.abs(v)).toBeLessThanOrEqual(6)
    for (const v of arrowHead([7, 7, 7, 7], 9).head) expect(v).not.toBeNaN()
  })
  it('makes lines and letters grow with the picture', () => {
    expect(widths(size)).toEqual([3, 5, 9])
    expect(widths({ width: 2560, height: 1600 })).toEqual([6, 10, 18])
    expect(widths({ width: 1, height: 1 })).toEqual([2, 4, 6])
    expect(letter(5)).toBe(24)
  })
  it('puts dark around light colours', () => expect(['#e02020', '#f7c948', '#111418', 'red'].map(halo)).toEqual(['#fff', '#1a1d23', '#fff', '#fff']))
})

describe('blur', () => {
  it('ignores a slip of the hand', () => {
    expect(grid([10, 10, 10, 10], size)).toBeNull()
    expect(grid([10, 10, 400, 12], size)).toBeNull()
    expect(grid([2000, 10, 2400, 120], size)).toBeNull()
  })
  it('has few cells, none under 12 pixels unless the region is', () => {
    for (let i = 0; i < 2000; i++) {
      const s = { width: 1 + Math.floor(Math.random() * 16384), height: 1 + Math.floor(Math.random() * 16384) }
      const g = grid([Math.random() * s.width, Math.random() * s.height, Math.random() * s.width, Math.random() * s.height], s)
      if (!g) continue
      expect(g.columns).toBeLessThanOrEqual(most.columns)
      expect(g.rows).toBeLessThanOrEqual(most.rows)
      expect(Math.min(g.columns, g.rows)).toBeLessThanOrEqual(2)
      if (g.columns > 1) expect(g.width / g.columns).toBeGreaterThanOrEqual(12)
      if (g.rows > 1) expect(g.height / g.rows).toBeGreaterThanOrEqual(12)
      expect(g.x + g.width).toBeLessThanOrEqual(s.width)
    }
  })
  it('divides a length without a gap', () => {
    for (const [n, long] of [[7, 100], [24, 481], [1, 4]] as const) {
      let at = 0
      for (let i = 0; i < n; i++) {
        const [from, to] = part(i, n, long)
        expect(from).toBe(at)
        at = to
      }
      expect(at).toBe(long)
    }
  })
  it('tells two arrangements of the same pixels apart by nothing', () => {
    const make = (f: (x: number, y: number) => boolean): number[] => {
      const out: number[] = []
      for (let y = 0; y < 24; y++) for (let x = 0; x < 48; x++) out.push(...(f(x, y) ? [0, 0, 0, 255] : [255, 255, 255, 255]))
      return out
    }
    const a = averages(make((x) => x % 4 === 0), 48, 24, 2, 1)
    const b = averages(make((_, y) => y % 4 === 2), 48, 24, 2, 1)
    expect(a).toEqual(b)
    expect(a).toHaveLength(2)
    expect(a.join()).not.toMatch(/#000000|#ffffff/)
  })
  it('has at most 4 levels a channel and place', () => {
    const seen = new Set<string>()
    for (let v = 0; v < 256; v++) seen.add(averages([v, v, v, 255], 1, 1, 1, 1)[0]!)
    expect(seen.size).toBe(4)
  })
})

describe('zoom', () => {
  const room = { width: 1000, height: 600 }
  it('fits every picture', () => {
    for (const p of [size, { width: 16384, height: 16384 }, { width: 1, height: 16384 }, { width: 10, height: 10 }]) {
      const v = fit(p, room)
      expect(v.scale).toBeLessThanOrEqual(1)
      expect(p.width * v.scale).toBeLessThanOrEqual(room.width)
      expect(v.x + (p.width * v.scale) / 2).toBeCloseTo(500)
      expect(v.y + (p.height * v.scale) / 2).toBeCloseTo(300)
    }
    expect(fit(size, { width: 0, height: 0 }).scale).toBeGreaterThan(0)
  })
  it('keeps the place under the pointer', () => {
    const a = zoom(fit(size, room), 3, 400, 300, size, room)
    const b = zoom(a, 1.5, 410, 310, size, room)
    expect((410 - b.x) / b.scale).toBeCloseTo((410 - a.x) / a.scale)
    expect((310 - b.y) / b.scale).toBeCloseTo((310 - a.y) / a.scale)
  })
  it('ends at the whole picture and at eightfold', () => {
    expect(zoom(fit(size, room), 1e-9, 0, 0, size, room)).toEqual(fit(size, room))
    expect(zoom(fit(size, room), 1e9, 0, 0, size, room).scale).toBe(8)
  })
  it('does not lose the picture', () => {
    const v = settle({ scale: 4, x: -1e6, y: 1e6 }, size, room)
    expect(v.x).toBe(1000 - 1280 * 4 - 20)
    expect(v.y).toBe(20)
  })
  it('follows the cross-hair', () => {
    const v = reveal(zoom(fit(size, room), 20, 0, 0, size, room), 1280, 800, size, room)
    expect(v.x + 1280 * v.scale).toBeLessThanOrEqual(1000)
    expect(v.y + 800 * v.scale).toBeLessThanOrEqual(600)
  })
})
