/** The newest entries of a log, bounded in number, bytes and age. */
export interface Ring<T> {
  add(entry: T, bytes: number): void
  list(): T[]
}

/** limits: entries, UTF-16 units, and milliseconds where given. */
export function newRing<T extends { timestamp: number }>(entries: number, size: number, age = Infinity): Ring<T> {
  let all: { entry: T; bytes: number }[] = []
  let total = 0
  const trim = (now: number): void => {
    let drop = 0
    while (drop < all.length && (all.length - drop > entries || total > size || all[drop]!.entry.timestamp < now - age)) total -= all[drop++]!.bytes
    if (drop > 0) all = all.slice(drop)
  }
  return {
    add(entry, bytes) {
      all.push({ entry, bytes })
      total += bytes
      // Rarely, because it copies.
      if (all.length > entries + 50 || total > size) trim(Date.now())
    },
    list() {
      trim(Date.now())
      return all.map((a) => a.entry)
    },
  }
}
