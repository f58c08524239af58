/** A button of the editor: an icon with a name, or a text. */
export function button(name: string, content: Node | string, press: () => void, kind = ''): HTMLButtonElement {
  const b = document.createElement('button')
  b.type = 'button'
  b.className = `bsa-button ${kind}`
  if (typeof content !== 'string') {
    b.setAttribute('aria-label', name)
    b.title = name
  }
  b.append(content)
  b.addEventListener('click', () => b.getAttribute('aria-disabled') !== 'true' && press())
  return b
}

export function group(label: string, ...children: HTMLElement[]): HTMLElement {
  const g = document.createElement('div')
  g.className = 'bsa-group'
  g.setAttribute('role', 'group')
  g.setAttribute('aria-label', label)
  g.append(...children)
  return g
}

const paths: { [name: string]: string[] } = {
  pen: ['M4 16l1-4 8.5-8.5 3 3L8 15z'],
  arrow: ['M4 16 16 4', 'M9 4h7v7'],
  rectangle: ['M3.5 5h13v10h-13z'],
  ellipse: ['M10 4.5c4 0 7 2.4 7 5.5s-3 5.5-7 5.5-7-2.4-7-5.5 3-5.5 7-5.5z'],
  text: ['M4.5 6V4.5h11V6M10 4.5v11M7.5 15.5h5'],
  blur: ['M3.5 3.5h4v4h-4zM12.5 3.5h4v4h-4zM8 8h4v4H8zM3.5 12.5h4v4h-4zM12.5 12.5h4v4h-4z'],
  crop: ['M6 2.5V14h11.5', 'M2.5 6H14v11.5'],
  undo: ['M4 8h8a4 4 0 0 1 0 8H8', 'M7 4.5 3.5 8 7 11.5'],
  redo: ['M16 8H8a4 4 0 0 0 0 8h4', 'M13 4.5 16.5 8 13 11.5'],
  zoomIn: ['M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM13 13l4 4', 'M6.5 9h5M9 6.5v5'],
  zoomOut: ['M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM13 13l4 4', 'M6.5 9h5'],
  zoomReset: ['M3.5 7.5v-4h4M12.5 3.5h4v4M16.5 12.5v4h-4M7.5 16.5h-4v-4'],
  thin: ['M4 10h12'],
}

export function icon(name: string, width = '1.6'): SVGSVGElement {
  const ns = 'http://www.w3.org/2000/svg'
  const svg = document.createElementNS(ns, 'svg')
  for (const [k, v] of Object.entries({ viewBox: '0 0 20 20', width: '20', height: '20', fill: 'none', stroke: 'currentColor', 'stroke-width': width, 'stroke-linecap': 'round', 'stroke-linejoin': 'round', 'aria-hidden': 'true' })) svg.setAttribute(k, v)
  for (const d of paths[name] ?? []) {
    const p = document.createElementNS(ns, 'path')
    p.setAttribute('d', d)
    svg.append(p)
  }
  return svg
}

export const fill = (text: string, values: { [name: string]: string | number }): string => text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
