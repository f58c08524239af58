import { describe, expect, it } from 'vitest'
import type { Report } from '../src/contract.ts'
import { expired, limits, within, type Entry } from '../src/sender/queue.ts'
import { bodies } from '../src/sender/wire.ts'

const report: Report = { title: 't', description: '', severity: 'low', category: 'bug', console_logs: [], network_logs: [], user_actions: [], metadata: {}, submission_id: 'x' }
const entry = (id: string, createdAt: number, bytes = 0): Entry => ({ id, endpoint: '', key: '', report, pictures: [new Blob([new Uint8Array(bytes)])], keys: [], uploadedAt: 0, createdAt })

describe('the queue', () => {
  it('keeps the newest', () => {
    const all = Array.from({ length: 9 }, (_, i) => entry(String(i), i))
    expect(within(all).map((e) => e.id)).toEqual(['8', '7', '6', '5', '4'])
    expect(within([entry('old', 1, 20 << 20), entry('new', 2, 10 << 20)]).map((e) => e.id)).toEqual(['new'])
  })
  it('lets an entry wait three days, whatever the clock said when it was made', () => {
    const now = Date.now()
    expect(limits.age).toBe(3 * 24 * 3600 * 1000)
    expect(expired(entry('a', now - limits.age - 1), now)).toBe(true)
    expect(expired(entry('a', now - limits.age + 1000), now)).toBe(false)
    expect(expired(entry('a', now + 400 * 86_400_000), now)).toBe(false)
  })
})

describe('the body', () => {
  it('has the keys last, and gets smaller for a server that does not take it', () => {
    const lines = Array.from({ length: 50 }, (_, i) => ({ level: 'log' as const, message: 'x'.repeat(100), timestamp: i }))
    const [whole, half, least] = bodies({ ...entry('a', 1), report: { ...report, console_logs: lines }, keys: ['k1', 'k2'] })
    expect(whole).toMatch(/"submission_id":"x","screenshot_url":"k1","annotated_screenshot_url":"k2"}$/)
    expect(half!.length).toBeLessThan(whole!.length)
    expect(JSON.parse(least!)).toMatchObject({ title: 't', console_logs: [], screenshot_url: 'k1', submission_id: 'x' })
  })
})
