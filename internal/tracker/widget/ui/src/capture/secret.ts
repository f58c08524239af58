/** Where text must be covered. Everything here answers "cover" when it cannot tell. */
import type { Privacy, Rule, Seen } from '../contract.ts'
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

  rows(seen: Seen[]): void {
    try {
      this.privacy.rows(seen)
    } catch {
      for (const s of seen) s.cover()
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
    const secret = new Uint8Array(reader.text.length)
    for (const [from, to] of this.ranges(reader.text)) secret.fill(1, from, to)
    if (reader.from.includes(-1)) {
      // Once more without the spaces that are put between the parts of a row.
      const kept = reader.from.flatMap((n, i) => (n < 0 ? [] : [i]))
      for (const [from, to] of this.ranges(kept.map((i) => reader.text[i]).join(''))) {
        for (const i of kept.slice(from, to)) secret[i] = 1
      }
    }
    for (const node of reader.nodes) this.known.set(node, { text: data(node), spans: [] })
    secret.forEach((s, i) => {
      const node = reader.nodes[reader.from[i]!]
      if (!s || !node) return
      const offset = reader.offset[i]!
      const list = this.known.get(node)!.spans
      const last = list[list.length - 1]
      if (last && offset - last[1] <= 8 && secret[i - 1]) last[1] = offset + 1
      else list.push([offset, offset + 1])
    })
  }
}

/** Collects a text with white space collapsed and without what nobody sees. */
class Reader {
  text = ''
  nodes: Node[] = []
  /** Of each unit of the text: which node, -1 where it is of none, and where in it. */
  from: number[] = []
  offset: number[] = []
  private blank = true

  private add(s: string, node: number): void {
    for (let i = 0; i < s.length; i++) {
      let c = s[i]!
      if (c > '~' && invisible.test(c)) continue
      const blank = c <= ' ' || (c > '~' && /\s/.test(c))
      if (blank && this.blank) continue
      if (blank) c = ' '
      this.blank = blank
      this.text += c
      this.from.push(node)
      this.offset.push(i)
    }
  }

  inside(e: Element, top: boolean): void {
    const row = top && /flex|grid/.test(styleOf(e).display)
    for (const child of children(e)) {
      const type = nodeType(child)
      if (type === 3) {
        this.nodes.push(child)
        this.add(data(child), this.nodes.length - 1)
      } else if (type === 1) this.element(child as Element, row)
    }
  }

  private element(e: Element, item: boolean): void {
    const name = localName(e)
    const style = styleOf(e)
    const display = style.display
    if (display === 'none' || name === 'svg' || name === 'textarea' || name === 'select') return
    if (name === 'br') {
      this.add(' ', -1)
      return
    }
    if (separate(display, style.float, item)) {
      this.add(' ', -1)
      return
    }
    if (item) this.add(' ', -1)
    this.inside(e, false)
    if (item) this.add(' ', -1)
  }
}

/** Whether the text of an element is read by itself. item: its parent is a row. */
export function separate(display: string, float: string, item: boolean): boolean {
  if (item) return /flex|grid|table/.test(display)
  return !display.startsWith('inline') && display !== 'contents' && !display.startsWith('ruby') && float === 'none'
}
