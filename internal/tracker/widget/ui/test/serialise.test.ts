import { describe, expect, it } from 'vitest'
import { secretName } from '../src/core/secret.ts'
import { message, stack, value } from '../src/core/serialise.ts'

const v = (x: unknown): string => value(x, secretName)

describe('value', () => {
  it('writes what a developer expects', () => {
    expect(v({ a: 1, b: [true, null, undefined], c: 'x' })).toBe('{"a":1,"b":[true,null,undefined],"c":"x"}')
    expect(v(new Map([['k', 1]]))).toBe('Map{"k"=>1}')
    expect(v(12n)).toBe('12n')
    expect(v(new Date(0))).toBe('1970-01-01T00:00:00.000Z')
  })
  it('hides members whose names tell of a secret', () => expect(v({ user: 'ada', password: 'x', nested: { apiKey: 'y' } })).toBe('{"user":"ada","password":"[hidden]","nested":{"apiKey":"[hidden]"}}'))
  it('calls nothing of the page', () => {
    let called = 0
    const trap = {
      get lazily() {
        called++
        return 1
      },
      toJSON() {
        called++
        throw new Error('no')
      },
      toString() {
        called++
        return ''
      },
    }
    expect(v(trap)).toContain('"lazily":[getter]')
    expect(called).toBe(0)
  })
  it('survives cycles, depth, size and proxies that throw', () => {
    const cycle: { [name: string]: unknown } = {}
    cycle.self = cycle
    expect(v(cycle)).toBe('{"self":[cycle]}')
    const big = { text: 'x'.repeat(10 << 20), list: Array.from({ length: 1e6 }, (_, i) => i) }
    expect(v(big).length).toBeLessThan(1100)
    const hostile = new Proxy({}, { ownKeys: () => { throw new Error('no') }, getPrototypeOf: () => { throw new Error('no') } })
    expect(v({ hostile })).toBe('{"hostile":[unreadable]}')
  })
})

describe('names and values', () => {
  it('belong together, wherever they stand', () => {
    expect(message(['password', 'hunter2'], secretName)).toBe('password [hidden]')
    expect(message(['token:', 'abc', 5], secretName)).toBe('token: [hidden] 5')
    expect(message(['%cpassword', 'color:red', 'hunter2'], secretName)).toBe('password [hidden]')
    expect(message(['password %s', 'hunter2'], secretName)).toBe('password [hidden]')
    expect(v([['password', 'hunter2']])).toBe('[["password","[hidden]"]]')
    expect(v({ name: 'password', value: 'hunter2' })).toBe('{"name":"password","value":"[hidden]"}')
    expect(stack(new Error('x', { cause: { pin: '1234' } }), secretName)).not.toContain('1234')
  })
  it('are not shown by a cut', () => {
    for (const most of [300, 1000, 8000]) {
      const text = 'x'.repeat(most - 10) + ' 4111 1111 1111 1111'
      expect(message([most === 8000 ? text : { a: text, b: text }], secretName)).not.toContain('4111')
    }
  })
})

describe('message', () => {
  it('joins and formats as the console does', () => {
    expect(message(['a', 1, { b: 2 }], secretName)).toBe('a 1 {"b":2}')
    expect(message(['%s is %d%% %cred', 'x', 5, 'color:red', 'more'], secretName)).toBe('x is 5% red more')
  })
  it('is bounded', () => expect(message(['x'.repeat(10 << 20)], secretName).length).toBeLessThan(8010))
})

describe('stack', () => {
  it('tells causes, also in a cycle', () => {
    const a = new Error('outer', { cause: new Error('inner') })
    ;(a.cause as Error).cause = a
    const text = stack(a, secretName)
    expect(text).toContain('outer')
    expect(text).toContain('Caused by: Error: inner')
  })
  it('is absent for what is no error', () => expect(stack('x', secretName)).toBeUndefined())
})

describe('objects with very many members', () => {
  it('are asked once for their names, and cost little after that', () => {
    let asked = 0
    const names = Array.from({ length: 300_000 }, (_, i) => `k${i}`)
    const of = (): object => new Proxy({}, { ownKeys: () => names, getOwnPropertyDescriptor: () => (asked++, { value: 1, enumerable: true, configurable: true }) })
    v(of())
    expect(asked).toBeLessThan(200) // for..in asks for all 300000
    const start = performance.now()
    for (let i = 0; i < 50; i++) v(of())
    expect(performance.now() - start).toBeLessThan(200)
    expect(v(of())).toBe('{…}')
  })
})
