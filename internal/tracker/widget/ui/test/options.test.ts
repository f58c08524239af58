import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { checked } from '../src/core/options.ts'
import type { Options } from '../src/contract.ts'

// The compiler is the test: a text that does not exist is an error, one that does is none.
// @ts-expect-error
export const wrong: Options = { endpoint: '', texts: { form: { headin: 'x' } } }
export const right: Options = { endpoint: '', texts: { form: { heading: 'x', severities: { low: 'y' } } } }

declare const process: { on(name: string, f: (e: unknown) => void): void; off(name: string, f: (e: unknown) => void): void }
const base: Options = { projectKey: 'k', endpoint: 'https://x/api/v1' }
let warn: ReturnType<typeof vi.spyOn>
beforeEach(() => {
  vi.stubGlobal('location', { href: 'https://shop.example/' })
  vi.stubGlobal('CSS', { supports: (_: string, v: string) => /^(?:#[0-9a-f]{3,6}|red)$/.test(v) })
  warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

describe('options that are unknown', () => {
  it('are told once, each with what is used instead', () => {
    const given = { ...base, position: 'middle', theme: 'pink', language: 'it', primaryColor: 'rosso', branding: { primaryColor: 'verde', textColor: 'blu' } } as unknown as Options
    const { options } = checked(given)
    expect(warn).toHaveBeenCalledTimes(1)
    const said = String(warn.mock.calls[0]?.[0])
    for (const text of ['position middle is unknown, bottom-right is used', 'theme pink is unknown, light is used', 'language it is unknown, auto is used', 'primaryColor rosso', 'primaryColor verde', 'textColor blu']) expect(said).toContain(text)
    expect(options).toMatchObject({ branding: {} })
    for (const v of [options.position, options.theme, options.language, options.primaryColor, options.branding?.primaryColor, options.branding?.textColor]) expect(v).toBeUndefined()
    expect(given.branding?.textColor).toBe('blu') // the page's own object stays
  })
  it('are not invented', () => {
    for (const o of [{}, { position: 'top-left', theme: 'auto', language: 'de-AT', primaryColor: '#05a', branding: { textColor: 'red' } }, { language: 'zh-TW' }, { language: 'it', texts: { form: {} } }]) checked({ ...base, ...o } as Options)
    expect(warn).not.toHaveBeenCalled()
  })
})

describe('hooks that are promises', () => {
  it('tell onError of their rejection, and nobody of that of onError', async () => {
    const unhandled: unknown[] = []
    const note = (e: unknown): void => void unhandled.push(e)
    process.on('unhandledRejection', note)
    const told: unknown[] = []
    const { options } = checked({ ...base, onOpen: async () => Promise.reject(new Error('open')), onSubmit: async () => Promise.reject(new Error('submit')), onError: async (e) => (told.push(e.message), Promise.reject(new Error('error'))) })
    options.onOpen?.()
    options.onSubmit?.({} as never)
    options.onError?.(new Error('direct'))
    await new Promise((resolve) => setTimeout(resolve, 20))
    process.off('unhandledRejection', note)
    expect(told.sort()).toEqual(['direct', 'open', 'submit'])
    expect(unhandled).toEqual([])
  })
})
