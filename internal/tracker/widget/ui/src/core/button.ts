import type { Options, Remote } from '../contract.ts'

export interface Button {
  element: HTMLButtonElement
  /** Puts text and colours of the settings on it. */
  apply(o: Options, r: Remote, text: string): void
  /** Says something beside the button, for people and screen readers. */
  say(text: string): void
}

export const css = `:host{all:initial!important;position:fixed!important;z-index:2147483647!important;width:0!important;height:0!important;display:block!important}
:host([hidden]){display:none!important}
*{box-sizing:border-box}[hidden]{display:none!important}
.bs{--bs-accent:#e94560;--bs-on-accent:#111;--bs-ground:#fff;--bs-raised:#f6f7f9;--bs-text:#1a1d23;--bs-quiet:#59606c;--bs-line:#d5d9e0;--bs-strong-line:#878e9a;--bs-bad:#b3261e;--bs-good:#1b6e3c;--bs-radius:8px;font:14px/1.45 system-ui,"Segoe UI","Noto Sans TC","PingFang TC","Microsoft JhengHei",sans-serif;color:var(--bs-text);color-scheme:light}
.bs[data-theme=dark]{--bs-ground:#1b1e24;--bs-raised:#262a32;--bs-text:#eceef2;--bs-quiet:#a9b0bc;--bs-line:#3a404b;--bs-strong-line:#7d8694;--bs-bad:#ff8a80;--bs-good:#7ddba0;color-scheme:dark}
.start{position:fixed;display:inline-flex;align-items:center;justify-content:center;gap:8px;min-width:48px;height:48px;padding:0;border:0;border-radius:24px;background:var(--bs-accent);color:var(--bs-on-accent);font-family:inherit;font-size:14px;font-weight:600;line-height:1;cursor:pointer;box-shadow:0 1px 2px #0003,0 4px 14px #0000002e;touch-action:none}
.start[data-label]{padding:0 18px 0 14px}.start:not([data-label]) span{display:none}
.start:hover{box-shadow:0 2px 8px #0006}
.start:focus-visible{outline:3px solid var(--bs-accent);outline-offset:3px}
.start svg{display:block;flex:none}
.bs[data-position^=bottom] .start{bottom:max(20px,env(safe-area-inset-bottom))}
.bs[data-position^=top] .start{top:max(20px,env(safe-area-inset-top))}
.bs[data-position$=right] .start{right:max(20px,env(safe-area-inset-right))}
.bs[data-position$=left] .start{left:max(20px,env(safe-area-inset-left))}
.say{position:fixed;max-width:min(320px,calc(100vw - 40px));padding:10px 14px;border-radius:var(--bs-radius);background:var(--bs-ground);color:var(--bs-text);border:1px solid var(--bs-line);box-shadow:0 4px 18px #0003}
.say:empty{display:none}
.bs[data-position^=bottom] .say{bottom:80px}
.bs[data-position^=top] .say{top:80px}
.bs[data-position$=right] .say{right:20px}
.bs[data-position$=left] .say{left:20px}
@media(prefers-reduced-motion:reduce){*{transition:none!important;animation:none!important}}
@media(forced-colors:active){.start{border:2px solid ButtonText}}
@media print{.bs{display:none}}`

const shapes = [
  'M8 7.5A4 4 0 0 1 16 7.5V8H8z',
  'M7 10.5h10v4.5a5 5 0 0 1-10 0z',
  'M12 10.5V20M7 12H3.5M17 12h3.5M7 16l-3 2M17 16l3 2M7.5 9 5 6.5M16.5 9 19 6.5',
]

function icon(): SVGSVGElement {
  const ns = 'http://www.w3.org/2000/svg'
  const svg = document.createElementNS(ns, 'svg')
  for (const [k, v] of Object.entries({ viewBox: '0 0 24 24', width: '24', height: '24', fill: 'none', stroke: 'currentColor', 'stroke-width': '1.8', 'stroke-linecap': 'round', 'stroke-linejoin': 'round', 'aria-hidden': 'true' })) svg.setAttribute(k, v)
  for (const d of shapes) {
    const path = document.createElementNS(ns, 'path')
    path.setAttribute('d', d)
    svg.append(path)
  }
  return svg
}

/** #rgb, #rrggbb, or what the browser makes of other colours. */
function luminance(color: string): number {
  const probe = document.createElement('canvas').getContext('2d')
  if (!probe) return 0
  probe.fillStyle = color
  const hex = /^#(..)(..)(..)$/.exec(probe.fillStyle)
  if (!hex) return 0
  const [r, g, b] = hex.slice(1).map((h) => {
    const c = parseInt(h, 16) / 255
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

/** Black or white, whichever is easier to read on color. */
export const readableOn = (color: string): string => (luminance(color) > 0.1833 ? '#111' : '#fff')

export function newButton(frame: HTMLElement): Button {
  const element = document.createElement('button')
  element.type = 'button'
  element.className = 'start'
  const label = document.createElement('span')
  element.append(icon(), label)
  const said = document.createElement('div')
  said.className = 'say'
  said.setAttribute('role', 'status')
  frame.append(element, said)
  return {
    element,
    apply(o, r, text) {
      const shown = o.branding?.buttonText ?? r.buttonText
      label.textContent = shown ?? ''
      element.toggleAttribute('data-label', !!shown)
      element.setAttribute('aria-label', shown ?? text)
      element.title = shown ? '' : text
      const accent = o.primaryColor ?? o.branding?.primaryColor ?? r.primaryColor
      if (accent && CSS.supports('color', accent)) {
        frame.style.setProperty('--bs-accent', accent)
        frame.style.setProperty('--bs-on-accent', o.branding?.textColor ?? readableOn(accent))
      }
    },
    say(text) {
      said.textContent = text
    },
  }
}
