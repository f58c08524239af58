/** Shows everything that will be sent, byte for byte, and lets parts be left out. */
import type { Collected, Report, Texts } from '../contract.ts'
import { json } from '../core/json.ts'
import { el, fill } from './dom.ts'
import { exact, type Included } from './report.ts'

export interface PreviewOptions {
  text: Texts
  collected: Collected
  included: Included
  picture: { plain: HTMLCanvasElement; annotated: HTMLCanvasElement | null } | null
  /** Whether the visitor's actions are recorded. */
  recording: boolean
  /** The report as it goes out with what is included now; null when the page stops it. */
  report(): Report | null | Promise<Report | null>
  fail(error: unknown): void
}

export function preview(o: PreviewOptions): HTMLElement {
  const t = o.text.preview
  const message = el('pre', { className: 'exact', tabIndex: 0, role: 'region', 'aria-label': t.exact })
  const notice = el('p', { className: 'bad', role: 'status' })
  const bytes = el('span', { className: 'hint' })
  const fillers: ((r: Report) => void)[] = []
  let latest = 0
  const refresh = (): void => {
    const turn = ++latest
    notice.textContent = ''
    const told = (r: Report | null): void => {
      if (turn === latest) show(r)
    }
    try {
      const r = o.report()
      if (!(r instanceof Promise)) return told(r)
      message.textContent = '…'
      r.then(told).catch((e: unknown) => {
        o.fail(e)
        if (turn === latest) notice.textContent = o.text.problem.unknown
      })
    } catch (e) {
      o.fail(e)
      notice.textContent = o.text.problem.unknown
    }
  }
  const show = (r: Report | null): void => {
    if (r === null) {
      bytes.textContent = message.textContent = ''
      notice.textContent = o.text.problem.cancelled
      return
    }
    const keys = o.picture && o.included.picture ? [`[${t.pictureKey}]`, ...(o.picture.annotated ? [`[${t.pictureKey}]`] : [])] : []
    const text = exact(r, keys)
    message.textContent = text
    bytes.textContent = fill(t.bytes, { n: new TextEncoder().encode(text).length.toLocaleString() })
    for (const f of fillers) f(r)
  }
  const part = (name: keyof Included, title: string, content: Node): HTMLElement => {
    const box = el('input', { type: 'checkbox', checked: o.included[name], 'aria-label': `${t.include}: ${title}` })
    box.addEventListener('change', () => {
      o.included[name] = box.checked
      refresh()
    })
    return el('div', { className: 'part' }, box, el('details', {}, el('summary', {}, title), content))
  }
  /** What of the report stands in a part; of one that is left out, what was collected. */
  const lines = (name: keyof Included, member: 'console_logs' | 'network_logs' | 'user_actions' | 'metadata', otherwise: unknown[]): HTMLElement => {
    const place = el('div', {})
    const put = (all: unknown[]): void =>
      place.replaceChildren(all.length === 0 ? el('p', { className: 'hint' }, t.empty) : el('pre', { tabIndex: 0 }, all.map((x) => json(x, ' ')).join('\n')))
    put(otherwise)
    fillers.push((r) => {
      const v = r[member] as unknown
      if (o.included[name]) put(v === undefined ? [] : Array.isArray(v) ? v : [v])
    })
    return place
  }
  const shown = (c: HTMLCanvasElement): HTMLCanvasElement => {
    const copy = el('canvas', { className: 'preview', role: 'img', 'aria-label': o.text.form.pictureAlt })
    copy.width = Math.min(840, c.width)
    copy.height = Math.max(1, Math.round((c.height * copy.width) / c.width))
    copy.getContext('2d')?.drawImage(c, 0, 0, copy.width, copy.height)
    return copy
  }
  const c = o.collected
  const element = el(
    'div',
    { className: 'body' },
    el('p', {}, t.explained),
    notice,
    o.picture && part('picture', t.picture, el('div', { className: 'shots' }, shown(o.picture.plain), o.picture.annotated && shown(o.picture.annotated))),
    part('console', fill(t.console, { n: c.console.length }), lines('console', 'console_logs', c.console)),
    part('network', fill(t.network, { n: c.network.length }), lines('network', 'network_logs', c.network)),
    (o.recording || c.actions.length > 0) && part('actions', fill(t.actions, { n: c.actions.length }), lines('actions', 'user_actions', c.actions)),
    part('device', t.device, lines('device', 'metadata', [c.metadata])),
    el('div', { className: 'part' }, el('details', {}, el('summary', {}, t.exact, ' ', bytes), message)),
  )
  refresh()
  return element
}
