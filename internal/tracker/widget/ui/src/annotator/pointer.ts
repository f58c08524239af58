/** Mouse, pen and fingers on the surface. Places are CSS pixels from its corner. */
import type { Listen } from './dom.ts'

export interface Strokes {
  start(x: number, y: number): void
  /** The places since the last call: a browser collects several between two frames. */
  move(places: [x: number, y: number][], shift: boolean): void
  end(): void
  cancel(): void
  pan(dx: number, dy: number): void
  zoom(factor: number, x: number, y: number): void
}

export interface Pointers {
  /** Whether the space bar is down, with which a mouse moves the picture. */
  space(down: boolean): void
}

export function newPointers(surface: HTMLElement, listen: Listen, on: Strokes): Pointers {
  const down = new Map<number, [x: number, y: number]>()
  let mode: 'none' | 'draw' | 'pan' | 'pinch' = 'none'
  let space = false
  const place = (e: MouseEvent): [number, number] => {
    const r = surface.getBoundingClientRect()
    return [e.clientX - r.left, e.clientY - r.top]
  }
  /** The middle of the fingers and how far apart they are. */
  const spread = (): [x: number, y: number, apart: number] => {
    const [a = [0, 0], b = a] = [...down.values()]
    return [(a[0]! + b[0]!) / 2, (a[1]! + b[1]!) / 2, Math.hypot(a[0]! - b[0]!, a[1]! - b[1]!)]
  }
  const cursor = (): void => {
    surface.toggleAttribute('data-pan', space || mode === 'pan')
  }

  listen<PointerEvent>(surface, 'pointerdown', (e) => {
    if (e.pointerType === 'mouse' && e.button > 1) return
    if (down.size > 1 || (down.size === 1 && mode !== 'draw')) return
    surface.focus({ preventScroll: true })
    try {
      surface.setPointerCapture(e.pointerId)
    } catch {
      // The pointer has gone already; the stroke then ends at the surface's edge.
    }
    const at = place(e)
    down.set(e.pointerId, at)
    if (down.size === 2) {
      on.cancel()
      mode = 'pinch'
    } else if (space || e.button === 1) {
      mode = 'pan'
    } else {
      mode = 'draw'
      on.start(...at)
    }
    cursor()
  })
  listen<PointerEvent>(surface, 'pointermove', (e) => {
    const before = down.get(e.pointerId)
    if (!before) return
    const at = place(e)
    const [x0, y0, apart0] = spread()
    down.set(e.pointerId, at)
    if (mode === 'pan') on.pan(at[0] - before[0], at[1] - before[1])
    if (mode === 'pinch' && down.size > 1) {
      const [x, y, apart] = spread()
      on.pan(x - x0, y - y0)
      if (apart0 > 0) on.zoom(apart / apart0, x, y)
    }
    if (mode === 'draw') {
      const all = e.getCoalescedEvents?.() ?? []
      on.move((all.length > 0 ? all : [e]).map(place), e.shiftKey)
    }
  })
  const up = (e: PointerEvent): void => {
    if (!down.delete(e.pointerId)) return
    if (mode === 'draw') e.type === 'pointerup' ? on.end() : on.cancel()
    // The finger that stays after a pinch draws nothing.
    mode = down.size > 0 ? 'pinch' : 'none'
    cursor()
  }
  for (const type of ['pointerup', 'pointercancel', 'lostpointercapture']) listen(surface, type, up)
  // Otherwise the press takes the focus from a text field that it has just opened.
  listen(surface, 'mousedown', (e) => (e.target as Element).localName === 'input' || e.preventDefault())
  listen<WheelEvent>(surface, 'wheel', (e) => {
    e.preventDefault()
    const unit = e.deltaMode === 1 ? 16 : e.deltaMode === 2 ? 400 : 1
    if (e.ctrlKey || e.metaKey) on.zoom(Math.exp(Math.max(-100, Math.min(100, -e.deltaY * unit)) / 250), ...place(e))
    else on.pan(-e.deltaX * unit, -e.deltaY * unit)
  }, { passive: false })
  // Safari's own events of a trackpad; fingers on glass come as pointers too.
  let scale = 1
  for (const type of ['gesturestart', 'gesturechange', 'gestureend']) {
    listen<MouseEvent & { scale: number }>(surface, type, (e) => {
      e.preventDefault()
      if (type === 'gesturechange' && down.size === 0 && e.scale > 0) on.zoom(e.scale / scale, ...place(e))
      scale = type === 'gesturechange' ? e.scale : 1
    }, { passive: false })
  }
  return {
    space(on) {
      space = on
      cursor()
    },
  }
}
