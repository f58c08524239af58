/** What a frame of the tab may show. */
import type { Reading } from '../contract.ts'

/** In CSS pixels: so far apart are the points at which the browser is asked what lies on top. */
const cell = 8

/**
 * The frame without all that is not an image, canvas or video on top of everything else: what
 * the browser finds above one, be it in a shadow root that nobody can look into, is left out.
 */
export function visible(frame: HTMLCanvasElement, holes: Reading['holes']): HTMLCanvasElement {
  const out = document.createElement('canvas')
  out.width = frame.width
  out.height = frame.height
  const c = out.getContext('2d')!
  c.fillStyle = '#ddd'
  c.fillRect(0, 0, out.width, out.height)
  const k = frame.width / innerWidth
  // What takes no clicks is found too, for as long as nobody can click.
  const found = new CSSStyleSheet()
  found.replaceSync('*{pointer-events:auto!important}')
  const before = document.adoptedStyleSheets
  document.adoptedStyleSheets = [...before, found]
  for (const { element, at } of holes) {
    const root = element.getRootNode() as Document | ShadowRoot
    const [left, upper] = [Math.max(0, at.x), Math.max(0, at.y)]
    const [right, bottom] = [Math.min(innerWidth, at.x + at.w), Math.min(innerHeight, at.y + at.h)]
    for (let y = upper; y < bottom; y += cell) {
      for (let x = left; x < right; x += cell) {
        const [w, h] = [Math.min(cell, right - x), Math.min(cell, bottom - y)]
        const top = root.elementFromPoint?.(x + w / 2, y + h / 2)
        // Frames have coordinates of their own; what lies above them is not known there.
        if (top !== element || element.ownerDocument !== document) continue
        c.drawImage(frame, x * k, y * k, w * k, h * k, x * k, y * k, w * k, h * k)
      }
    }
  }
  document.adoptedStyleSheets = before
  return out
}
