/**
 * What is read as one line but stands in several places of the document: cells of a table,
 * columns, items of rows in rows, texts of a drawing, what a style sheet writes before a text.
 */
import type { Seen } from '../contract.ts'
import { secretName } from '../core/secret.ts'
import type { Range } from './patterns.ts'

type Ranges = (s: string) => Range[]

/** In heights of a text: what stands farther apart is not read together. */
const apart = 5

/** Calls cover() of what is private only together with what stands beside it. */
export function judge(seen: Seen[], ranges: Ranges): void {
  const middle = (s: Seen): number => s.at.y + s.at.h / 2
  seen.sort((a, b) => middle(a) - middle(b))
  let row: Seen[] = []
  const end = (): void => {
    row.sort((a, b) => a.at.x - b.at.x)
    let from = 0
    row.forEach((s, i) => {
      const next = row[i + 1]
      if (next && next.at.x - s.at.x - s.at.w < apart * s.at.h) return
      if (i > from) together(row.slice(from, i + 1), ranges)
      from = i + 1
    })
    row = []
  }
  for (const s of seen) {
    const before = row[row.length - 1]
    if (before && middle(s) - middle(before) > Math.min(s.at.h, before.at.h) / 2) end()
    row.push(s)
  }
  end()
}

/** Once as it is read, once without spaces for numbers of which every digit has its own box. */
function together(row: Seen[], ranges: Ranges): void {
  const names = row.map((s) => s.text.length < 40 && secretName(s.text.trim()))
  for (const gap of [' ', '']) {
    let all = ''
    const starts = row.map((s, i) => {
      const before = row[i - 1]
      // The head of a row is the name of what follows.
      if (gap && names[i - 1]) all += ': '
      else if (before && s.at.x - before.at.x - before.at.w > s.at.h / 8) all += gap
      const start = all.length
      all += gap ? s.text : s.text.replace(/\s/g, '')
      return start
    })
    for (const [from, to] of ranges(all)) {
      if (!gap && !/^\D{0,4}[\d\W]+$/.test(all.slice(from, to))) continue
      const parts = row.filter((_, i) => starts[i]! < to && (starts[i + 1] ?? all.length) > from)
      // One text alone was judged when it was read, but for the name before it.
      if (parts.length > 1 || names[row.indexOf(parts[0]!) - 1]) parts.forEach((s) => s.cover())
    }
  }
}
