// Reads what a page sent along with a report. All of it is hostile: any member
// may have any type, so everything here returns plain values of known types and
// never throws. What does not fit is counted, and stays readable as raw JSON.

export type Level = 'error' | 'warn' | 'info' | 'log' | 'debug'
export const levels: Level[] = ['error', 'warn', 'info', 'log', 'debug']

export interface ConsoleEntry {
  level: Level
  message: string
  stack: string
  time: number | null
}

export interface NetworkEntry {
  method: string
  url: string
  status: number // 0 is a request that failed
  duration: number
  start: number | null
  requestHeaders: [string, string][]
  responseHeaders: [string, string][]
}

export interface ActionEntry {
  type: string
  target: string
  data: string
  time: number | null
}

/** Entries that could be read, and how many could not. */
export interface Entries<T> {
  entries: T[]
  unreadable: number
}

const longestText = 20_000
const mostEntries = 1_000
// Dates outside these years are somebody's joke, and Intl throws on some.
const earliest = Date.UTC(2000, 0)
const latest = Date.UTC(2100, 0)

type Members = Record<string, unknown>

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Text of anything, for people. */
export function text(value: unknown, limit = longestText): string {
  let out: string
  if (typeof value === 'string') out = value
  else if (value === null || value === undefined) out = ''
  else if (typeof value === 'number' || typeof value === 'boolean') out = String(value)
  else out = json(value, 0)
  return out.length > limit ? `${out.slice(0, limit)}…` : out
}

/** JSON of anything; a value JSON cannot hold becomes a remark. */
export function json(value: unknown, indent = 2): string {
  try {
    return JSON.stringify(value, null, indent) ?? ''
  } catch {
    return '(not representable)'
  }
}

function time(value: unknown): number | null {
  return typeof value === 'number' && value > earliest && value < latest ? value : null
}

function count(value: unknown, most: number): number {
  return typeof value === 'number' && value >= 0 && value <= most ? value : 0
}

function headers(value: unknown): [string, string][] {
  if (!isObject(value)) return []
  return Object.entries(value)
    .slice(0, 100)
    .map(([name, v]) => [text(name, 200), text(v, 2_000)])
}

function read<T>(value: unknown, one: (entry: Members) => T | null): Entries<T> {
  if (value === null || value === undefined) return { entries: [], unreadable: 0 }
  const list = Array.isArray(value) ? value : [value]
  const entries: T[] = []
  for (const raw of list.slice(0, mostEntries)) {
    const entry = isObject(raw) ? one(raw) : null
    if (entry !== null) entries.push(entry)
  }
  return { entries, unreadable: list.length - entries.length }
}

export function readConsole(value: unknown): Entries<ConsoleEntry> {
  return read(value, (e) => {
    if (!('message' in e) && !('stack' in e)) return null
    return {
      level: levels.find((l) => l === e.level) ?? 'log',
      message: text(e.message),
      stack: text(e.stack),
      time: time(e.timestamp),
    }
  })
}

export function readNetwork(value: unknown): Entries<NetworkEntry> {
  return read(value, (e) => {
    if (typeof e.url !== 'string' || e.url === '') return null
    return {
      method: text(e.method, 12).toUpperCase() || 'GET',
      url: text(e.url, 4_000),
      status: Math.trunc(count(e.status, 999)),
      duration: count(e.duration, 24 * 3_600_000),
      start: time(e.timestamp),
      requestHeaders: headers(e.requestHeaders),
      responseHeaders: headers(e.responseHeaders),
    }
  })
}

export function readActions(value: unknown): Entries<ActionEntry> {
  return read(value, (e) => {
    if (typeof e.type !== 'string' || e.type === '') return null
    return {
      type: text(e.type, 40),
      target: text(e.target, 500),
      data: e.data === undefined || e.data === null ? '' : isObject(e.data) ? pairs(e.data) : text(e.data, 500),
      time: time(e.timestamp),
    }
  })
}

function pairs(value: Members): string {
  return Object.entries(value)
    .slice(0, 12)
    .map(([name, v]) => `${text(name, 40)} ${text(v, 200)}`)
    .join(', ')
}

/** The axis all requests share: its start, its length, and where each bar lies. */
export function timeAxis(entries: NetworkEntry[]): { from: number; length: number } {
  const timed = entries.filter((e) => e.start !== null)
  if (timed.length === 0) return { from: 0, length: 0 }
  const from = Math.min(...timed.map((e) => e.start ?? 0))
  const to = Math.max(...timed.map((e) => (e.start ?? 0) + e.duration))
  return { from, length: Math.max(to - from, 1) }
}

/** Facts of the device as label and value, nested members by their path. */
export function readMetadata(value: unknown): [string, string][] {
  const out: [string, string][] = []
  const walk = (v: unknown, path: string, depth: number) => {
    if (out.length >= 200) return
    if (isSize(v)) out.push([path, `${v.width} × ${v.height}`])
    else if (isObject(v) && depth < 4) {
      for (const [name, inner] of Object.entries(v)) walk(inner, path ? `${path}.${name}` : name, depth + 1)
    } else if (v !== null && v !== undefined && v !== '') out.push([path.slice(0, 200), text(v, 2_000)])
  }
  if (isObject(value)) walk(value, '', 0)
  return out
}

function isSize(v: unknown): v is { width: number; height: number } {
  return isObject(v) && Object.keys(v).length === 2 && typeof v.width === 'number' && typeof v.height === 'number'
}

/** The address when it may be a link: http and https, nothing that runs. */
export function webLink(value: unknown): string | null {
  if (typeof value !== 'string') return null
  try {
    const url = new URL(value)
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : null
  } catch {
    return null
  }
}

/** The address of a picture, when the page's policy can show it. */
export function pictureLink(value: unknown, origin: string): string | null {
  if (typeof value !== 'string') return null
  try {
    const url = new URL(value, origin)
    return url.origin === origin ? url.href : null
  } catch {
    return null
  }
}

/** A short name for the page a report is about: host and path. */
export function pageOf(metadata: unknown): string | null {
  return isObject(metadata) ? webLink(metadata.url) : null
}

/** Browser and version out of a user agent, for people. */
export function browserOf(metadata: unknown): string {
  if (!isObject(metadata) || typeof metadata.userAgent !== 'string') return ''
  const agent = metadata.userAgent
  for (const [name, pattern] of [
    ['Edge', /Edg\/(\d+)/],
    ['Opera', /OPR\/(\d+)/],
    ['Firefox', /Firefox\/(\d+)/],
    ['Chrome', /Chrome\/(\d+)/],
    ['Safari', /Version\/(\d+)[\d.]* .*Safari/],
  ] as const) {
    const found = pattern.exec(agent)
    if (found) return `${name} ${found[1] ?? ''}`
  }
  return ''
}
