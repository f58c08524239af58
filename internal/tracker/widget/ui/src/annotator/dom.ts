/** Elements without markup: the page's policy may forbid innerHTML. */

/** Makes an element with a class and attributes. */
export function make<K extends keyof HTMLElementTagNameMap>(tag: K, name: string, attributes: { [name: string]: string } = {}, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const e = document.createElement(tag)
  if (name) e.setAttribute('class', name)
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v)
  e.append(...children)
  return e
}

/** Listens until the editor closes; a listener that throws closes it with that error. */
export type Listen = <E extends Event>(target: EventTarget, type: string, f: (e: E) => void, options?: AddEventListenerOptions) => void

export const fill = (text: string, values: { [name: string]: string | number }): string => text.replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all))
