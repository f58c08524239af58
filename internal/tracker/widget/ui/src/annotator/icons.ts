/** Icons of 20 pixels. A path that starts with ! is filled. */
const ns = 'http://www.w3.org/2000/svg'

const paths = {
  pen: ['M3.5 16.5l.9-3.9 8.8-8.8a1.7 1.7 0 0 1 2.4 0l.6.6a1.7 1.7 0 0 1 0 2.4l-8.8 8.8z', 'M11.5 5.6l2.9 2.9'],
  arrow: ['M4 16 15.5 4.5', 'M8 4h8v8'],
  rectangle: ['M4.5 4.5h11a1.5 1.5 0 0 1 1.5 1.5v8a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 3 14V6a1.5 1.5 0 0 1 1.5-1.5z'],
  ellipse: ['M10 4c4 0 7 2.6 7 6s-3 6-7 6-7-2.6-7-6 3-6 7-6z'],
  text: ['M4.5 6.5V4h11v2.5', 'M10 4v12', 'M7.5 16h5'],
  blur: ['!M3 3h4.7v4.7H3zM12.3 3H17v4.7h-4.7zM7.7 7.7h4.6v4.6H7.7zM3 12.3h4.7V17H3zM12.3 12.3H17V17h-4.7z'],
  crop: ['M5.5 2v12.5H18', 'M2 5.5h12.5V18'],
  undo: ['M7 4 3.5 7.5 7 11', 'M3.5 7.5H12a4.4 4.4 0 0 1 0 8.8H8'],
  redo: ['M13 4l3.5 3.5L13 11', 'M16.5 7.5H8a4.4 4.4 0 0 0 0 8.8h4'],
  zoomIn: ['M10 4.5v11M4.5 10h11'],
  zoomOut: ['M4.5 10h11'],
  zoomReset: ['M3.5 7.5v-4h4M12.5 3.5h4v4M16.5 12.5v4h-4M7.5 16.5h-4v-4'],
  line: ['M4 10h12'],
}

export type Icon = keyof typeof paths

export function icon(name: Icon, width = 1.6): SVGSVGElement {
  const svg = document.createElementNS(ns, 'svg')
  const set = (e: Element, values: { [name: string]: string }): void => {
    for (const [k, v] of Object.entries(values)) e.setAttribute(k, v)
  }
  set(svg, { viewBox: '0 0 20 20', width: '20', height: '20', fill: 'none', stroke: 'currentColor', 'stroke-width': String(width), 'stroke-linecap': 'round', 'stroke-linejoin': 'round', 'aria-hidden': 'true' })
  for (const d of paths[name]) {
    const p = document.createElementNS(ns, 'path')
    set(p, d[0] === '!' ? { d: d.slice(1), fill: 'currentColor', stroke: 'none' } : { d })
    svg.append(p)
  }
  return svg
}
