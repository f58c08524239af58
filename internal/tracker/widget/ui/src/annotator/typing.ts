/** The field over the picture in which a text is typed. */
import { make, type Listen } from './dom.ts'
import { font, halo } from './shapes.ts'
import type { View } from './zoom.ts'

export interface Typing {
  /** x and y are the start and the middle of the line, in pixels of the picture, as is size. */
  open(x: number, y: number, size: number, color: string): void
  isOpen(): boolean
  /** Keeps what was typed, or not. */
  close(keep: boolean): void
  /** Follows the picture. */
  follow(v: View): void
}

/** How many characters a text has at most. */
const longest = 200

/** finish gets what was typed, which may be nothing, and whether a key ended it. */
export function newTyping(surface: HTMLElement, label: string, listen: Listen, finish: (text: string, x: number, y: number, byKey: boolean) => void): Typing {
  const input = make('input', 'bsa-type', { type: 'text', 'aria-label': label, maxlength: String(longest), autocomplete: 'off', spellcheck: 'false', dir: 'auto' })
  const measure = document.createElement('canvas').getContext('2d')
  let at: { x: number; y: number; size: number } | null = null
  let view: View = { scale: 1, x: 0, y: 0 }

  const close = (keep: boolean, byKey = false): void => {
    if (!at) return
    const { x, y } = at
    at = null // first: removing the field makes it lose the focus, which comes here again
    const text = keep ? input.value.trim() : ''
    input.remove()
    finish(text, x, y, byKey)
  }
  const lay = (): void => {
    if (!at) return
    const size = Math.max(16, at.size * view.scale) // below 16 px an iPhone zooms the page
    input.style.font = font(size)
    input.style.left = `${view.x + at.x * view.scale}px`
    input.style.top = `${view.y + at.y * view.scale}px`
    if (measure) measure.font = font(size)
    input.style.width = `${Math.ceil((measure?.measureText(input.value).width ?? 0) + size * 1.5 + 12)}px`
  }
  listen(input, 'input', lay)
  listen(input, 'blur', () => close(true))
  listen<KeyboardEvent>(input, 'keydown', (e) => {
    // Safari ends the composition before it tells of the Enter that ended it; 229 is that Enter.
    if (e.isComposing || e.keyCode === 229) return
    if (e.key !== 'Enter' && e.key !== 'Escape') return
    e.preventDefault()
    close(e.key === 'Enter', true)
  })
  for (const type of ['pointerdown', 'pointermove', 'pointerup', 'wheel']) listen(input, type, (e) => e.stopPropagation())
  return {
    open(x, y, size, color) {
      at = { x, y, size }
      input.value = ''
      input.style.color = color
      input.style.backgroundColor = halo(color)
      lay()
      surface.append(input)
      input.focus({ preventScroll: true })
    },
    isOpen: () => at !== null,
    close,
    follow(v) {
      view = v
      lay()
    },
  }
}
