import { describe, expect, test } from 'vitest'
import { address, call, length, split, transparent, unquote } from '../src/capture/css.ts'
import { apply, bounds, identity, invert, multiply, translation, unmap, type Matrix } from '../src/capture/geometry.ts'

const turned = (degrees: number): Matrix => {
  const a = (degrees * Math.PI) / 180
  return [Math.cos(a), Math.sin(a), -Math.sin(a), Math.cos(a), 7, 11]
}

describe('computed values', () => {
  test('are split outside of brackets and quotes', () => {
    expect(split('linear-gradient(rgb(1, 2, 3), red), url("a,b")')).toEqual(['linear-gradient(rgb(1, 2, 3), red)', 'url("a,b")'])
    expect(split('10px  calc(5px + 2%)', ' ')).toEqual(['10px', 'calc(5px + 2%)'])
    expect(split('"a\\" b" c', ' ')).toEqual(['"a\\" b"', 'c'])
  })
  test('have lengths of a whole', () => {
    expect(length('25%', 80)).toBe(20)
    expect(length('calc(50% - 5px)', 80)).toBe(35)
    expect(length('-3px', 80)).toBe(-3)
  })
  test('tell black from nothing', () => {
    expect(transparent('rgb(0, 0, 0)')).toBe(false)
    expect(transparent('rgba(0, 0, 0, 0)')).toBe(true)
    expect(transparent('oklch(0.5 0.1 20 / 0)')).toBe(true)
    expect(transparent('oklch(0.5 0.1 0)')).toBe(false)
  })
  test('name addresses and texts', () => {
    expect(address('url("a b.png")')).toBe('a b.png')
    expect(address('none')).toBeNull()
    expect(call('circle(5px)', 'circle')).toBe('5px')
    expect(unquote('"\\201c x"')).toBe('\u201cx')
  })
})

describe('boxes under maps', () => {
  test('are found again from their bounds', () => {
    const r = { x: 20, y: 30, w: 100, h: 40 }
    for (const m of [identity, translation(5, 6), turned(10), turned(80), turned(-30)]) {
      const back = unmap(m, bounds(m, r))
      for (const k of ['x', 'y', 'w', 'h'] as const) expect(back[k]).toBeCloseTo(r[k], 6)
    }
  })
  test('need one side near 45 degrees', () => {
    const r = { x: 20, y: 30, w: 100, h: 40 }
    const back = unmap(turned(45), bounds(turned(45), r), undefined, 40)
    expect(back.w).toBeCloseTo(100, 6)
  })
  test('have an inverse unless they are flat', () => {
    const m = multiply(turned(20), translation(3, 4))
    const [x, y] = apply(multiply(invert(m)!, m), 9, 8)
    expect([x, y]).toEqual([expect.closeTo(9, 6), expect.closeTo(8, 6)])
    expect(invert([1, 0, 2, 0, 0, 0])).toBeNull()
  })
})
