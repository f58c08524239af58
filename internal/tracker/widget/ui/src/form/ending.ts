/** What a visitor sees when the report is on its way. */
import type { Outcome, Texts } from '../contract.ts'
import { el, fill, icon } from './dom.ts'

export function ending(t: Texts, o: Outcome, close: () => void): HTMLElement {
  const kept = o.state === 'kept'
  return el(
    'div',
    { className: 'end' },
    el('div', { className: 'sign' }, kept ? icon('M10 4.5v6l3.5 2', 'M10 2a8 8 0 1 0 0 16 8 8 0 0 0 0-16z') : icon('M4 10.5l4 4 8-9')),
    el('h2', { id: 'bs-heading', tabIndex: -1, role: 'heading' }, kept ? t.form.kept : t.form.sent),
    o.state === 'sent' && o.trackingId ? el('p', {}, fill(t.form.sentNumber, { id: o.trackingId })) : null,
    o.state === 'sent' && o.withoutPicture ? el('p', {}, t.form.sentWithoutPicture) : null,
    el('button', { type: 'button', className: 'main', onclick: close }, t.form.close),
  )
}
