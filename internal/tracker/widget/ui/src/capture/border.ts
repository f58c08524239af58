/** Borders and outlines. */
import { innerRadii, outerRadii, round, trace, type Box, type Sides } from './box.ts'
import { px, transparent } from './css.ts'
import { grow, inset, type Rect } from './geometry.ts'
import type { Context } from './scene.ts'

const sides = ['Top', 'Right', 'Bottom', 'Left'] as const

interface Side { width: number; style: string; color: string }

function read(style: CSSStyleDeclaration, edge?: string): Side[] {
  if (edge) return sides.map(() => ({ width: 1, style: 'solid', color: edge }))
  return sides.map((s) => ({ width: px(style[`border${s}Width`]), style: style[`border${s}Style`], color: style[`border${s}Color`] }))
}

const shown = (s: Side): boolean => s.width > 0 && s.style !== 'none' && s.style !== 'hidden' && !transparent(s.color)

export function paintBorder(c: Context, b: Box): void {
  const all = read(b.style, b.edge)
  if (!all.some(shown)) return
  const [first] = all as [Side]
  const same = all.every((s) => s.style === first.style && s.color === first.color && s.width === first.width)
  const rounded = round(b.radii)
  if (all.every((s) => s.color === first.color && s.style === 'solid')) {
    ring(c, b, [0, 0, 0, 0], b.widths, first.color)
    return
  }
  if (same && first.style === 'double' && first.width >= 3) {
    double(c, b, b.widths, first.color)
    return
  }
  all.forEach((s, i) => {
    if (!shown(s)) return
    c.save()
    c.beginPath()
    corner(c, b, i)
    if (!same || !/dashed|dotted/.test(s.style)) c.clip()
    if (rounded && /dashed|dotted/.test(s.style)) {
      c.beginPath()
      trace(c, b.border, b.radii)
      trace(c, b.padding, innerRadii(b.radii, b.widths))
      c.clip('evenodd')
    }
    paintSide(c, b, i, s)
    c.restore()
  })
}

/** What lies between two edges, so far inside of the border edge. */
function ring(c: Context, b: Box, from: Sides, to: Sides, color: string): void {
  c.beginPath()
  trace(c, inset(b.border, ...from), innerRadii(b.radii, from))
  trace(c, inset(b.border, ...to), innerRadii(b.radii, to))
  c.fillStyle = color
  c.fill('evenodd')
}

function double(c: Context, b: Box, w: Sides, color: string): void {
  const third = w.map((v) => Math.round(v / 3)) as Sides
  const rest = w.map((v, i) => v - third[i]!) as Sides
  ring(c, b, [0, 0, 0, 0], third, color)
  ring(c, b, rest, w, color)
}

/** The part of the border that belongs to one side: cut at the diagonals of the corners. */
function corner(c: Context, b: Box, i: number): void {
  const { x, y, w, h } = b.border
  const p = b.padding
  const outer: [number, number][] = [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]
  const inner: [number, number][] = [[p.x, p.y], [p.x + p.w, p.y], [p.x + p.w, p.y + p.h], [p.x, p.y + p.h]]
  const j = (i + 1) % 4
  c.moveTo(...outer[i]!)
  c.lineTo(...outer[j]!)
  c.lineTo(...inner[j]!)
  if (round(b.radii)) c.lineTo(x + w / 2, y + h / 2)
  c.lineTo(...inner[i]!)
  c.closePath()
}

function shade(color: string, dark: boolean): string {
  if (!dark) return color
  const m = /^rgb\((\d+), (\d+), (\d+)\)$/.exec(color)
  return m ? `rgb(${[1, 2, 3].map((i) => Math.round(Number(m[i]) * 0.66)).join(', ')})` : color
}

function paintSide(c: Context, b: Box, i: number, s: Side): void {
  if (s.style === 'dashed' || s.style === 'dotted') {
    dashes(c, b, i, s)
    return
  }
  const top = i === 0 || i === 3
  if (s.style === 'double' && s.width >= 3) {
    double(c, b, b.widths, s.color)
  } else {
    ring(c, b, [0, 0, 0, 0], b.widths, shade(s.color, (/inset|groove/.test(s.style) && top) || (/outset|ridge/.test(s.style) && !top)))
  }
}

function dashes(c: Context, b: Box, i: number, s: Side): void {
  const { x, y, w, h } = b.border
  const t = s.width / 2
  const lines: [number, number, number, number][] = [
    [x, y + t, x + w, y + t], [x + w - t, y, x + w - t, y + h],
    [x + w, y + h - t, x, y + h - t], [x + t, y + h, x + t, y],
  ]
  const line = lines[i]!
  const whole = Math.hypot(line[2] - line[0], line[3] - line[1])
  c.strokeStyle = s.color
  c.lineWidth = s.width
  const dotted = s.style === 'dotted' && s.width >= 3
  const on = dotted ? 0 : s.width * (s.style === 'dotted' ? 1 : s.width >= 3 ? 2 : 3)
  const dash = dotted ? s.width : on
  let gap = dotted || s.style === 'dotted' ? s.width : s.width >= 3 ? s.width : s.width * 2
  // A whole number of gaps, so that both ends are full dashes.
  const n = Math.max(1, Math.round((whole - dash) / (dash + gap)))
  gap = (whole - dash * (n + 1)) / n
  const radius = b.radii[i]![0]
  c.setLineDash(dotted ? [0, dash + gap] : [on, gap])
  c.beginPath()
  if (radius > 0 && round(b.radii)) {
    const half = b.widths.map((v) => v / 2) as Sides
    trace(c, inset(b.border, ...half), innerRadii(b.radii, half))
  } else if (dotted) {
    c.lineCap = 'round'
    const [ux, uy] = [(line[2] - line[0]) / whole, (line[3] - line[1]) / whole]
    c.moveTo(line[0] + ux * t, line[1] + uy * t)
    c.lineTo(line[2] - ux * t + ux * 0.01, line[3] - uy * t + uy * 0.01)
  } else {
    c.moveTo(line[0], line[1])
    c.lineTo(line[2], line[3])
  }
  c.stroke()
}

export function paintOutline(c: Context, b: Box): void {
  const st = b.style
  const auto = st.outlineStyle === 'auto'
  const width = auto ? Math.max(2, px(st.outlineWidth)) : px(st.outlineWidth)
  if (st.outlineStyle === 'none' || width === 0) return
  const color = st.outlineColor
  if (transparent(color)) return
  const offset = px(st.outlineOffset)
  const outer: Rect = grow(b.border, offset + width)
  const radii = outerRadii(auto && !round(b.radii) ? b.radii.map(() => [2, 2]) : b.radii, offset + width)
  const widths: Sides = [width, width, width, width]
  const o: Box = { ...b, border: outer, padding: inset(outer, ...widths), widths, radii }
  if (st.outlineStyle === 'dashed' || st.outlineStyle === 'dotted') {
    for (let i = 0; i < 4; i++) {
      c.save()
      dashes(c, o, i, { width, style: st.outlineStyle, color })
      c.restore()
    }
  } else if (st.outlineStyle === 'double' && width >= 3) double(c, o, widths, color)
  else ring(c, o, [0, 0, 0, 0], widths, color)
}
