/** Lets the visitor move the button, and remembers where. A click that moved nothing stays a click. */

const name = 'bugspark:place'

interface Place {
  right: boolean
  bottom: boolean
  x: number
  y: number
}

export function draggable(element: HTMLElement): void {
  const put = (p: Place): void => {
    const s = element.style
    const x = Math.max(4, Math.min(p.x, innerWidth - 56)) + 'px'
    const y = Math.max(4, Math.min(p.y, innerHeight - 56)) + 'px'
    s.left = p.right ? 'auto' : x
    s.right = p.right ? x : 'auto'
    s.top = p.bottom ? 'auto' : y
    s.bottom = p.bottom ? y : 'auto'
  }
  try {
    const p = JSON.parse(localStorage.getItem(name) ?? 'null') as Place | null
    if (p && Number.isFinite(p.x) && Number.isFinite(p.y)) put(p)
  } catch {
    // Nothing remembered, or nothing may be.
  }
  let from: { x: number; y: number; left: number; top: number } | null = null
  let moved = false
  let place: Place | null = null
  element.addEventListener('pointerdown', (e) => {
    if (e.button !== 0) return
    const box = element.getBoundingClientRect()
    from = { x: e.clientX, y: e.clientY, left: box.left, top: box.top }
    moved = false
  })
  element.addEventListener('pointermove', (e) => {
    if (!from) return
    const dx = e.clientX - from.x
    const dy = e.clientY - from.y
    if (!moved && Math.hypot(dx, dy) < 6) return
    if (!moved) element.setPointerCapture(e.pointerId)
    moved = true
    const box = element.getBoundingClientRect()
    const left = from.left + dx
    const top = from.top + dy
    const right = left + box.width / 2 > innerWidth / 2
    const bottom = top + box.height / 2 > innerHeight / 2
    place = { right, bottom, x: Math.round(right ? innerWidth - left - box.width : left), y: Math.round(bottom ? innerHeight - top - box.height : top) }
    put(place)
  })
  const end = (): void => {
    from = null
    if (!moved || !place) return
    try {
      localStorage.setItem(name, JSON.stringify(place))
    } catch {
      // It stays until the page is left.
    }
  }
  element.addEventListener('pointerup', end)
  element.addEventListener('pointercancel', end)
  element.addEventListener(
    'click',
    (e) => {
      if (!moved) return
      moved = false
      e.stopImmediatePropagation()
    },
    true,
  )
}
