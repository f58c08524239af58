/** Where the picture is on the screen: a scale, and the place of its corner. */
export interface View {
  scale: number
  x: number
  y: number
}

export function fitted(width: number, height: number, room: { width: number; height: number }): View {
  const margin = 16
  const scale = Math.min(1, (room.width - 2 * margin) / width, (room.height - 2 * margin) / height)
  const s = Math.max(scale, 0.01)
  return { scale: s, x: (room.width - width * s) / 2, y: (room.height - height * s) / 2 }
}

/** Zooms by a factor, with the point of the screen staying where it is. */
export function zoomed(v: View, factor: number, x: number, y: number): View {
  const scale = Math.max(0.05, Math.min(8, v.scale * factor))
  const f = scale / v.scale
  return { scale, x: x - (x - v.x) * f, y: y - (y - v.y) * f }
}

/** A point of the screen in pixels of the picture, within it. */
export function toPicture(v: View, x: number, y: number, width: number, height: number): [number, number] {
  const clamp = (n: number, most: number): number => Math.round(Math.max(0, Math.min(most, n)))
  return [clamp((x - v.x) / v.scale, width), clamp((y - v.y) / v.scale, height)]
}
