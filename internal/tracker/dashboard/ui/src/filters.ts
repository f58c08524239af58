// The list's filters, and their one spelling in the address bar: defaults are
// left out, so that equal filters are equal addresses.

import { severities, statuses, type Severity, type Status } from './api/types'

export const sortKeys = ['createdAt', 'updatedAt', 'severity', 'status', 'title', 'trackingId'] as const
export type SortKey = (typeof sortKeys)[number]

export interface Filters {
  project: string // empty is every project
  status: Status[] // empty is every status
  severity: Severity[] // empty is every severity
  search: string
  sort: SortKey
  ascending: boolean
  page: number
}

export const openStatuses: Status[] = ['new', 'triaging', 'in_progress']
export const pageSize = 50

export const defaults: Filters = {
  project: '',
  status: openStatuses,
  severity: [],
  search: '',
  sort: 'createdAt',
  ascending: false,
  page: 1,
}

const longestSearch = 200
const lastPage = 1_000_000
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Reads an address; whatever it does not understand becomes the default. */
export function decode(search: string): Filters {
  const query = new URLSearchParams(search)
  const status = query.get('status')
  const sort = query.get('sort') ?? ''
  const key = sortKeys.find((k) => k === sort.replace(/^-/, ''))
  const project = query.get('project') ?? ''
  const page = Number(query.get('page') ?? 1)
  const chosen = members(status, statuses)
  return {
    project: uuid.test(project) ? project.toLowerCase() : '',
    status: status === 'all' ? [] : chosen.length > 0 ? chosen : defaults.status,
    severity: members(query.get('severity'), severities),
    search: (query.get('q') ?? '').slice(0, longestSearch),
    sort: key ?? defaults.sort,
    ascending: key !== undefined && !sort.startsWith('-'),
    page: Number.isInteger(page) && page >= 1 && page <= lastPage ? page : 1,
  }
}

/** Writes an address query with its question mark, or nothing for the defaults. */
export function encode(f: Filters): string {
  const out: string[] = []
  const put = (name: string, value: string) => out.push(`${name}=${encodeURIComponent(value).replace(/%2C/g, ',')}`)
  if (f.project) put('project', f.project)
  if (f.status.length === 0 || f.status.length === statuses.length) put('status', 'all')
  else if (!same(f.status, defaults.status)) put('status', ordered(f.status, statuses).join(','))
  if (f.severity.length > 0 && f.severity.length < severities.length) put('severity', ordered(f.severity, severities).join(','))
  if (f.search.trim()) put('q', f.search.trim())
  if (f.sort !== defaults.sort || f.ascending) put('sort', (f.ascending ? '' : '-') + f.sort)
  if (f.page > 1) put('page', String(f.page))
  return out.length > 0 ? `?${out.join('&')}` : ''
}

/** A change of what is looked for starts again at the first page. */
export function change(f: Filters, to: Partial<Filters>): Filters {
  return { ...f, page: 1, ...to }
}

/** The same list as the server wants to be asked for it. */
export function toQuery(f: Filters): Record<string, string | number | undefined> {
  return {
    project_id: f.project || undefined,
    status: f.status.length > 0 ? ordered(f.status, statuses).join(',') : undefined,
    severity: f.severity.length > 0 ? ordered(f.severity, severities).join(',') : undefined,
    search: f.search.trim() || undefined,
    sort_by: f.sort,
    sort_order: f.ascending ? 'asc' : 'desc',
    page: f.page,
    page_size: pageSize,
  }
}

/** Whether anything but the project narrows the list beyond the default. */
export function narrowed(f: Filters): boolean {
  return f.search.trim() !== '' || f.severity.length > 0 || !same(f.status, defaults.status)
}

export function toggle<T>(list: readonly T[], item: T): T[] {
  return list.includes(item) ? list.filter((x) => x !== item) : [...list, item]
}

function members<T extends string>(text: string | null, known: readonly T[]): T[] {
  const given = new Set((text ?? '').split(','))
  return known.filter((k) => given.has(k))
}

function ordered<T>(list: readonly T[], order: readonly T[]): T[] {
  return order.filter((x) => list.includes(x))
}

function same<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((x) => b.includes(x))
}

/** Whether a place is a page of this server, but none of this application. */
export function otherPage(target: string): boolean {
  return /^\/widget\//.test(target)
}

/** A place on this server to go to after signing in, never another site. */
export function localPath(target: string | null, origin: string): string {
  if (!target || !target.startsWith('/') || /^\/[/\\]/.test(target) || /[\u0000-\u001f]/.test(target)) return '/bugs'
  try {
    const url = new URL(target, origin)
    return url.origin === origin && !/^\/(\/|sign-in)/.test(url.pathname) ? url.pathname + url.search + url.hash : '/bugs'
  } catch {
    return '/bugs'
  }
}
