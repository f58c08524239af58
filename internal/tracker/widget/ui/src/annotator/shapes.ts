/** Draws shapes with a halo, so that they stand out from every ground. */
import type { Shape } from '../contract.ts'
import { arrowHead, box, letter } from './geometry.ts'

export const family = 'system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Noto Sans TC","PingFang TC","Microsoft JhengHei",sans-serif'

/** The font of a text of that size, for canvas and CSS alike. */
export const font = (size: number): string => `600 ${size}px ${family}`

/** White, or nearly black around light colours. */
export function halo(color: string): string {
  const n = parseInt(color.slice(1), 16)
  const light = color.length === 7 && ((n >> 16) * 299 + ((n >> 8) & 255) * 587 + (n & 255) * 114) / 1000
  return light !== false && light > 165 ? '#1a1d23' : '#fff'
}

type Ctx = CanvasRenderingContext2D

function outline(ctx: Ctx, s: Shape): void {
  const p = s.points
  ctx.beginPath()
  if (s.tool === 'pen') {
    ctx.moveTo(p[0]!, p[1]!)
    // Through the middles of the steps, which rounds the corners of a quick hand.
    for (let i = 2; i + 3 < p.length; i += 2) ctx.quadraticCurveTo(p[i]!, p[i + 1]!, (p[i]! + p[i + 2]!) / 2, (p[i + 1]! + p[i + 3]!) / 2)
    ctx.lineTo(p[p.length - 2]!, p[p.length - 1]!)
    return
  }
  const b = box(p)
  if (s.tool === 'rectangle') ctx.rect(b.x, b.y, b.width, b.height)
  if (s.tool === 'ellipse') ctx.ellipse(b.x + b.width / 2, b.y + b.height / 2, b.width / 2, b.height / 2, 0, 0, 2 * Math.PI)
}

function arrow(ctx: Ctx, s: Shape, color: string, extra: number): void {
  const { head, end } = arrowHead(s.points, s.width)
  ctx.strokeStyle = ctx.fillStyle = color
  ctx.lineWidth = s.width + extra
  ctx.beginPath()
  ctx.moveTo(s.points[0]!, s.points[1]!)
  ctx.lineTo(...end)
  ctx.stroke()
  ctx.lineWidth = s.width / 3 + extra
  ctx.beginPath()
  ctx.moveTo(head[0]!, head[1]!)
  ctx.lineTo(head[2]!, head[3]!)
  ctx.lineTo(head[4]!, head[5]!)
  ctx.closePath()
  ctx.fill()
  ctx.stroke()
}

/** Draws one shape; a blur is not one to draw. */
export function paint(ctx: Ctx, s: Shape): void {
  if (s.tool === 'blur' || s.points.length < 2) return
  ctx.save()
  ctx.lineCap = ctx.lineJoin = 'round'
  const around = halo(s.color)
  const extra = Math.max(2, s.width * 0.6)
  if (s.tool === 'text') {
    const size = letter(s.width)
    ctx.font = font(size)
    ctx.textBaseline = 'middle'
    ctx.textAlign = 'left'
    ctx.direction = /[\u0590-\u08ff]/.test(s.text ?? '') ? 'rtl' : 'ltr'
    ctx.strokeStyle = around
    ctx.lineWidth = size / 5
    ctx.strokeText(s.text ?? '', s.points[0]!, s.points[1]!)
    ctx.fillStyle = s.color
    ctx.fillText(s.text ?? '', s.points[0]!, s.points[1]!)
  } else if (s.tool === 'arrow') {
    arrow(ctx, s, around, extra)
    arrow(ctx, s, s.color, 0)
  } else {
    outline(ctx, s)
    for (const [color, width] of [[around, s.width + extra], [s.color, s.width]] as const) {
      ctx.strokeStyle = color
      ctx.lineWidth = width
      ctx.stroke()
    }
  }
  ctx.restore()
}
