import type { Drawing, Shape } from '../contract.ts'
import { boxOf, destroyed } from './blur.ts'

type Context = CanvasRenderingContext2D

/** Draws a line twice: a light halo first, so that it shows on every ground. */
function stroke(g: Context, s: Shape, path: Path2D): void {
  g.lineCap = g.lineJoin = 'round'
  g.strokeStyle = '#fffc'
  g.lineWidth = s.width + Math.max(2, s.width * 0.6)
  g.stroke(path)
  g.strokeStyle = s.color
  g.lineWidth = s.width
  g.stroke(path)
}

export const fontSize = (s: Shape): number => 10 + s.width * 3

function pathOf(s: Shape): Path2D {
  const p = new Path2D()
  const [ax = 0, ay = 0, bx = ax, by = ay] = s.points
  switch (s.tool) {
    case 'rectangle':
      p.rect(Math.min(ax, bx), Math.min(ay, by), Math.abs(bx - ax), Math.abs(by - ay))
      break
    case 'ellipse':
      p.ellipse((ax + bx) / 2, (ay + by) / 2, Math.abs(bx - ax) / 2, Math.abs(by - ay) / 2, 0, 0, 7)
      break
    case 'arrow': {
      const angle = Math.atan2(by - ay, bx - ax)
      const head = Math.min(10 + s.width * 3, Math.hypot(bx - ax, by - ay) * 0.6)
      p.moveTo(ax, ay)
      p.lineTo(bx, by)
      for (const turn of [-0.5, 0.5]) {
        p.moveTo(bx, by)
        p.lineTo(bx - head * Math.cos(angle + turn), by - head * Math.sin(angle + turn))
      }
      break
    }
    default: {
      p.moveTo(ax, ay)
      if (s.points.length === 2) p.lineTo(ax + 0.1, ay)
      // Through the middles of the points, so that a quick hand leaves no corners.
      for (let i = 2; i + 3 < s.points.length; i += 2) p.quadraticCurveTo(s.points[i]!, s.points[i + 1]!, (s.points[i]! + s.points[i + 2]!) / 2, (s.points[i + 1]! + s.points[i + 3]!) / 2)
      if (s.points.length >= 4) p.lineTo(s.points[s.points.length - 2]!, s.points[s.points.length - 1]!)
    }
  }
  return p
}

export function drawShape(g: Context, s: Shape): void {
  if (s.tool === 'blur') return
  if (s.tool !== 'text') return stroke(g, s, pathOf(s))
  const [x = 0, y = 0] = s.points
  g.font = `600 ${fontSize(s)}px system-ui, sans-serif`
  g.textBaseline = 'middle'
  g.lineJoin = 'round'
  g.strokeStyle = '#fffd'
  g.lineWidth = Math.max(3, fontSize(s) / 5)
  g.strokeText(s.text ?? '', x, y)
  g.fillStyle = s.color
  g.fillText(s.text ?? '', x, y)
}

/** The picture with its blurred regions destroyed. The copy is made anew only when a region changes. */
export function blurred(picture: HTMLCanvasElement, d: Drawing): HTMLCanvasElement {
  const regions = d.shapes.filter((s) => s.tool === 'blur')
  if (regions.length === 0) return picture
  const out = document.createElement('canvas')
  out.width = picture.width
  out.height = picture.height
  const g = out.getContext('2d')
  if (!g) throw new Error('BugSpark: no canvas')
  g.drawImage(picture, 0, 0)
  for (const s of regions) {
    const b = boxOf(s.points, picture.width, picture.height)
    if (!b) continue
    for (const cell of destroyed(picture, b)) {
      g.fillStyle = cell.color
      g.fillRect(cell.box.x, cell.box.y, cell.box.width, cell.box.height)
    }
  }
  return out
}

/** What is sent: the picture with blur and crop, and the same with the other shapes. */
export function flattened(picture: HTMLCanvasElement, d: Drawing): { plain: HTMLCanvasElement; annotated: HTMLCanvasElement | null } {
  const base = blurred(picture, d)
  const crop = d.crop ?? { x: 0, y: 0, width: picture.width, height: picture.height }
  const cut = (shapes: Shape[]): HTMLCanvasElement => {
    const out = document.createElement('canvas')
    out.width = crop.width
    out.height = crop.height
    const g = out.getContext('2d')
    if (!g) throw new Error('BugSpark: no canvas')
    g.translate(-crop.x, -crop.y)
    g.drawImage(base, 0, 0)
    for (const s of shapes) drawShape(g, s)
    return out
  }
  const drawn = d.shapes.filter((s) => s.tool !== 'blur')
  return { plain: base === picture && !d.crop ? picture : cut([]), annotated: drawn.length === 0 ? null : cut(drawn) }
}
