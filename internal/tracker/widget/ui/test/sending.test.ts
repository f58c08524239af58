import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Host, Report } from '../src/contract.ts'
import { hooked } from '../src/form/report.ts'
import type { Entry } from '../src/sender/queue.ts'
import { deliver } from '../src/sender/wire.ts'

const report: Report = { title: 't', description: '', severity: 'low', category: 'bug', console_logs: [], network_logs: [], user_actions: [], metadata: { a: 1 }, submission_id: 'x' }
const entry = (pictures: Blob[] = []): Entry => ({ id: 'x', endpoint: 'https://s/api/v1', key: 'k', report, pictures, keys: [], uploadedAt: 0, createdAt: Date.now() })
const answer = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status })
const sending = (fetch: (url: string) => Response, connected = (): boolean => true) => ({
  host: { fetch: async (url: string) => fetch(url), element: { get isConnected() { return connected() } } } as unknown as Host,
  pause: async () => {},
  save: async () => {},
})
beforeEach(() => vi.stubGlobal('navigator', { onLine: true }))
afterEach(() => vi.unstubAllGlobals())

describe('the answer of the server', () => {
  for (const [status, body, reason] of [
    [400, { code: 'origin.not_allowed' }, 'origin'],
    [400, { code: 'report.robot' }, 'invalid'],
    [400, {}, 'invalid'],
    [400, { code: 7 }, 'invalid'],
    [422, { code: 'report.invalid' }, 'invalid'],
    [401, { code: 'project.inactive' }, 'inactive'],
    [401, { code: 'key.unknown' }, 'key'],
    [403, {}, 'key'],
  ] as const) {
    it(`${status} ${JSON.stringify(body)} is ${reason}`, async () => {
      expect(await deliver(entry(), sending(() => answer(status, body)))).toEqual({ state: 'refused', reason })
    })
  }
  it('to a picture of a page that is not allowed is the answer to the report', async () => {
    const asked: string[] = []
    expect(await deliver(entry([new Blob(['x'])]), sending((url) => (asked.push(url), answer(400, { code: 'origin.not_allowed' }))))).toEqual({ state: 'refused', reason: 'origin' })
    expect(asked.length).toBe(1)
  })
  for (const refused of [0, 1])
    it(`to ${refused ? 'the annotated picture' : 'the plain picture'} costs the report only that picture`, async () => {
      let n = 0
      let body = ''
      const s = sending(() => answer(200, {}))
      s.host.fetch = (async (url: string, init: RequestInit) => {
        if (url.endsWith('screenshot')) return n++ === refused ? answer(422, { code: 'picture.invalid' }) : answer(200, { key: `key${n}` })
        body = String(init.body)
        return answer(201, { id: 'r', trackingId: 'BUG-1' })
      }) as typeof fetch
      expect(await deliver(entry([new Blob(['x']), new Blob(['y'])]), s)).toEqual({ state: 'sent', trackingId: 'BUG-1', withoutPicture: true })
      expect([body.includes('"screenshot_url":"key1"'), body.includes('"annotated_screenshot_url":"key2"')]).toEqual([refused === 1, refused === 0])
    })
  it('to a picture of a project that has too many lets the report go without it', async () => {
    const s = sending((url) => (url.endsWith('screenshot') ? answer(429, { code: 'quota.reached' }) : answer(201, { id: 'r', trackingId: 'BUG-1' })))
    expect(await deliver(entry([new Blob(['x'])]), s)).toEqual({ state: 'sent', trackingId: 'BUG-1', withoutPicture: true })
  })
})

describe('a widget that was destroyed', () => {
  it('asks nothing more', async () => {
    let asked = 0
    const s = sending(() => (asked++, answer(503, {})), () => asked < 1)
    expect(await deliver(entry(), s)).toEqual({ state: 'later' })
    expect(asked).toBe(1)
    expect(await deliver(entry(), s)).toEqual({ state: 'later' })
    expect(asked).toBe(1)
  })
})

describe('beforeSend', () => {
  const host = (beforeSend: unknown): Host => ({ options: { beforeSend } }) as unknown as Host
  it('gets a copy, and is asked once for one report', async () => {
    let asked = 0
    let now = report
    const ask = hooked(host((r: Report) => (asked++, (r.metadata.a = asked), (r.submission_id = 'other'), r)), () => now)
    expect(await ask()).toMatchObject({ metadata: { a: 1 }, submission_id: 'x' })
    expect(await ask()).toMatchObject({ metadata: { a: 1 } })
    expect(asked).toBe(1)
    expect(report.metadata.a).toBe(1)
    now = { ...report, title: 'u' }
    expect(await ask()).toMatchObject({ title: 'u', metadata: { a: 2 } })
  })
  it('that stops a report is asked again, and one that fails too', async () => {
    let answers: unknown[] = [null, new Error('no'), 1]
    const ask = hooked(host(async () => { const v = answers.shift(); if (v instanceof Error) throw v; return v ?? (answers.length > 1 ? null : { ...report, title: 'v' }) }), () => report)
    expect(await ask()).toBeNull()
    await expect(ask()).rejects.toThrow('no')
    expect(await ask()).toBeNull()
    expect(await ask()).toMatchObject({ title: 'v' })
    expect(hooked(host(undefined), () => report)()).toBe(report)
  })
})
