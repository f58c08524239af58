/** The fields that a visitor fills in. */
import type { Category, Host, Severity, Texts } from '../contract.ts'
import { el } from './dom.ts'
import type { Draft } from './draft.ts'

const severities: Severity[] = ['low', 'medium', 'high', 'critical']
const categories: Category[] = ['bug', 'ui', 'performance', 'crash', 'other']

export interface Fields {
  elements: HTMLElement[]
  /** After the picture. */
  last: HTMLElement[]
  trap: HTMLInputElement
  read(): Omit<Draft, 'id'>
  /** Marks what is wrong and returns the first such field. */
  check(): HTMLElement | null
  title: HTMLInputElement
}

export function fields(host: Host, t: Texts, d: Draft, changed: () => void): Fields {
  const problems = new Map<HTMLElement, HTMLElement>()
  const field = (id: string, label: string, control: HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement, hint: string, optional = false): HTMLElement => {
    control.id = `bs-${id}`
    const bad = el('p', { className: 'bad', id: `bs-${id}-bad` })
    const said = hint === '' ? null : el('p', { className: 'hint', id: `bs-${id}-hint` }, hint)
    control.setAttribute('aria-describedby', [said?.id, bad.id].filter(Boolean).join(' '))
    problems.set(control, bad)
    control.addEventListener('input', () => {
      mark(control, '')
      changed()
    })
    return el('div', { className: 'field' }, el('label', { htmlFor: control.id }, label, optional && el('span', { className: 'optional' }, ` (${t.form.optional})`)), control, said, bad)
  }
  const mark = (control: HTMLElement, text: string): boolean => {
    const bad = problems.get(control)
    if (bad && bad.textContent !== text) bad.textContent = text
    if (text === '') control.removeAttribute('aria-invalid')
    else control.setAttribute('aria-invalid', 'true')
    return text !== ''
  }
  const title = el('input', { type: 'text', maxLength: 300, autocomplete: 'off', required: true, value: d.title, enterKeyHint: 'next' })
  const description = el('textarea', { maxLength: 5000, value: d.description, rows: 3 })
  const email = el('input', { type: 'email', maxLength: 255, autocomplete: 'email', value: d.email || host.options.user?.email || '' })
  const category = el('select', {}, ...categories.map((c) => el('option', { value: c }, t.form.categories[c])))
  category.value = categories.includes(d.category) ? d.category : 'bug'
  const radios = severities.map((s) => el('input', { type: 'radio', name: 'bs-severity', value: s, checked: s === d.severity }))
  if (!radios.some((r) => r.checked)) radios[0]!.checked = true
  const labels = radios.map((r, i) => el('label', {}, r, t.form.severities[severities[i]!]))
  const light = (): void => labels.forEach((l, i) => l.toggleAttribute('data-on', radios[i]!.checked))
  light()
  for (const r of radios) {
    r.addEventListener('change', () => {
      light()
      changed()
    })
  }
  // People do not see it; robots fill it in.
  const trap = el('input', { type: 'text', name: 'website', tabIndex: -1, autocomplete: 'off', 'aria-hidden': 'true' })
  return {
    title,
    trap,
    elements: [
      field('title', t.form.title, title, t.form.titleHint),
      field('description', t.form.description, description, t.form.descriptionHint, true),
    ],
    last: [
      el('fieldset', {}, el('legend', {}, t.form.severity), el('div', { className: 'choices' }, ...labels)),
      el('div', { className: 'row' }, field('category', t.form.category, category, ''), field('email', t.form.email, email, t.form.emailHint, true)),
      el('div', { className: 'trap', 'aria-hidden': 'true' }, trap),
    ],
    read: () => ({
      title: title.value,
      description: description.value,
      email: email.value,
      severity: severities[radios.findIndex((r) => r.checked)] ?? 'low',
      category: category.value as Category,
    }),
    check() {
      const length = title.value.trim().length
      const wrong = [
        mark(title, length < 3 ? t.problem.title : length > 200 ? t.problem.titleLong : '') && title,
        mark(email, email.value.trim() !== '' && !/^[^\s@]+@[^\s@]+$/.test(email.value.trim()) ? t.problem.email : '') && email,
      ]
      return wrong.find((w): w is HTMLInputElement => w !== false) ?? null
    },
  }
}
