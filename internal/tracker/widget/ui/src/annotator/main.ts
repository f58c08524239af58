/** The editor in which a visitor draws on a picture. */
import type { AnnotateRequest, Annotated, Drawing } from '../contract.ts'
import { button, fill, group, icon } from './dom.ts'
import { newHistory } from './history.ts'
import { flattened } from './shapes.ts'
import { newSurface, type Style, type Tool } from './surface.ts'

export { css } from './style.ts'

const tools: Tool[] = ['pen', 'arrow', 'rectangle', 'ellipse', 'text', 'blur', 'crop']
const colors = { red: '#e02020', orange: '#e07000', yellow: '#f2c200', green: '#188a3e', blue: '#1a66d6', black: '#111418' } as const
const widths = { thin: 2, medium: 4, thick: 8 } as const

export function annotate(r: AnnotateRequest): Promise<Annotated | null> {
  const t = r.text
  const history = newHistory(r.drawing ?? { shapes: [], crop: null })
  const style: Style = { tool: 'arrow', color: r.color, width: Math.max(widths.medium, Math.round(r.picture.width / 400)) }
  const scale = Math.max(1, Math.round(r.picture.width / 1600))
  const root = r.into.getRootNode() as ShadowRoot
  const before = root.activeElement as HTMLElement | null

  const editor = document.createElement('div')
  editor.className = 'bsa-editor'
  editor.setAttribute('role', 'dialog')
  editor.setAttribute('aria-modal', 'true')
  editor.setAttribute('aria-label', t.heading)
  const said = document.createElement('div')
  said.className = 'bsa-said'
  said.setAttribute('role', 'status')
  said.textContent = t.keyboard

  return new Promise((resolve, reject) => {
    const behind = [...r.into.children].filter((e): e is HTMLElement => e instanceof HTMLElement && !e.inert)
    const end = (result: () => Annotated | null): void => {
      watch.disconnect()
      editor.remove()
      for (const e of behind) e.inert = false
      before?.focus?.()
      try {
        resolve(result())
      } catch (e) {
        reject(e instanceof Error ? e : new Error(String(e)))
      }
    }
    const name = (tool: Tool): string => t[tool]
    const change = (next: Drawing, text: string): void => {
      history.add(next)
      said.textContent = text
      refresh()
    }
    const surface = newSurface({
      picture: r.picture,
      history,
      style,
      labels: { canvas: t.canvas, keyboard: t.keyboard, typeHere: t.typeHere },
      added(what) {
        said.textContent = fill(t.added, { shape: name(what) })
        refresh()
      },
      moved: (x, y) => (said.textContent = fill(t.place, { x, y })),
    })
    const step = (f: () => boolean): void => {
      f()
      refresh()
    }
    const undo = button(t.undo, icon('undo'), () => step(history.undo))
    const redo = button(t.redo, icon('redo'), () => step(history.redo))
    const toolButtons = tools.map((tool) => button(name(tool), icon(tool), () => ((style.tool = tool), surface.cancel(), refresh())))
    const colorButtons = (Object.keys(colors) as (keyof typeof colors)[]).map((c) => {
      const dot = document.createElement('span')
      dot.className = 'bsa-dot'
      dot.style.background = colors[c]
      return button(t.colors[c], dot, () => ((style.color = colors[c]), refresh()), 'bsa-color')
    })
    const widthButtons = (Object.keys(widths) as (keyof typeof widths)[]).map((w) => button(t.widths[w], icon('thin', String(widths[w] / 1.4)), () => ((style.width = widths[w] * scale), refresh())))
    style.width = widths.medium * scale

    const refresh = (): void => {
      tools.forEach((tool, i) => toolButtons[i]!.setAttribute('aria-pressed', String(style.tool === tool)))
      Object.values(colors).forEach((c, i) => colorButtons[i]!.setAttribute('aria-pressed', String(style.color === c)))
      Object.values(widths).forEach((w, i) => widthButtons[i]!.setAttribute('aria-pressed', String(style.width === w * scale)))
      undo.setAttribute('aria-disabled', String(!history.canUndo()))
      redo.setAttribute('aria-disabled', String(!history.canRedo()))
      surface.redraw()
    }
    const finished = (): Annotated => ({ drawing: history.now(), ...flattened(r.picture, history.now()) })
    const bar = document.createElement('div')
    bar.className = 'bsa-bar'
    const zoom = group(t.zoomReset, button(t.zoomOut, icon('zoomOut'), () => surface.zoom(0.8)), button(t.zoomIn, icon('zoomIn'), () => surface.zoom(1.25)), button(t.zoomReset, icon('zoomReset'), () => surface.fit()))
    zoom.classList.add('bsa-zoom')
    const endButtons = group(t.done, button(t.cancel, t.cancel, () => end(() => null), 'bsa-text'), button(t.done, t.done, () => end(finished), 'bsa-text bsa-done'))
    endButtons.classList.add('bsa-end')
    bar.append(group(t.heading, ...toolButtons), group(t.color, ...colorButtons), group(t.width, ...widthButtons), group(`${t.undo}, ${t.redo}`, undo, redo), zoom, endButtons)
    editor.append(bar, surface.element, said)

    editor.addEventListener('keydown', (e) => {
      e.stopPropagation()
      const key = e.key.toLowerCase()
      if ((e.ctrlKey || e.metaKey) && (key === 'z' || key === 'y')) {
        e.preventDefault()
        step(key === 'y' || e.shiftKey ? history.redo : history.undo)
      } else if (e.key === 'Delete' || e.key === 'Backspace') {
        const { shapes, crop } = history.now()
        const last = shapes[shapes.length - 1]
        if (last) change({ shapes: shapes.slice(0, -1), crop }, fill(t.deleted, { shape: name(last.tool) }))
      } else if (e.key === 'Escape') {
        e.preventDefault()
        if (!surface.cancel() && !history.canUndo()) end(() => null)
      } else if (e.key === 'Tab') {
        const all = [...editor.querySelectorAll<HTMLElement>('button,input,[tabindex]')].filter((x) => x.getClientRects().length > 0)
        const first = all[0]
        const last = all[all.length - 1]
        const to = e.shiftKey && root.activeElement === first ? last : !e.shiftKey && root.activeElement === last ? first : null
        if (to) {
          e.preventDefault()
          to.focus()
        }
      }
    })
    // What is pasted or dropped here is not for the form behind.
    for (const type of ['paste', 'drop', 'dragover', 'keyup']) editor.addEventListener(type, (e) => (type === 'keyup' ? e.stopPropagation() : (e.preventDefault(), e.stopPropagation())))
    const watch = new ResizeObserver(() => surface.fit())
    try {
      r.into.append(editor)
      for (const e of behind) e.inert = true
      watch.observe(surface.element)
      refresh()
      surface.fit()
      surface.element.focus()
    } catch (e) {
      editor.remove()
      for (const b of behind) b.inert = false
      reject(e instanceof Error ? e : new Error(String(e)))
    }
  })
}
