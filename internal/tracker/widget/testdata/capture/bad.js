// Each case makes the page bad in its own way.
const cases = {
  frozen() {
    for (const c of [Object, Array, Node, Element, HTMLElement, CanvasRenderingContext2D, Map, Set]) Object.freeze(c.prototype)
  },
  traps() {
    const e = document.getElementById('trap')
    for (const name of ['childNodes', 'localName', 'style', 'shadowRoot', 'getBoundingClientRect', 'getClientRects', 'matches', 'getAttribute', 'textContent', 'parentNode', 'ownerDocument', 'nodeType', 'contentDocument']) {
      Object.defineProperty(e, name, { get() { throw new Error('trap: ' + name) } })
    }
  },
  patched() {
    const { getBoundingClientRect } = Element.prototype
    Element.prototype.getBoundingClientRect = function () { if (this.id === 'trap') throw new Error('patched'); return getBoundingClientRect.call(this) }
    window.getComputedStyle = new Proxy(getComputedStyle, { apply: (f, self, args) => { if (args[0].id === 'trap') throw new Error('patched'); return Reflect.apply(f, self, args) } })
  },
  contents() { document.body.className = 'contents' },
  empty() { document.body.textContent = '' },
  nothing() { document.documentElement.remove() },
  tall() { document.body.appendChild(document.createElement('div')).className = 'tall' },
  dark() { document.documentElement.className = 'dark' },
  dialog() { document.getElementById('dialog').showModal() },
  deep() {
    let e = document.body
    for (let i = 0; i < 600; i++) e = e.appendChild(document.createElement('div'))
    e.textContent = 'deep'
  },
  frame() {
    const f = document.createElement('iframe')
    f.sandbox = ''
    f.src = 'empty.html'
    document.body.append(f)
  },
  moving() {
    setInterval(() => { document.body.append(document.createElement('p')); document.getElementById('after')?.remove() }, 20)
  },
}
const name = new URLSearchParams(location.search).get('case')
addEventListener('load', () => {
  const title = document.querySelector('title')
  const { documentElement: root } = document
  const before = name === 'nothing' ? '' : root.outerHTML
  window.unchanged = () => name === 'nothing' || name === 'moving' || root.outerHTML === window.outer
  cases[name]?.()
  window.outer = before && root.outerHTML
  if (name === 'nothing') Object.defineProperty(document, 'title', { value: 'Ready' })
  else {
    title.textContent = 'Ready'
    window.outer = root.outerHTML
  }
})
