/**
 * What is read of nodes, through the getters of the prototypes: an element may have own
 * properties of these names, be they its form's fields or traps of the page.
 */
type Getter<T> = (o: unknown) => T

function getter<T>(proto: object, name: string): Getter<T> {
  const get = Object.getOwnPropertyDescriptor(proto, name)?.get
  return (o) => (get ? (get.call(o) as T) : ((o as Record<string, T>)[name] as T))
}

export const childNodes = getter<NodeListOf<ChildNode>>(Node.prototype, 'childNodes')
export const nodeType = getter<number>(Node.prototype, 'nodeType')
export const parentNode = getter<Node | null>(Node.prototype, 'parentNode')
export const ownerDocument = getter<Document>(Node.prototype, 'ownerDocument')
export const data = getter<string>(CharacterData.prototype, 'data')
export const localName = getter<string>(Element.prototype, 'localName')
export const namespaceURI = getter<string>(Element.prototype, 'namespaceURI')
export const scrollLeft = getter<number>(Element.prototype, 'scrollLeft')
export const scrollTop = getter<number>(Element.prototype, 'scrollTop')
const shadowRoot = getter<ShadowRoot | null>(Element.prototype, 'shadowRoot')

const { getBoundingClientRect, getClientRects, matches, getAttribute } = Element.prototype
const assigned = HTMLSlotElement.prototype.assignedNodes

export const boxOf = (e: Element): DOMRect => getBoundingClientRect.call(e)
export const boxesOf = (e: Element): DOMRectList => getClientRects.call(e)
export const attribute = (e: Element, name: string): string | null => getAttribute.call(e, name)

/** False also for selectors that this browser does not know. */
export function is(e: Element, selector: string): boolean {
  try {
    return matches.call(e, selector)
  } catch {
    return false
  }
}

const svgSpace = 'http://www.w3.org/2000/svg'
export const isSVG = (e: Element): boolean => namespaceURI(e) === svgSpace

export const styleOf = (e: Element, pseudo?: string): CSSStyleDeclaration => getComputedStyle(e, pseudo)

/** The children as they are rendered: of the open shadow root, and what a slot was given. */
export function children(e: Node): Iterable<Node> & { readonly length: number } {
  if (nodeType(e) === 1) {
    const root = shadowRoot(e)
    if (root) return childNodes(root)
    if (localName(e as Element) === 'slot') {
      const given = assigned.call(e as HTMLSlotElement)
      if (given.length > 0) return given
    }
  }
  return childNodes(e)
}
