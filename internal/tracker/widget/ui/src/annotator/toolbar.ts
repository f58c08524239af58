/** The bars of buttons: tools, colours, widths, undo and redo, zoom, the end. */
import type { Texts } from '../contract.ts'
import { make, type Listen } from './dom.ts'
import { icon, type Icon } from './icons.ts'

export type Tool = 'pen' | 'arrow' | 'rectangle' | 'ellipse' | 'text' | 'blur' | 'crop'

export const tools: Tool[] = ['pen', 'arrow', 'rectangle', 'ellipse', 'text', 'blur', 'crop']

/** As dark as their names allow, so that each stands out from the others for colour-blind eyes as well. */
export const colors = { red: '#e02020', orange: '#e8710a', yellow: '#f7c948', green: '#1e8e3e', blue: '#1a66d6', black: '#111418' } as const

const names = ['thin', 'medium', 'thick'] as const

export interface Choices { tool: Tool; color: string; width: number; canUndo: boolean; canRedo: boolean }

export interface Commands {
  tool(tool: Tool): void
  color(color: string): void
  /** 0 is thin. */
  width(index: number): void
  undo(): void
  redo(): void
  zoom(factor: number | null): void
  done(): void
  cancel(): void
}

export interface Toolbar {
  /** Tools, colours and widths. */
  draw: HTMLElement
  /** Undo, redo and the end. */
  end: HTMLElement
  zoom: HTMLElement
  show(c: Choices): void
}

/** Makes the group one stop for Tab, within which the arrow keys move; radio buttons are chosen by that. */
function rove(group: HTMLElement, listen: Listen): void {
  listen<KeyboardEvent>(group, 'keydown', (e) => {
    const all = [...group.children] as HTMLElement[]
    const at = all.indexOf(e.target as HTMLElement)
    const right = getComputedStyle(group).direction === 'rtl' ? -1 : 1
    const steps: { [key: string]: number } = { ArrowRight: right, ArrowLeft: -right, ArrowDown: 1, ArrowUp: -1, Home: -at, End: all.length - 1 - at }
    const by = steps[e.key]
    if (at < 0 || by === undefined || e.ctrlKey || e.metaKey || e.altKey) return
    e.preventDefault()
    const next = all[(at + by + all.length) % all.length]!
    for (const b of all) b.tabIndex = b === next ? 0 : -1
    next.focus()
    if (next.getAttribute('role') === 'radio') next.click()
  })
}

/** Marks the chosen button of a group; it is the one that Tab reaches. */
function choose(group: HTMLElement, attribute: string, index: number): void {
  Array.from(group.children).forEach((b, i) => {
    b.setAttribute(attribute, String(i === index))
    ;(b as HTMLElement).tabIndex = i === Math.max(0, index) ? 0 : -1
  })
}

export function newToolbar(t: Texts['annotator'], listen: Listen, on: Commands): Toolbar {
  const button = (name: string, label: string, content: Node | string, f: () => void, attributes = {}): HTMLButtonElement => {
    const b = make('button', `bsa-button ${name}`, { type: 'button', ...(typeof content === 'string' ? {} : { 'aria-label': label, title: label }), ...attributes }, content)
    listen(b, 'click', () => b.getAttribute('aria-disabled') === 'true' || f())
    return b
  }
  const plain = (name: Icon, f: () => void): HTMLButtonElement => button('', t[name as 'undo'], icon(name), f, { 'data-do': name })

  const kinds = make('div', 'bsa-group', { role: 'toolbar', 'aria-label': t.heading }, ...tools.map((tool) => button('bsa-tool', t[tool], icon(tool), () => on.tool(tool), { 'data-do': tool })))
  const swatches = make('div', 'bsa-group', { role: 'radiogroup', 'aria-label': t.color }, ...Object.entries(colors).map(([name, color]) => {
    const dot = make('span', 'bsa-dot')
    dot.style.backgroundColor = color
    return button('bsa-color', t.colors[name as 'red'], dot, () => on.color(color), { role: 'radio', 'data-do': name })
  }))
  const lines = make('div', 'bsa-group', { role: 'radiogroup', 'aria-label': t.width }, ...names.map((name, i) =>
    button('bsa-tool', t.widths[name], icon('line', 1.6 + i * 2), () => on.width(i), { role: 'radio', 'data-do': name })))
  for (const g of [kinds, swatches, lines]) rove(g, listen)

  const undo = plain('undo', on.undo)
  const redo = plain('redo', on.redo)
  const cancel = button('bsa-cancel', t.cancel, t.cancel, on.cancel, { 'data-do': 'cancel' })
  const done = button('bsa-done', t.done, t.done, on.done, { 'data-do': 'done' })
  return {
    draw: make('div', 'bsa-draw', {}, kinds, swatches, lines),
    end: make('div', 'bsa-end', {}, make('div', 'bsa-group bsa-back', {}, undo, redo), cancel, done),
    zoom: make('div', 'bsa-zoom', {}, plain('zoomOut', () => on.zoom(0.8)), plain('zoomReset', () => on.zoom(null)), plain('zoomIn', () => on.zoom(1.25))),
    show(c) {
      choose(kinds, 'aria-pressed', tools.indexOf(c.tool))
      choose(swatches, 'aria-checked', (Object.values(colors) as string[]).indexOf(c.color))
      choose(lines, 'aria-checked', c.width)
      // Not the disabled property: a button that loses it while focused would lose the focus.
      undo.setAttribute('aria-disabled', String(!c.canUndo))
      redo.setAttribute('aria-disabled', String(!c.canRedo))
    },
  }
}
