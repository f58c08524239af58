/** Background colours and images. */
import { innerRadii, trace, type Box, type Radii, type Sides } from './box.ts'
import { address, length, split, transparent } from './css.ts'
import { type Rect } from './geometry.ts'
import { paintGradient } from './gradient.ts'
import type { Images } from './image.ts'
import type { Context } from './scene.ts'

function area(b: Box, name: string | undefined): { r: Rect; radii: Radii } {
  if (name === 'padding-box') return { r: b.padding, radii: innerRadii(b.radii, b.widths) }
  if (name === 'content-box') {
    const by: Sides = [b.content.y - b.border.y, 0, 0, b.content.x - b.border.x]
    by[1] = b.border.w - b.content.w - by[3]
    by[2] = b.border.h - b.content.h - by[0]
    return { r: b.content, radii: innerRadii(b.radii, by) }
  }
  return { r: b.border, radii: b.radii }
}

/** The addresses of all images of a style that have to be loaded before painting. */
export function addresses(style: CSSStyleDeclaration): string[] {
  const image = style.backgroundImage
  if (image === 'none' || !image.includes('url(')) return []
  return split(image).map(address).filter((a): a is string => a !== null)
}

/**
 * view is set for the root's background, which covers the whole canvas, and for images that
 * are fixed to the window.
 */
export function paintBackground(c: Context, b: Box, images: Images, window: Rect, root = false): void {
  const style = b.style
  const image = style.backgroundImage
  const clips = split(style.backgroundClip)
  if (clips.includes('text')) return
  const at = <T>(list: T[], i: number): T | undefined => list[i % list.length]
  const layers = image === 'none' ? [] : split(image)
  const color = style.backgroundColor
  const last = root ? { r: window, radii: [] } : area(b, at(clips, Math.max(0, layers.length - 1)))
  if (!transparent(color)) {
    c.fillStyle = color
    c.beginPath()
    trace(c, last.r, root ? undefined : last.radii)
    c.fill()
  }
  if (layers.length === 0) return
  const sizes = split(style.backgroundSize)
  const positions = split(style.backgroundPosition)
  const repeats = split(style.backgroundRepeat)
  const origins = split(style.backgroundOrigin)
  const attached = split(style.backgroundAttachment)
  for (let i = layers.length - 1; i >= 0; i--) {
    const { r, radii } = root ? { r: window, radii: undefined } : area(b, at(clips, i))
    const from = at(attached, i) === 'fixed' ? window : area(b, at(origins, i) ?? 'padding-box').r
    c.save()
    c.beginPath()
    trace(c, r, radii)
    c.clip()
    tile(c, layers[i]!, images, b, from, r, at(sizes, i) ?? 'auto', at(positions, i) ?? '0% 0%', at(repeats, i) ?? 'repeat')
    c.restore()
  }
}

/** At most so many tiles are drawn; more are a pattern that nobody can tell apart. */
const mostTiles = 20000

function tile(c: Context, image: string, images: Images, b: Box, from: Rect, over: Rect, size: string, position: string, repeat: string): void {
  const url = address(image)
  const source = url === null ? null : images.get(url)
  if (url !== null && !source) return
  let [w, h] = tileSize(size, from, source ? source.naturalWidth : 0, source ? source.naturalHeight : 0)
  const [rx = 'repeat', ry = rx] = split(repeat, ' ')
  const xAxis = rx === 'repeat-y' ? 'no-repeat' : rx === 'repeat-x' ? 'repeat' : rx
  const yAxis = rx === 'repeat-x' ? 'no-repeat' : rx === 'repeat-y' ? 'repeat' : ry
  if (!source) {
    w = b.snap(w)
    h = b.snap(h)
  }
  if (!(w > 0 && h > 0)) return
  const [px = '0%', py = '0%'] = split(position, ' ')
  const x0 = b.snap(from.x + length(px, from.w - w))
  const y0 = b.snap(from.y + length(py, from.h - h))
  const [x1, nx, dx] = axis(xAxis, x0, w, over.x, over.w)
  const [y1, ny, dy] = axis(yAxis, y0, h, over.y, over.h)
  if (nx * ny > mostTiles) return
  for (let j = 0; j < ny; j++) {
    for (let i = 0; i < nx; i++) {
      if (source) c.drawImage(source, x1 + i * dx, y1 + j * dy, w, h)
      else {
        c.save()
        c.translate(x1 + i * dx, y1 + j * dy)
        paintGradient(c, image, w, h)
        c.restore()
      }
    }
  }
}

/** First place, number of tiles, distance. Tiles that are to be spaced or resized are repeated. */
function axis(repeat: string, at: number, size: number, over: number, overSize: number): [number, number, number] {
  if (repeat === 'no-repeat') return [at, 1, size]
  const first = at - Math.ceil((at - over) / size) * size
  return [first, Math.max(0, Math.ceil((over + overSize - first) / size)), size]
}

/** A gradient has no size of its own: nw is 0. */
function tileSize(size: string, from: Rect, nw: number, nh: number): [number, number] {
  if (size === 'cover' || size === 'contain') {
    if (!nw || !nh) return [from.w, from.h]
    const k = (size === 'cover' ? Math.max : Math.min)(from.w / nw, from.h / nh)
    return [nw * k, nh * k]
  }
  const [sx = 'auto', sy = 'auto'] = split(size, ' ')
  let w = sx === 'auto' ? null : length(sx, from.w)
  let h = sy === 'auto' ? null : length(sy, from.h)
  if (w === null && h === null) [w, h] = nw ? [nw, nh] : [from.w, from.h]
  w ??= nh ? (h! * nw) / nh : from.w
  h ??= nw ? (w * nh) / nw : from.h
  return [w, h]
}
