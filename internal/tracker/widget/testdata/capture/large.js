const kind = new URLSearchParams(location.search).get('kind')
if (kind === 'table') {
  const table = document.body.appendChild(document.createElement('table'))
  for (let i = 0; i < 10000; i++) {
    const row = table.insertRow()
    for (let j = 0; j < 5; j++) row.insertCell().textContent = `Row ${i}, cell ${j}`
  }
} else if (kind === 'nodes') {
  for (let i = 0; i < 500; i++) {
    const div = document.body.appendChild(document.createElement('div'))
    for (let j = 0; j < 100; j++) div.appendChild(document.createElement('i'))
  }
} else if (kind === 'map') {
  const make = (parent, name, attributes) => {
    const e = parent.appendChild(document.createElementNS('http://www.w3.org/2000/svg', name))
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v)
    return e
  }
  const map = make(document.body, 'svg', { width: 1200, height: 680 })
  make(make(map, 'defs', {}), 'circle', { id: 'dot', r: 3, fill: '#069' })
  for (let i = 0; i < 20000; i++) make(map, 'use', { href: '#dot', x: (i * 37) % 1200, y: (i * 91) % 680 })
} else {
  document.body.appendChild(document.createElement('p')).textContent = 'A very long text. '.repeat(6000)
}
scrollTo(0, document.documentElement.scrollHeight / 2)
requestAnimationFrame(() => { document.title = 'Ready' })
