// One way to the server: JSON in and out, the CSRF header on every write, and
// one silent renewal of the session when it has run out.

export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 when no answer came. */
    readonly status: number,
    /** The server's sentence, empty when it had none. */
    readonly detail: string,
    readonly code: string | null = null,
    readonly requestId: string | null = null,
    /** Seconds to wait, from Retry-After. */
    readonly retryAfter: number | null = null,
  ) {
    super(detail || `status ${status}`)
    this.name = 'ApiError'
  }
}

type Query = Record<string, string | number | undefined>

export interface Call {
  query?: Query
  body?: unknown
  signal?: AbortSignal
}

export interface Surroundings {
  fetch: typeof fetch
  cookies: () => string
  /** Called once a renewal failed: whoever is signed in here is no more. */
  signedOut: () => void
  /** Called when the server insists on a new password first. */
  passwordExpired: () => void
}

const root = '/api/v1'
const csrfCookie = 'bugspark_csrf_token'

export function readCookie(cookies: string, name: string): string | null {
  for (const part of cookies.split(';')) {
    const at = part.indexOf('=')
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim()
  }
  return null
}

export class Client {
  private renewal: Promise<boolean> | null = null

  constructor(private readonly around: Surroundings) {}

  /** Whether there is any point in asking who is signed in. */
  maySession(): boolean {
    return readCookie(this.around.cookies(), csrfCookie) !== null
  }

  async request<T>(method: string, path: string, call: Call = {}): Promise<T> {
    let answer = await this.send(method, path, call)
    if (answer.status === 401 && !path.startsWith('/auth/login')) {
      if (await this.renew()) answer = await this.send(method, path, call)
      if (answer.status === 401) this.around.signedOut()
    }
    if (!answer.ok) {
      const error = await fault(answer)
      if (error.code === 'password.change_required') this.around.passwordExpired()
      throw error
    }
    if (answer.status === 204) return undefined as T
    try {
      return (await answer.json()) as T
    } catch {
      throw new ApiError(answer.status, '', 'answer.unreadable', answer.headers.get('X-Request-ID'))
    }
  }

  private async send(method: string, path: string, call: Call): Promise<Response> {
    const headers: Record<string, string> = { Accept: 'application/json' }
    if (method !== 'GET') {
      const token = readCookie(this.around.cookies(), csrfCookie)
      if (token !== null) headers['X-CSRF-Token'] = token
    }
    const init: RequestInit = { method, headers, credentials: 'same-origin', redirect: 'error' }
    if (call.body !== undefined) {
      headers['Content-Type'] = 'application/json'
      init.body = JSON.stringify(call.body)
    }
    if (call.signal) init.signal = call.signal
    try {
      return await this.around.fetch(root + path + queryString(call.query), init)
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') throw error
      throw new ApiError(0, '')
    }
  }

  /** Renews the session; calls at the same time share one request. */
  private renew(): Promise<boolean> {
    this.renewal ??= this.send('POST', '/auth/refresh', {})
      .then(
        (answer) => answer.ok,
        () => false,
      )
      .finally(() => {
        this.renewal = null
      })
    return this.renewal
  }
}

function queryString(query: Query | undefined): string {
  const out = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== '') out.set(name, String(value))
  }
  const text = out.toString()
  return text && `?${text}`
}

async function fault(answer: Response): Promise<ApiError> {
  let detail = ''
  let code: string | null = null
  try {
    const body: unknown = await answer.json()
    if (typeof body === 'object' && body !== null) {
      const { detail: d, code: c } = body as { detail?: unknown; code?: unknown }
      if (typeof d === 'string') detail = d
      if (typeof c === 'string') code = c
    }
  } catch {
    // Not JSON: a proxy or the maintenance page answered.
  }
  const wait = Number.parseInt(answer.headers.get('Retry-After') ?? '', 10)
  return new ApiError(answer.status, detail, code, answer.headers.get('X-Request-ID'), wait > 0 ? wait : null)
}
