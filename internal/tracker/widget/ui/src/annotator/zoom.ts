/** How the picture lies on the surface: a point of it is at x + scale * px, in CSS pixels. */
import { clamp, type Size } from './geometry.ts'

export interface View { scale: number; x: number; y: number }

/** Space between picture and edge, in CSS pixels. */
const margin = 20
const most = 8

/** The whole picture, and no larger than it is. */
export function fit(picture: Size, surface: Size): View {
  const room = (a: number, b: number): number => Math.max(1, a - 2 * margin) / b
  const scale = Math.min(1, room(surface.width, picture.width), room(surface.height, picture.height))
  return settle({ scale, x: 0, y: 0 }, picture, surface)
}

/** Keeps the picture in sight: in the middle where it is smaller than the surface, else up to its edges. */
export function settle(v: View, picture: Size, surface: Size): View {
  const along = (at: number, long: number, room: number): number =>
    long + 2 * margin <= room + 0.5 ? (room - long) / 2 : clamp(at, room - long - margin, margin)
  return {
    scale: v.scale,
    x: along(v.x, picture.width * v.scale, surface.width),
    y: along(v.y, picture.height * v.scale, surface.height),
  }
}

/** Zooms so that what is at cx, cy of the surface stays there. */
export function zoom(v: View, factor: number, cx: number, cy: number, picture: Size, surface: Size): View {
  const low = fit(picture, surface).scale
  const scale = clamp(v.scale * factor, low, Math.max(most, low))
  const k = scale / v.scale
  return settle({ scale, x: cx - (cx - v.x) * k, y: cy - (cy - v.y) * k }, picture, surface)
}

/** Moves the picture so that the point x, y of it is in sight. */
export function reveal(v: View, x: number, y: number, picture: Size, surface: Size): View {
  const edge = 40
  const by = (at: number, room: number): number => (at < edge ? edge - at : at > room - edge ? room - edge - at : 0)
  return settle({ scale: v.scale, x: v.x + by(v.x + x * v.scale, surface.width), y: v.y + by(v.y + y * v.scale, surface.height) }, picture, surface)
}
