/** Numbers of the page's own speed, as the browser tells them. */
export interface Vitals {
  values(): { [name: string]: number }
  stop(): void
}

interface Shift extends PerformanceEntry {
  value: number
  hadRecentInput: boolean
}
interface Interaction extends PerformanceEntry {
  interactionId?: number
  processingStart: number
}

export function watchVitals(): Vitals {
  const out: { [name: string]: number } = {}
  const observers: PerformanceObserver[] = []
  const watch = (type: string, f: (e: PerformanceEntry) => void, options: object = {}): void => {
    try {
      if (!PerformanceObserver.supportedEntryTypes.includes(type)) return
      const o = new PerformanceObserver((list) => list.getEntries().forEach(f))
      o.observe({ type, buffered: true, ...options })
      observers.push(o)
    } catch {
      // This browser does not tell.
    }
  }
  watch('largest-contentful-paint', (e) => (out.lcp = Math.round(e.startTime)))
  watch('first-input', (e) => (out.fid = Math.round((e as Interaction).processingStart - e.startTime)))
  watch('event', (e) => {
    if ((e as Interaction).interactionId) out.inp = Math.max(out.inp ?? 0, Math.round(e.duration))
  }, { durationThreshold: 40 })
  // The largest sum of shifts with gaps below 1 s, within 5 s.
  let sum = 0
  let first = 0
  let last = 0
  watch('layout-shift', (e) => {
    const shift = e as Shift
    if (shift.hadRecentInput) return
    if (sum === 0 || e.startTime - last > 1000 || e.startTime - first > 5000) {
      sum = 0
      first = e.startTime
    }
    last = e.startTime
    sum += shift.value
    out.cls = Math.max(out.cls ?? 0, Math.round(sum * 10_000) / 10_000)
  })
  return {
    values() {
      try {
        const navigation = performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming | undefined
        if (navigation && navigation.responseStart > 0) out.ttfb = Math.round(navigation.responseStart)
      } catch {
        // Not told.
      }
      return { ...out }
    },
    stop: () => observers.forEach((o) => o.disconnect()),
  }
}
