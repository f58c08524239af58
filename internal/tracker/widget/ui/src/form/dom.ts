/** Elements without markup: the page's policy may forbid innerHTML. */

type Child = Node | string | null | undefined | false

/** Makes an element; names with a dash and role are attributes, on... are listeners, the rest properties. */
export function el<K extends keyof HTMLElementTagNameMap>(tag: K, props: { [name: string]: unknown } = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const e = document.createElement(tag)
  for (const [name, v] of Object.entries(props)) {
    if (v === undefined || v === false) continue
    if (name.startsWith('on')) e.addEventListener(name.slice(2), v as EventListener)
    else if (name.includes('-') || name === 'role' || name === 'for') e.setAttribute(name, String(v))
    else (e as unknown as { [name: string]: unknown })[name] = v
  }
  for (const c of children) if (c) e.append(c)
  return e
}

const ns = 'http://www.w3.org/2000/svg'

/** An icon of 20 pixels from paths. */
export function icon(...paths: string[]): SVGSVGElement {
  const svg = document.createElementNS(ns, 'svg')
  for (const [k, v] of Object.entries({ viewBox: '0 0 20 20', width: '18', height: '18', fill: 'none', stroke: 'currentColor', 'stroke-width': '1.6', 'stroke-linecap': 'round', 'stroke-linejoin': 'round', 'aria-hidden': 'true' })) svg.setAttribute(k, v)
  for (const d of paths) {
    const p = document.createElementNS(ns, 'path')
    p.setAttribute('d', d)
    svg.append(p)
  }
  return svg
}

/** Fills {name} in a text. */
export const fill = (text: string, values: { [name: string]: string | number }): string => text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
