/** Paints layers in the order of CSS. */
import { takePath } from './clippath.ts'
import { intersect, type Rect } from './geometry.ts'
import type { Clock } from './schedule.ts'
import type { Clip, Context, Layer, Space, Step } from './scene.ts'
import { createCanvas } from './canvas.ts'

export class Painter {
  private clip: Clip | null | undefined
  private space: Space | undefined
  constructor(private c: Context, private window: Rect, private scale: number, private clock: Clock) {}

  async layer(l: Layer): Promise<void> {
    if (this.clock.over()) return
    if (!l.effect) {
      await this.content(l)
      return
    }
    const { effect } = l
    const bounds = effect.clip ? intersect(effect.clip.bounds, this.window) : this.window
    if (bounds.w === 0 || bounds.h === 0) return
    const { width, height } = this.c.canvas
    const part = createCanvas(width, height)
    if (!part) {
      await this.content(l)
      return
    }
    const inner = new Painter(part, this.window, this.scale, this.clock)
    await inner.content(l)
    inner.end()
    if (effect.mask) this.mask(part, effect.mask)
    this.use(null, effect.clip)
    this.c.setTransform(1, 0, 0, 1, 0, 0)
    this.space = undefined
    this.c.save()
    this.c.globalAlpha = effect.alpha
    if (effect.blend !== 'normal') this.c.globalCompositeOperation = (effect.blend === 'plus-lighter' ? 'lighter' : effect.blend) as GlobalCompositeOperation
    if (effect.filter !== 'none') this.c.filter = effect.filter
    this.c.drawImage(part.canvas, 0, 0)
    this.c.restore()
    part.canvas.width = part.canvas.height = 0 // some browsers keep the memory for long
  }

  /** Keeps what lies under the mask. */
  private mask(part: Context, by: Step): void {
    const c = createCanvas(part.canvas.width, part.canvas.height)
    if (c) {
      const p = new Painter(c, this.window, this.scale, this.clock)
      p.step(by)
      p.end()
    }
    part.setTransform(1, 0, 0, 1, 0, 0)
    part.globalCompositeOperation = 'destination-in'
    if (c) part.drawImage(c.canvas, 0, 0)
    else part.clearRect(0, 0, part.canvas.width, part.canvas.height)
  }

  private async content(l: Layer): Promise<void> {
    await this.steps(l.own)
    const by = (a: Layer, b: Layer): number => a.z - b.z
    for (const n of l.negative.sort(by)) await this.layer(n)
    await this.steps(l.blocks)
    for (const n of l.floats) await this.layer(n)
    for (const n of l.inlines) {
      if ('own' in n) await this.layer(n)
      else {
        this.step(n)
        if (this.clock.due()) await this.clock.pause()
      }
    }
    await this.steps(l.outlines)
    for (const n of l.zero) await this.layer(n)
    for (const n of l.positive.sort(by)) await this.layer(n)
  }

  private async steps(list: Step[]): Promise<void> {
    for (const s of list) {
      this.step(s)
      if (this.clock.due()) await this.clock.pause()
    }
  }

  private step(s: Step): void {
    this.use(s.space, s.clip)
    this.c.save()
    try {
      s.draw(this.c)
    } catch {
      // One part that cannot be drawn leaves the others. How deep it was is unknown.
      for (let i = 0; i < 50; i++) this.c.restore()
      this.clip = undefined
      this.space = undefined
      return
    }
    this.c.restore()
  }

  private use(space: Space | null, clip: Clip | null): void {
    if (clip !== this.clip) {
      this.end()
      this.c.save()
      this.add(clip)
      this.clip = clip
    }
    if (space && space !== this.space) {
      this.to(space)
      this.space = space
    }
  }

  private to({ m }: Space): void {
    const k = this.scale
    this.c.setTransform(m[0] * k, m[1] * k, m[2] * k, m[3] * k, m[4] * k, m[5] * k)
  }

  private add(clip: Clip | null): void {
    if (!clip) return
    this.add(clip.up)
    this.to(clip.space)
    this.c.beginPath()
    clip.path(this.c)
    const p = takePath(this.c)
    if (p) this.c.clip(p, clip.rule)
    else this.c.clip(clip.rule)
  }

  /** Ends the clip that is set. */
  end(): void {
    if (this.clip !== undefined) this.c.restore()
    this.clip = undefined
    this.space = undefined
  }
}
