/** Where text must be covered. Everything here answers "cover" when it cannot tell. */
import type { Privacy, Rule } from '../contract.ts'
import { children, data, localName, nodeType, styleOf } from './dom.ts'

export type Span = [from: number, to: number]

/** Texts that a person reads as one: of a block, or of the items of a row. */
export interface Group {
  root: Element
  done: boolean
}

interface Known { text: string; spans: Span[] }

/** Longer texts are looked at in parts, overlapping by what a secret is long at most. */
const part = 20000
const overlap = 2000

const invisible = /[\u00ad\u200b-\u200f\u2060\ufeff]/

export class Secrets {
  private known = new Map<Node, Known>()
  constructor(private privacy: Privacy) {}

  rule(e: Element): Rule {
    try {
      const r = this.privacy.rule(e)
      return r === 'show' || r === 'mask' ? r : 'block'
    } catch {
      return 'block'
    }
  }

  hidesValue(e: Element): boolean {
    try {
      return this.privacy.hidesValue(e) !== false
    } catch {
      return true
    }
  }

  /** Spans of a text that stands alone. */
  ranges(s: string): Span[] {
    if (!s.trim()) return []
    try {
      if (s.length <= part) return this.privacy.ranges(s)
      const out: Span[] = []
      for (let i = 0; i < s.length; i += part - overlap) {
        for (const [a, b] of this.privacy.ranges(s.slice(i, i + part))) out.push([a + i, b + i])
      }
      return out
    } catch {
      return [[0, s.length]]
    }
  }

  /** Whether a text that is drawn as a whole has to be covered. */
  hides(s: string): boolean {
    return this.ranges(s).length > 0
  }

  /** Spans of a text node, found in the whole text that it is read with. */
  of(node: Node, text: string, group: Group | null): Span[] {
    if (group && !group.done) {
      group.done = true
      try {
        this.read(group.root)
      } catch {
        // The nodes that are not known now are covered below.
      }
    }
    const k = this.known.get(node)
    if (!k) return group ? [[0, text.length]] : this.ranges(text)
    return k.text === text ? k.spans : [[0, text.length]] // it changed meanwhile
  }

  private read(root: Element): void {
    const reader = new Reader()
    reader.inside(root, true)
    const spans = this.ranges(reader.text)
    for (const node of reader.nodes) this.known.set(node, { text: data(node), spans: [] })
    for (const [from, to] of spans) {
      for (let i = from; i < to && i < reader.at.length; i++) {
        const [node, offset] = reader.at[i]!
        if (!node) continue
        const list = this.known.get(node)!.spans
        const last = list[list.length - 1]
        if (last && last[1] >= offset - 8 && last[1] <= offset) last[1] = offset + 1
        else if (!last || offset >= last[1]) list.push([offset, offset + 1])
      }
    }
  }
}

/** Collects a text with white space collapsed and without what nobody sees. */
class Reader {
  text = ''
  nodes: Node[] = []
  at: [node: Node | null, offset: number][] = []

  private add(c: string, node: Node | null, offset: number): void {
    if (invisible.test(c)) return
    if (/\s/.test(c)) {
      if (this.text.endsWith(' ') || this.text === '') return
      c = ' '
    }
    this.text += c
    this.at.push([node, offset])
  }

  inside(e: Element, top: boolean): void {
    const row = top && /flex|grid/.test(styleOf(e).display)
    for (const child of children(e)) {
      const type = nodeType(child)
      if (type === 3) {
        this.nodes.push(child)
        const s = data(child)
        for (let i = 0; i < s.length; i++) this.add(s[i]!, child, i)
      } else if (type === 1) this.element(child as Element, row)
    }
  }

  private element(e: Element, item: boolean): void {
    const name = localName(e)
    const style = styleOf(e)
    const display = style.display
    if (display === 'none' || name === 'svg' || name === 'textarea' || name === 'select') return
    if (name === 'br') {
      this.add(' ', null, 0)
      return
    }
    if (separate(display, style.float, item)) {
      this.add(' ', null, 0)
      return
    }
    if (item) this.add(' ', null, 0)
    this.inside(e, false)
    if (item) this.add(' ', null, 0)
  }
}

/** Whether the text of an element is read by itself. item: its parent is a row. */
export function separate(display: string, float: string, item: boolean): boolean {
  if (item) return /flex|grid|table/.test(display)
  return !display.startsWith('inline') && display !== 'contents' && !display.startsWith('ruby') && float === 'none'
}
