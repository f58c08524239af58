customElements.define('x-card', class extends HTMLElement {
  connectedCallback() {
    const root = this.attachShadow({ mode: 'open' })
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(':host { display: block; padding: 6px 8px; background: #ecfeff; border: 1px solid #06b6d4; margin: 6px 0 } b { color: #0e7490 }')
    root.adoptedStyleSheets = [sheet]
    const b = document.createElement('b')
    b.textContent = 'In a shadow root, '
    root.append(b, document.createElement('slot'))
    this.append('and slotted.')
  }
})
addEventListener('load', () => {
  const c = document.querySelector('canvas').getContext('2d')
  c.fillStyle = '#0ea5e9'
  c.fillRect(0, 0, 120, 60)
  c.fillStyle = 'white'
  c.beginPath()
  c.arc(60, 30, 20, 0, 7)
  c.fill()
  document.querySelector('.scroller').scrollTop = 37
  if (!location.search) document.querySelector('dialog').showModal()
  document.activeElement.blur()
  scrollTo(0, 60)
  document.title = 'Ready'
})
