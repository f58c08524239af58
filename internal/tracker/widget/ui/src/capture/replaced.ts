/** Images, canvases, videos, drawings and frames. */
import type { Box } from './box.ts'
import { attribute, localName } from './dom.ts'
import { paintSource, type Missing, type Source } from './image.ts'
import type { State } from './state.ts'
import { writeSVG } from './svg.ts'
import { drawRun, lookOf } from './text.ts'
import type { Walker } from './walk.ts'

/** False: the element is not one of these. */
export async function paintReplaced(w: Walker, e: Element, style: CSSStyleDeclaration, box: Box, st: State): Promise<boolean> {
  const name = localName(e)
  if (!/^(img|canvas|video|svg|iframe|frame|object|embed|audio|math)$/.test(name) && !(name === 'input' && (e as HTMLInputElement).type === 'image')) return false
  if (name === 'math') return false
  if (style.visibility !== 'visible') return true
  if (st.rule !== 'show' && !/frame$/.test(name)) {
    w.cover(st, box.content)
    return true
  }
  if (name === 'svg') {
    await writeSVG(w, e as SVGSVGElement, style, box, st)
    return true
  }
  if (/frame$|^(object|embed)$/.test(name)) {
    await frame(w, e as HTMLIFrameElement, box, st)
    return true
  }
  if (name === 'audio') return true
  const source = e as Source & HTMLElement
  let size: [number, number]
  let what: Missing = 'image'
  if (name === 'canvas') {
    size = [(e as HTMLCanvasElement).width, (e as HTMLCanvasElement).height]
    what = 'canvas'
  } else if (name === 'video') {
    const v = e as HTMLVideoElement
    size = [v.videoWidth, v.videoHeight]
    what = 'video'
    if (v.readyState < 2) {
      const poster = v.poster
      if (poster) w.images.want(poster)
      w.draw(st, (c) => {
        const i = poster ? w.images.get(poster) : null
        if (i) paintSource(c, box, i, i.naturalWidth, i.naturalHeight)
      })
      return true
    }
  } else {
    const i = e as HTMLImageElement
    size = [i.naturalWidth, i.naturalHeight]
    if (!i.complete || !size[0]) {
      alternative(w, e, style, box, st)
      return true
    }
  }
  if (!size[0] || !size[1]) return true
  if (!w.images.safe(source)) {
    w.missingBox(what, e, st, box.content, true)
    return true
  }
  w.draw(st, (c) => paintSource(c, box, source, ...size))
  return true
}

/** What an image that has not come says of itself. */
function alternative(w: Walker, e: Element, style: CSSStyleDeclaration, box: Box, st: State): void {
  const alt = attribute(e, 'alt')
  if (!alt) return
  const look = lookOf(style, w.fonts, st.decorations)
  const { x, y, w: wide, h } = box.content
  if (w.secrets.hides(alt)) {
    w.veil(st, box.content, box.content)
    return
  }
  w.see(st, alt, box.content, () => w.cover(st, box.content))
  w.draw(st, (c) => {
    c.beginPath()
    c.rect(x, y, wide, h)
    c.clip()
    look.font.set(c)
    const broken = wide > 20 && h > 16 ? 16 : 0
    drawRun(c, look, alt, x + broken, y + look.font.ascent, wide)
  })
}

async function frame(w: Walker, e: HTMLIFrameElement, box: Box, st: State): Promise<void> {
  let doc: Document | null = null
  try {
    doc = e.contentDocument
  } catch {
    // Of another site.
  }
  if (doc && doc.documentElement) await w.frame(doc, st, box.content)
  else if (attribute(e, 'src') || attribute(e, 'srcdoc') || attribute(e, 'data')) w.missingBox('frame', e, st, box.content, false)
}
