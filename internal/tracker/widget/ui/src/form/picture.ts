/** The part of the form with the picture: take, share, choose, draw on it, remove. */
import type { Annotated, Drawing, Host, Parts, Picture, Texts } from '../contract.ts'
import { el, icon } from './dom.ts'

export interface Chosen {
  /** Without anything drawn on it. */
  base: Picture
  drawing: Drawing | null
  plain: HTMLCanvasElement
  annotated: HTMLCanvasElement | null
}

export interface PictureField {
  element: HTMLElement
  chosen(): Chosen | null
  /** Takes a picture out of a paste or a drop, if there is one. */
  take(data: DataTransfer | null): boolean
  /** Resolves when no picture is being taken. */
  ready(): Promise<void>
}

const camera = ['M3 6.5h3l1.4-2h5.2l1.4 2h3v9.5H3z', 'M10 8.2a3 3 0 1 0 0 6 3 3 0 0 0 0-6z']
const screen_ = ['M2.5 4h15v10h-15z', 'M7 17h6M10 14v3']
const file = ['M10 13V4M6.5 7.5 10 4l3.5 3.5', 'M4 13v3h12v-3']
const pen = ['M4 16l1-4 8.5-8.5 3 3L8 15z']
const again = ['M16 10a6 6 0 1 1-2-4.5', 'M16.5 3v3.5H13']
const bin = ['M4 6h12M8 6V4h4v2M6 6l.7 10h6.6L14 6']

/** dialog is hidden while the browser takes a picture of the screen; changed runs after every change. */
export function pictureField(host: Host, t: Texts, dialog: HTMLDialogElement, changed: () => void, added: () => void): PictureField {
  let chosen: Chosen | null = null
  let busy = false
  let waiting: (() => void)[] = []
  const status = el('p', { className: 'hint', role: 'status' })
  const body = el('div', { className: 'shot' })
  const input = el('input', { type: 'file', accept: 'image/*', hidden: true, tabIndex: -1, 'aria-hidden': 'true' })
  const element = el('div', { className: 'field', role: 'group', 'aria-label': t.form.picture }, el('span', { className: 'label' }, t.form.picture), body, status, input)

  const request = () => ({ ignore: host.element, privacy: host.privacy })
  const use = (p: Picture, note = ''): void => {
    added()
    chosen = { base: p, drawing: null, plain: p.canvas, annotated: null }
    status.textContent = [note, p.covered > 0 ? t.form.covered : '', p.missing.length > 0 ? t.problem.missing : ''].filter(Boolean).join(' ')
  }
  /** Runs one way of getting a picture; only one at a time, and the focus stays in the form. */
  const run = async <K extends 'capture' | 'file'>(name: K, f: (part: Parts[K]) => Promise<void>, problem: string): Promise<void> => {
    if (busy) return
    busy = true
    element.setAttribute('aria-busy', 'true')
    status.textContent = t.form.capturing
    try {
      const part = await host.part(name)
      try {
        await f(part)
      } catch (e) {
        status.textContent = problem
        host.fail(e)
      }
    } catch (e) {
      status.textContent = t.problem.part
      host.fail(e)
    }
    if (status.textContent === t.form.capturing) status.textContent = ''
    element.removeAttribute('aria-busy')
    free()
    draw()
    changed()
  }
  const free = (): void => {
    busy = false
    waiting.forEach((f) => f())
    waiting = []
  }
  const capture = (): Promise<void> => run('capture', async (part) => use(await part.capture(request())), t.problem.picture)
  const share = (): Promise<void> =>
    run('capture', async (part) => {
      const sharing = await host.part('share')
      dialog.style.visibility = 'hidden'
      try {
        const p = await sharing.share(request(), part)
        if (p) use(p, p.own ? '' : t.problem.foreign)
      } finally {
        dialog.style.visibility = ''
      }
    }, t.problem.picture)
  const read = (blob: Blob): Promise<void> => run('file', async (part) => use(await part.read(blob)), t.problem.file)
  const annotate = async (): Promise<void> => {
    if (!chosen || busy) return
    busy = true
    const now = chosen
    try {
      const part = await host.part('annotator')
      if (!host.memory.has('annotator')) host.style(part.css)
      host.memory.set('annotator', 'styled')
      const done: Annotated | null = await part.annotate({ into: dialog, picture: now.base.canvas, drawing: now.drawing, text: t.annotator, color: '#e02020' })
      if (done) chosen = { ...now, ...done }
    } catch (e) {
      status.textContent = t.problem.part
      host.fail(e)
    }
    free()
    draw('annotate')
    changed()
  }
  const remove = (): void => {
    chosen = null
    status.textContent = ''
    draw()
    changed()
  }
  input.addEventListener('change', () => {
    const f = input.files?.[0]
    input.value = ''
    if (f) void read(f)
  })

  const button = (name: string, paths: string[], text: string, onclick: () => unknown, quiet = true): HTMLButtonElement =>
    el('button', { type: 'button', className: quiet ? 'tool' : 'tool wide', 'data-do': name, onclick }, icon(...paths), el('span', {}, text))

  /** Shows what there is, and puts the focus back where it was or where it belongs. */
  const draw = (focus?: string): void => {
    const had = host.root.activeElement
    const inside = had !== null && body.contains(had)
    body.replaceChildren()
    if (chosen) {
      const shown = chosen.annotated ?? chosen.plain
      const view = el('canvas', { className: 'preview', role: 'img', 'aria-label': t.form.pictureAlt })
      const scale = Math.min(1, 840 / shown.width)
      view.width = Math.max(1, Math.round(shown.width * scale))
      view.height = Math.max(1, Math.round(shown.height * scale))
      view.getContext('2d')?.drawImage(shown, 0, 0, view.width, view.height)
      body.append(view, el('div', { className: 'tools' }, button('annotate', pen, t.form.annotate, annotate), button('retake', again, t.form.retake, capture), button('remove', bin, t.form.remove, remove)))
    } else {
      body.append(button('capture', camera, t.form.capture, capture, false))
    }
    const more = el('div', { className: 'tools' })
    if (typeof navigator.mediaDevices?.getDisplayMedia === 'function') {
      const b = button('share', screen_, t.form.share, share)
      b.title = t.form.shareHint
      more.append(b)
    }
    more.append(button('choose', file, t.form.choose, () => input.click()), el('span', { className: 'hint' }, t.form.dropHint))
    body.append(more)
    if (inside || focus) (body.querySelector<HTMLElement>(`[data-do=${focus ?? (chosen ? 'annotate' : 'capture')}]`) ?? body.querySelector('button'))?.focus()
  }
  draw()
  return {
    element,
    chosen: () => chosen,
    ready: () => (busy ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve()),
    take(data) {
      const f = [...(data?.files ?? [])].find((x) => x.type.startsWith('image/'))
      if (f) void read(f)
      return f !== undefined
    },
  }
}
