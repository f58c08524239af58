import { afterEach, describe, expect, it } from 'vitest'
import { json } from '../src/core/json.ts'
import { emptyDraft } from '../src/form/draft.ts'
import { exact } from '../src/form/report.ts'
import { bodies } from '../src/sender/wire.ts'
import type { Report } from '../src/contract.ts'

const report: Report = { title: 't "q" \u00e9\u4e2d\ud800', description: '', severity: 'low', category: 'bug', console_logs: [{ level: 'log', message: 'm', timestamp: 1 }], network_logs: [], user_actions: [], metadata: { a: [1, null], when: new Date(0) }, submission_id: 'x' }

describe('json', () => {
  afterEach(() => {
    for (const proto of [Object, Array, String, Number, Boolean]) delete (proto.prototype as { toJSON?: unknown }).toJSON
  })
  it('writes what JSON.stringify writes', () => {
    for (const v of [report, emptyDraft(), [], {}, [[], {}, [undefined, () => 1]], { u: undefined, n: NaN, f: () => 1, nested: { deep: [{}] } }, 'x', 1, true, null, new Date(5)]) {
      expect(json(v)).toBe(JSON.stringify(v))
      expect(json(v, ' ')).toBe(JSON.stringify(v, null, 1))
    }
  })
  it('is the same on a page that writes its own toJSON', () => {
    const entry = { id: 'x', endpoint: '', key: '', report, pictures: [], keys: ['k'], uploadedAt: 0, createdAt: 0 }
    const all = (): string[] => [...bodies(entry), exact(report, ['k'])]
    const before = all()
    for (const proto of [Object, Array, String, Number, Boolean]) (proto.prototype as { toJSON?: unknown }).toJSON = () => 'of the page'
    expect(all()).toEqual(before)
  })
})
