import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError, Client, readCookie } from '../src/api/client'

type Handler = (method: string, path: string, init: RequestInit) => Response | Promise<Response>

const answer = (status: number, body: unknown = {}, headers: Record<string, string> = {}) =>
  new Response(status === 204 ? null : JSON.stringify(body), { status, headers })

let cookies: string
const signedOut = vi.fn()
const passwordExpired = vi.fn()

function client(handle: Handler): Client {
  return new Client({
    fetch: async (input, init) => handle(init?.method ?? 'GET', String(input), init ?? {}),
    cookies: () => cookies,
    signedOut,
    passwordExpired,
  })
}

async function failure(promise: Promise<unknown>): Promise<ApiError> {
  const error = await promise.then(
    () => null,
    (e: unknown) => e,
  )
  expect(error).toBeInstanceOf(ApiError)
  return error as ApiError
}

beforeEach(() => {
  cookies = 'x=1; bugspark_csrf_token=abc123'
  signedOut.mockReset()
  passwordExpired.mockReset()
})

describe('the client', () => {
  it('survives answers that are not what was agreed', async () => {
    expect((await failure(client(() => new Response('<html>', { status: 502 })).request('GET', '/x'))).status).toBe(502)
    expect((await failure(client(() => new Response('<html>', { status: 200 })).request('GET', '/x'))).code).toBe('answer.unreadable')
    expect((await failure(client(() => answer(422, { detail: [{ msg: 'x' }], code: 5 })).request('GET', '/x'))).detail).toBe('')
    expect((await failure(client(() => answer(400, null)).request('GET', '/x'))).detail).toBe('')
    expect((await failure(client(() => Promise.reject(new TypeError('failed'))).request('GET', '/x'))).status).toBe(0)
  })

  it('carries what the person needs to know', async () => {
    const e = await failure(
      client(() => answer(429, { detail: 'slow down' }, { 'Retry-After': '42', 'X-Request-ID': 'r-1' })).request('POST', '/auth/login'),
    )
    expect([e.detail, e.retryAfter, e.requestId]).toEqual(['slow down', 42, 'r-1'])
  })

  it('sends the CSRF header on writes only, as the cookie is at that moment', async () => {
    const seen: (string | undefined)[] = []
    const c = client((_m, _p, init) => {
      seen.push((init.headers as Record<string, string>)['X-CSRF-Token'])
      return answer(204)
    })
    await c.request('GET', '/x')
    await c.request('PATCH', '/x', { body: {} })
    cookies = 'bugspark_csrf_token=changed'
    await c.request('DELETE', '/x')
    cookies = ''
    await c.request('POST', '/x')
    expect(seen).toEqual([undefined, 'abc123', 'changed', undefined])
  })

  it('renews a session once for all that wait, then repeats them', async () => {
    let fresh = false
    let renewals = 0
    const c = client(async (method, path) => {
      if (path.endsWith('/auth/refresh')) {
        renewals++
        expect(method).toBe('POST')
        await Promise.resolve()
        fresh = true
        return answer(200)
      }
      return fresh ? answer(200, { path }) : answer(401)
    })
    await Promise.all([c.request('GET', '/a'), c.request('GET', '/b'), c.request('PATCH', '/c', { body: { a: 1 } })])
    expect(renewals).toBe(1)
    expect(signedOut).not.toHaveBeenCalled()
  })

  it('gives up after one renewal and says so', async () => {
    const paths: string[] = []
    const c = client((_m, path) => {
      paths.push(path)
      return path.endsWith('/auth/refresh') ? answer(200) : answer(401)
    })
    expect((await failure(c.request('GET', '/a'))).status).toBe(401)
    expect(paths).toEqual(['/api/v1/a', '/api/v1/auth/refresh', '/api/v1/a'])
    expect(signedOut).toHaveBeenCalledOnce()
  })

  it('does not renew on a wrong password', async () => {
    const paths: string[] = []
    const c = client((_m, path) => {
      paths.push(path)
      return answer(401, { detail: 'wrong' })
    })
    await failure(c.request('POST', '/auth/login', { body: {} }))
    expect(paths).toEqual(['/api/v1/auth/login'])
    expect(signedOut).not.toHaveBeenCalled()
  })

  it('tells when a one-time password must go first', async () => {
    await failure(client(() => answer(403, { detail: 'change it', code: 'password.change_required' })).request('GET', '/reports'))
    expect(passwordExpired).toHaveBeenCalledOnce()
  })

  it('builds queries without empty members', async () => {
    let asked = ''
    await client((_m, path) => {
      asked = path
      return answer(200)
    }).request('GET', '/reports', { query: { a: 'x & y', b: undefined, c: '', d: 2 } })
    expect(asked).toBe('/api/v1/reports?a=x+%26+y&d=2')
  })
})

describe('cookies', () => {
  it('are found by their whole name', () => {
    expect(readCookie('not_a=1; a=2=3;b', 'a')).toBe('2=3')
    expect(readCookie('', 'a')).toBeNull()
    expect(readCookie('aa=1', 'a')).toBeNull()
  })
})
