/** The form. It opens without asking the server anything, and loses nothing that was written. */
import type { Form, Host, Outcome, Report, Texts } from '../contract.ts'
import { el, fill, icon } from './dom.ts'
import { json } from '../core/json.ts'
import { drafts } from './draft.ts'
import { ending } from './ending.ts'
import { fields } from './fields.ts'
import { closeIcon, logo, trapFocus } from './frame.ts'
import { pictureField } from './picture.ts'
import { preview } from './preview.ts'
import { everything, hooked, png, reportOf } from './report.ts'
import { css } from './style.ts'
import { uuid7 } from './uuid.ts'

/** Between two reports, in milliseconds, as the original widget has it. */
const rest = 30_000

export function open(host: Host, t: Texts): Form {
  if (!host.memory.has('form')) host.style(css)
  host.memory.set('form', 'styled')
  const before = focused()
  const collected = host.collect()
  const draft = drafts(host.key, host.memory)
  const included = everything()
  const first = draft.read()
  let id = first.id || newID()
  let used = first.id !== '' // the words may have gone out under this id
  let sending = false
  let over = false
  let last: HTMLElement | null = null // had the focus

  const heading = el('h2', { id: 'bs-heading', tabIndex: -1 }, host.options.branding?.modalTitle ?? host.remote.modalTitle ?? t.form.heading)
  const dialog = el('dialog', { 'aria-labelledby': 'bs-heading' })
  const alert = el('p', { className: 'bad', role: 'alert' })
  const store = (): void => draft.write({ ...f.read(), id })
  const save = (): void => {
    if (used) id = newID()
    used = false
    store()
  }
  const f = fields(host, t, first, save)
  const shot = pictureField(host, t, dialog, save, () => (included.picture = true))
  const screenshots = host.options.enableScreenshot !== false && host.remote.enableScreenshot !== false

  const consoleBox = el('input', { type: 'checkbox', checked: true })
  consoleBox.addEventListener('change', () => (included.console = consoleBox.checked))
  const consoleLine = el('label', { className: 'check' }, consoleBox, el('span', {}, `${t.form.console} `, el('span', { className: 'hint' }, fill(t.form.consoleLines, { n: collected.console.length }))))
  const look = el('button', { type: 'button', className: 'link', onclick: () => showPreview() }, t.form.preview)
  const submit = el('button', { type: 'submit', className: 'main' }, t.form.send)
  const mark = host.options.branding?.showWatermark ?? host.remote.showWatermark ?? true
  const form = el(
    'form',
    { noValidate: true },
    el('div', { className: 'body' }, ...f.elements, screenshots && shot.element, ...f.last, collected.console.length > 0 && consoleLine, el('div', {}, look), alert),
    el('footer', {}, mark && el('span', { className: 'mark' }, 'BugSpark'), el('button', { type: 'button', className: 'plain', onclick: () => leave() }, t.form.cancel), submit),
  )
  const header = el('header', {}, logo(host), heading, el('button', { type: 'button', className: 'icon', 'aria-label': t.form.close, onclick: () => leave() }, icon(closeIcon)))
  dialog.append(header, form)

  const report = hooked(host, () => reportOf(host, f.read(), collected, included, id, f.trap.value))

  function showPreview(): void {
    const chosen = shot.chosen()
    const back = (): void => {
      view.remove()
      form.hidden = false
      heading.textContent = host.options.branding?.modalTitle ?? host.remote.modalTitle ?? t.form.heading
      consoleBox.checked = included.console
      look.focus()
    }
    const view = el(
      'form',
      { noValidate: true, onsubmit: (e: Event) => (e.preventDefault(), back()) },
      preview({ text: t, collected, included, picture: screenshots ? chosen : null, recording: host.options.enableSessionRecording === true && host.remote.enableSessionRecording !== false, report, fail: host.fail }),
      el('footer', {}, el('button', { type: 'submit', className: 'plain' }, t.preview.back)),
    )
    form.hidden = true
    heading.textContent = t.preview.heading
    dialog.append(view)
    heading.focus()
  }

  /** Closes, and asks before when something was written. */
  function leave(): void {
    if (over || sending || dialog.querySelector('.ask')) return finish()
    const d = f.read()
    if (d.title.trim() === '' && d.description.trim() === '' && !shot.chosen()) return finish()
    const was = host.root.activeElement as HTMLElement | null
    const keep = el('button', { type: 'button', className: 'main', onclick: () => (ask.remove(), setInert(false), was?.focus()) }, t.form.keep)
    const discard = el('button', { type: 'button', className: 'plain', onclick: () => (draft.clear(), (over = true), finish()) }, t.form.discard)
    const ask = el(
      'div',
      { className: 'ask' },
      el(
        'div',
        { role: 'alertdialog', 'aria-modal': 'true', 'aria-labelledby': 'bs-ask', 'aria-describedby': 'bs-ask-why' },
        el('strong', { id: 'bs-ask' }, t.form.closeQuestion),
        el('p', { id: 'bs-ask-why' }, t.form.closeExplained),
        el('div', { className: 'tools' }, discard, el('button', { type: 'button', className: 'plain', onclick: () => finish() }, t.form.close), keep),
      ),
    )
    dialog.append(ask)
    setInert(true)
    keep.focus()
  }
  function setInert(on: boolean): void {
    for (const e of [header, form, ...dialog.querySelectorAll('form')]) e.toggleAttribute('inert', on)
  }
  function finish(): void {
    if (dialog.open) dialog.close()
    closed()
  }
  function closed(): void {
    if (dialog.open || !dialog.isConnected) return // it was shown again, or has gone
    const d = f.read()
    // Under the address that the page has now, where an empty form would take the words of another.
    if (!over && !sending && d.title + d.description !== '') store()
    dialog.remove()
    host.closed()
    before()
  }

  async function send(): Promise<void> {
    if (sending) return
    alert.textContent = ''
    const wrong = f.check()
    if (wrong) return wrong.focus()
    const wait = pauseLeft(host)
    if (wait > 0) return problem(fill(t.problem.pause, { n: Math.ceil(wait / 1000) }))
    sending = true
    const body = form.querySelector<HTMLElement>('.body')
    if (body) body.inert = true // what is typed now would not be sent
    submit.setAttribute('aria-disabled', 'true')
    submit.textContent = t.form.sending
    try {
      await shot.ready()
      store()
      used = true
      const words = json(draft.read())
      const r = await report()
      if (r === null) return problem(t.problem.cancelled)
      const chosen = screenshots && included.picture ? shot.chosen() : null
      const pictures: Blob[] = []
      if (chosen) {
        pictures.push(await png(chosen.plain))
        if (chosen.annotated) pictures.push(await png(chosen.annotated))
      }
      const sender = await host.part('sender')
      outcome(await sender.send(host, { report: r, pictures }), r, words)
    } catch (e) {
      host.fail(e)
      problem(t.problem.unknown)
    } finally {
      sending = false
      if (body) body.inert = false
      submit.removeAttribute('aria-disabled')
      submit.textContent = t.form.send
    }
  }
  function problem(text: string): void {
    if (!dialog.isConnected) return host.say(text)
    alert.textContent = text
    alert.scrollIntoView({ block: 'nearest' })
  }
  function outcome(o: Outcome, r: Report, words: string): void {
    if (o.state === 'lost') return problem(t.problem.unknown)
    if (o.state === 'refused') {
      host.fail(new Error(`BugSpark: the server refused the report: ${o.reason}`))
      return problem(t.problem[o.reason])
    }
    // The form may have been closed meanwhile, and something else written in another.
    if (json(draft.read()) === words) draft.clear()
    id = newID()
    over = true
    host.memory.set('sent', String(Date.now()))
    try {
      sessionStorage.setItem('bugspark:sent', String(Date.now()))
    } catch {
      // The widget's own memory counts.
    }
    form.remove()
    header.remove()
    dialog.append(ending(t, o, () => finish()))
    dialog.querySelector<HTMLElement>('h2')?.focus()
    try {
      host.options.onSubmit?.(r)
    } catch (e) {
      host.fail(e)
    }
  }

  form.addEventListener('submit', (e) => {
    e.preventDefault()
    void send()
  })
  dialog.addEventListener('cancel', (e) => {
    e.preventDefault()
    leave()
  })
  dialog.addEventListener('close', closed)
  dialog.addEventListener('focusin', (e) => (last = e.target as HTMLElement))
  dialog.addEventListener('paste', (e) => screenshots && shot.take((e as ClipboardEvent).clipboardData) && e.preventDefault())
  dialog.addEventListener('dragover', (e) => e.preventDefault())
  dialog.addEventListener('drop', (e) => {
    e.preventDefault()
    if (screenshots) shot.take((e as DragEvent).dataTransfer)
  })
  // The page must not act on keys that are typed here, nor close its own things on Escape.
  for (const name of ['keydown', 'keyup', 'keypress']) dialog.addEventListener(name, (e) => e.stopPropagation())
  dialog.addEventListener('keydown', (e) => {
    if ((e as KeyboardEvent).key === 'Escape' && !e.defaultPrevented) {
      e.preventDefault()
      const ask = dialog.querySelector('.ask')
      if (ask) ask.querySelector<HTMLElement>('.main')?.click()
      else leave()
    }
    trapFocus(dialog, e as KeyboardEvent)
  })

  ;(host.root.querySelector('.bs') ?? host.root).append(dialog)
  dialog.showModal()
  f.title.focus()
  // So that a report can be kept when the network goes away while it is written.
  host.part('sender').catch(() => {})
  return {
    close: () => finish(),
    focus: () => f.title.focus(),
    show() {
      const was = last
      if (dialog.open) dialog.close()
      dialog.showModal()
      was?.focus()
    },
    destroy() {
      dialog.removeEventListener('close', closed)
      dialog.remove()
    },
  }

  /** Returns what puts the focus back to where it was. */
  function focused(): () => void {
    const inside = host.root.activeElement as HTMLElement | null
    const e = inside ?? (document.activeElement as HTMLElement | null)
    return () => {
      try {
        e?.focus?.({ preventScroll: true })
      } catch {
        // It is gone.
      }
    }
  }
}

function newID(): string {
  return uuid7(Date.now(), crypto.getRandomValues(new Uint8Array(16)))
}

/** How long a visitor still waits before the next report, in milliseconds. */
function pauseLeft(host: Host): number {
  let last = Number(host.memory.get('sent') ?? 0)
  try {
    last = Math.max(last, Number(sessionStorage.getItem('bugspark:sent') ?? 0))
  } catch {
    // The widget's own memory counts.
  }
  const passed = Date.now() - last
  return passed >= 0 && passed < rest ? rest - passed : 0
}

