/** Fonts of computed styles on a canvas. */
import type { Context } from './scene.ts'

export interface Font {
  font: string
  /** Whole pixels, as the layout has them. */
  ascent: number
  descent: number
  size: number
  set(c: Context): void
}

/** Members that TypeScript's library or older browsers do not have. */
type Extended = Context & { letterSpacing?: string; wordSpacing?: string; fontVariantCaps?: string; fontStretch?: string; textRendering?: string }

export class Fonts {
  private known = new Map<string, Font>()
  readonly context: Context
  constructor() {
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = 1
    this.context = canvas.getContext('2d')!
  }

  of(style: CSSStyleDeclaration): Font {
    const font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`
    const { letterSpacing, wordSpacing, fontKerning, fontVariantCaps, fontStretch, textRendering, direction } = style
    const key = [font, letterSpacing, wordSpacing, fontKerning, fontVariantCaps, fontStretch, textRendering, direction].join('|')
    const known = this.known.get(key)
    if (known) return known
    const percent = parseFloat(fontStretch)
    const stretch = percent < 100 ? 'condensed' : percent > 100 ? 'expanded' : 'normal'
    const set = (c: Extended): void => {
      c.font = font
      c.letterSpacing = letterSpacing === 'normal' ? '0px' : letterSpacing
      c.wordSpacing = wordSpacing
      c.fontKerning = fontKerning as CanvasFontKerning
      c.fontVariantCaps = (fontVariantCaps || 'normal') as CanvasFontVariantCaps
      c.fontStretch = stretch as CanvasFontStretch
      c.textRendering = (textRendering || 'auto') as CanvasTextRendering
      c.direction = direction as CanvasDirection
      c.textAlign = 'left'
      c.textBaseline = 'alphabetic'
    }
    set(this.context)
    const m = this.context.measureText('x')
    const out: Font = { font, ascent: Math.round(m.fontBoundingBoxAscent), descent: Math.round(m.fontBoundingBoxDescent), size: parseFloat(style.fontSize), set }
    this.known.set(key, out)
    return out
  }

  width(font: Font, text: string): number {
    font.set(this.context)
    return this.context.measureText(text).width
  }
}

export function cased(s: string, style: CSSStyleDeclaration, before: string): string {
  switch (style.textTransform) {
    case 'uppercase':
      return s.toUpperCase()
    case 'lowercase':
      return s.toLowerCase()
    case 'capitalize':
      return s.replace(/(^|[\s\-(["'])(\p{L})/gu, (all, b: string, l: string, at: number) => (at === 0 && b === '' && /[\p{L}\p{N}]$/u.test(before) ? all : b + l.toUpperCase()))
    default:
      return s
  }
}
