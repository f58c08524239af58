/** Shows everything that will be sent, byte for byte, and lets parts be left out. */
import type { Collected, Report, Texts } from '../contract.ts'
import { el, fill } from './dom.ts'
import { exact, type Included } from './report.ts'

export interface PreviewOptions {
  text: Texts
  collected: Collected
  included: Included
  picture: { plain: HTMLCanvasElement; annotated: HTMLCanvasElement | null } | null
  /** The report as it stands with what is included now. */
  report(): Report
}

export function preview(o: PreviewOptions): HTMLElement {
  const t = o.text.preview
  const message = el('pre', { className: 'exact', tabIndex: 0, role: 'region', 'aria-label': t.exact })
  const bytes = el('span', { className: 'hint' })
  const refresh = (): void => {
    const keys = o.picture && o.included.picture ? [`[${t.pictureKey}]`, ...(o.picture.annotated ? [`[${t.pictureKey}]`] : [])] : []
    const text = exact(o.report(), keys)
    message.textContent = text
    bytes.textContent = fill(t.bytes, { n: new TextEncoder().encode(text).length.toLocaleString() })
  }
  const part = (name: keyof Included, title: string, content: Node): HTMLElement => {
    const box = el('input', { type: 'checkbox', checked: o.included[name], 'aria-label': `${t.include}: ${title}` })
    box.addEventListener('change', () => {
      o.included[name] = box.checked
      refresh()
    })
    return el('div', { className: 'part' }, box, el('details', {}, el('summary', {}, title), content))
  }
  const lines = (all: unknown[]): HTMLElement =>
    all.length === 0 ? el('p', { className: 'hint' }, t.empty) : el('pre', { tabIndex: 0 }, all.map((x) => JSON.stringify(x, null, 1)).join('\n'))
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
    o.picture && part('picture', t.picture, el('div', { className: 'shots' }, shown(o.picture.plain), o.picture.annotated && shown(o.picture.annotated))),
    part('console', fill(t.console, { n: c.console.length }), lines(c.console)),
    part('network', fill(t.network, { n: c.network.length }), lines(c.network)),
    part('actions', fill(t.actions, { n: c.actions.length }), lines(c.actions)),
    part('device', t.device, lines([c.metadata])),
    el('div', { className: 'part' }, el('details', {}, el('summary', {}, t.exact, ' ', bytes), message)),
  )
  refresh()
  return element
}
