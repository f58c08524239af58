/** Images, and what must not be drawn because it would make the canvas unreadable. */
import type { Picture } from '../contract.ts'
import { position } from './css.ts'
import { trace, type Box, innerRadii, type Sides } from './box.ts'
import type { Rect } from './geometry.ts'
import type { Context } from './scene.ts'

export type Missing = Picture['missing'][number]

/** Origins of which an image may be loaded: those that know of the page anyway. */
function allowed(url: URL): boolean {
  return url.protocol === 'data:' || url.origin === location.origin || url.origin === new URL(import.meta.url).origin
}

export type Source = HTMLImageElement | HTMLCanvasElement | HTMLVideoElement | SVGImageElement

export class Images {
  private loaded = new Map<string, Promise<HTMLImageElement | null>>()
  private ready = new Map<string, HTMLImageElement>()
  private readable = new Map<Source, boolean>()
  private scratch: Context | null = null
  constructor(private note: (what: Missing) => void) {}

  want(address: string): void {
    if (this.loaded.has(address)) return
    let url: URL
    try {
      url = new URL(address, document.baseURI)
    } catch {
      return
    }
    if (!allowed(url)) {
      this.note('image')
      return
    }
    const image = new Image()
    const done = new Promise<HTMLImageElement | null>((resolve) => {
      image.onload = () => resolve(image)
      image.onerror = () => resolve(null)
    })
    image.src = url.href
    this.loaded.set(address, done.then((i) => {
      if (i && this.safe(i)) this.ready.set(address, i)
      return i
    }))
  }

  /** Waits for what was wanted, at most so many milliseconds. */
  async settle(most: number): Promise<void> {
    if (this.loaded.size === 0) return
    let timer = 0
    const late = new Promise<void>((done) => { timer = window.setTimeout(done, most) })
    await Promise.race([Promise.all(this.loaded.values()), late])
    clearTimeout(timer)
  }

  get(address: string): HTMLImageElement | null {
    return this.ready.get(address) ?? null
  }

  /** Whether a source can be drawn and the canvas still be read. */
  safe(source: Source): boolean {
    const known = this.readable.get(source)
    if (known !== undefined) return known
    let fine = false
    try {
      if (!this.scratch) {
        const canvas = document.createElement('canvas')
        canvas.width = canvas.height = 1
        this.scratch = canvas.getContext('2d', { willReadFrequently: true })
      }
      this.scratch!.drawImage(source, 0, 0, 1, 1)
      this.scratch!.getImageData(0, 0, 1, 1)
      fine = true
    } catch {
      this.scratch = null // once unreadable, always
    }
    this.readable.set(source, fine)
    return fine
  }
}

/** What stands for content that cannot be drawn. */
export function paintMissing(c: Context, r: Rect): void {
  c.fillStyle = '#ddd'
  c.fillRect(r.x, r.y, r.w, r.h)
}

/** Where a picture of w by h lies in its box. */
export function fitted(style: CSSStyleDeclaration, box: Rect, w: number, h: number): Rect {
  const how = style.objectFit
  if (how === 'fill' || !(w > 0 && h > 0)) return box
  let k = how === 'cover' ? Math.max(box.w / w, box.h / h) : Math.min(box.w / w, box.h / h)
  if (how === 'none') k = 1
  if (how === 'scale-down') k = Math.min(1, k)
  const [x, y] = position(style.objectPosition, box, w * k, h * k)
  return { x, y, w: w * k, h: h * k }
}

export function paintSource(c: Context, b: Box, source: CanvasImageSource, w: number, h: number): void {
  const to = fitted(b.style, b.content, w, h)
  c.save()
  c.beginPath()
  const by: Sides = [b.content.y - b.border.y, b.border.x + b.border.w - b.content.x - b.content.w, b.border.y + b.border.h - b.content.y - b.content.h, b.content.x - b.border.x]
  trace(c, b.content, innerRadii(b.radii, by))
  c.clip()
  c.imageSmoothingEnabled = b.style.imageRendering !== 'pixelated'
  c.imageSmoothingQuality = 'medium'
  c.drawImage(source, to.x, to.y, to.w, to.h)
  c.restore()
}
