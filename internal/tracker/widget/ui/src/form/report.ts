import type { Collected, Host, Report } from '../contract.ts'
import { json } from '../core/json.ts'
import type { Draft } from './draft.ts'

/** What the visitor lets go out. */
export interface Included {
  picture: boolean
  console: boolean
  network: boolean
  actions: boolean
  device: boolean
}

export const everything = (): Included => ({ picture: true, console: true, network: true, actions: true, device: true })

export function reportOf(host: Host, d: Omit<Draft, 'id'>, c: Collected, i: Included, id: string, trap: string): Report {
  const reporter = String(d.email.trim() || (host.reporter() ?? ''))
  return {
    title: d.title.trim(),
    description: d.description.trim(),
    severity: d.severity,
    category: d.category,
    ...(reporter !== '' ? { reporter_identifier: reporter.slice(0, 255) } : {}),
    console_logs: i.console ? c.console : [],
    network_logs: i.network ? c.network : [],
    user_actions: i.actions ? c.actions : [],
    metadata: i.device ? c.metadata : {},
    submission_id: id,
    ...(trap !== '' ? { hpField: trap.slice(0, 500) } : {}),
  }
}

/** A hook that never answers must not keep the visitor for ever. In milliseconds. */
const patience = 30_000

async function answered<T>(hook: T | Promise<T>): Promise<T> {
  let timer = 0
  const late = new Promise<never>((_, fail) => (timer = window.setTimeout(() => fail(new Error('BugSpark: beforeSend did not answer')), patience)))
  return Promise.race([hook, late]).finally(() => clearTimeout(timer))
}

/** As it will be sent: structuredClone refuses what frameworks wrap their objects in. */
const copied = (r: Report): Report => JSON.parse(json(r)) as Report

/**
 * What the page's beforeSend makes of the report, or null when it stops it. It gets a copy, and as
 * long as the report is the same it is not asked again: what the visitor has seen is what goes out.
 */
export function hooked(host: Host, report: () => Report): () => Report | null | Promise<Report | null> {
  let asked = ''
  let answer: Report | null = null
  return () => {
    const r = report()
    const hook = host.options.beforeSend
    if (!hook) return r
    const text = json(r)
    if (answer && asked === text) return answer
    return (async () => {
      const made = await answered(hook(copied(r)))
      asked = text
      answer = made === null || typeof made !== 'object' ? null : copied({ ...made, submission_id: r.submission_id })
      return answer
    })()
  }
}

/** The members whose text a person gets to see, in the order in which the message has them. */
export const exact = (r: Report, keys: string[]): string =>
  json({ ...r, ...(keys[0] ? { screenshot_url: keys[0] } : {}), ...(keys[1] ? { annotated_screenshot_url: keys[1] } : {}) })

/** The server takes 10 MiB. */
const largest = 10 << 20

/** A canvas as PNG, made smaller until the server takes it. */
export async function png(canvas: HTMLCanvasElement): Promise<Blob> {
  for (let c = canvas, i = 0; i < 8; i++) {
    const blob = await new Promise<Blob | null>((resolve) => c.toBlob(resolve, 'image/png'))
    if (!blob) break
    if (blob.size <= largest) return blob
    const smaller = document.createElement('canvas')
    smaller.width = Math.max(1, Math.round(c.width * 0.7))
    smaller.height = Math.max(1, Math.round(c.height * 0.7))
    smaller.getContext('2d')?.drawImage(c, 0, 0, smaller.width, smaller.height)
    c = smaller
  }
  throw new Error('BugSpark: the picture cannot be written')
}
