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
} else {
  document.body.appendChild(document.createElement('p')).textContent = 'A very long text. '.repeat(6000)
}
scrollTo(0, document.documentElement.scrollHeight / 2)
requestAnimationFrame(() => { document.title = 'Ready' })
