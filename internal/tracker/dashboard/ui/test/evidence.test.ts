import { describe, expect, it } from 'vitest'
import { browserOf, json, pageOf, pictureLink, readActions, readConsole, readMetadata, readNetwork, text, timeAxis, webLink } from '../src/evidence'

const cycle: Record<string, unknown> = {}
cycle.self = cycle
const deep = JSON.parse('{"a":'.repeat(2000) + '1' + '}'.repeat(2000)) as unknown

const hostile: unknown[] = [
  null, undefined, 0, NaN, '', 'text', true, [], {}, [[]], [null], [undefined], ['x', 1, null, {}], deep, cycle,
  { length: 1e9 }, { toString: null, message: {}, url: 1, type: [] }, [{ message: cycle }], [{ message: 1, level: {}, stack: [], timestamp: '1' }],
  [{ url: 'x', method: {}, status: 'abc', duration: -1, timestamp: 1e99, responseHeaders: [1, 2], requestHeaders: 'x' }],
  [{ type: 'click', target: {}, data: [1, { a: 2 }], timestamp: NaN }], JSON.parse('{"__proto__":{"message":"x"}}'),
]

describe('hostile evidence', () => {
  it.each(hostile.map((value, i) => [i, value]))('case %i is read without throwing', (_i, value) => {
    for (const read of [readConsole, readNetwork, readActions]) {
      const { entries, unreadable } = read(value)
      expect(unreadable).toBeGreaterThanOrEqual(0)
      for (const entry of entries) for (const member of Object.values(entry)) expect(['string', 'number', 'object']).toContain(typeof member)
    }
    for (const [name, fact] of readMetadata(value)) {
      expect(typeof name).toBe('string')
      expect(typeof fact).toBe('string')
    }
    expect(typeof text(value)).toBe('string')
    expect(typeof json(value)).toBe('string')
    expect(pageOf(value)).toBeNull()
    expect(browserOf(value)).toBe('')
  })

  it('is limited in number and length', () => {
    const many = readConsole(Array.from({ length: 5000 }, () => ({ message: 'x'.repeat(30_000) })))
    expect(many.entries).toHaveLength(1000)
    expect(many.unreadable).toBe(4000)
    expect(many.entries[0]?.message.length).toBeLessThan(20_010)
  })

  it('never makes a link that runs', () => {
    for (const bad of ['javascript:alert(1)', 'JaVaScRiPt:alert(1)', ' data:text/html,x', 'file:///etc/passwd', 'blob:x', '/relative', '', 5, null, {}]) {
      expect(webLink(bad)).toBeNull()
    }
    expect(webLink('https://bank.example/pay?a=1')).toBe('https://bank.example/pay?a=1')
  })

  it('shows pictures of this server only', () => {
    expect(pictureLink('https://evil.example/x.png', 'https://bugs.example')).toBeNull()
    expect(pictureLink('data:image/png;base64,AAAA', 'https://bugs.example')).toBeNull()
    expect(pictureLink(null, 'https://bugs.example')).toBeNull()
    expect(pictureLink('https://bugs.example/p?s=1', 'https://bugs.example')).toBe('https://bugs.example/p?s=1')
  })
})

describe('honest evidence', () => {
  const at = Date.UTC(2026, 10, 23, 12)

  it('reads what the widget sends', () => {
    expect(readConsole([{ level: 'error', message: 'boom', timestamp: at, stack: 'at x' }]).entries).toEqual([
      { level: 'error', message: 'boom', stack: 'at x', time: at },
    ])
    expect(readNetwork([{ method: 'post', url: 'https://a.example', status: 500, duration: 12, timestamp: at, responseHeaders: { a: 'b' } }]).entries).toEqual([
      { method: 'POST', url: 'https://a.example', status: 500, duration: 12, start: at, requestHeaders: [], responseHeaders: [['a', 'b']] },
    ])
    expect(readActions([{ type: 'click', target: 'button', timestamp: at, data: { x: 1, y: 2 } }]).entries[0]?.data).toBe('x 1, y 2')
  })

  it('puts requests on one axis', () => {
    const { entries } = readNetwork([
      { url: 'a', timestamp: at, duration: 100 },
      { url: 'b', timestamp: at + 50, duration: 200 },
      { url: 'c' },
    ])
    expect(timeAxis(entries)).toEqual({ from: at, length: 250 })
    expect(timeAxis([])).toEqual({ from: 0, length: 0 })
  })

  it('flattens device data', () => {
    expect(readMetadata({ viewport: { width: 800, height: 600 }, performance: { lcp: 1 }, none: null })).toEqual([
      ['viewport', '800 × 600'],
      ['performance.lcp', '1'],
    ])
  })
})
