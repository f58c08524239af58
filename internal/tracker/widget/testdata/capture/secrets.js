const which = Number(new URLSearchParams(location.search).get('s') ?? 0)
const secret = ['Rosa Luxem', 'Karl Maria von Weber'][which]
const mail = ['ab@example.org', 'long.mail@mail.example'][which]
const card = [['4111 11', '11 1111 ', '1111'], ['5500-0000', '-0000', '-0004']][which]
const id = (s) => document.getElementById(s)
for (const e of document.querySelectorAll('[data-secret]')) e.textContent = secret
for (const e of document.querySelectorAll('[data-mail]')) e.textContent = mail
for (const e of document.querySelectorAll('[data-card]')) e.textContent = card[e.dataset.card]
document.querySelector('[data-card-nodes]').append(...card)
document.querySelector('[data-broken]').append(card[0], '\u200b', card[1], '\u00ad', card[2])
id('input').value = id('password').value = id('textarea').value = secret
id('button').value = mail
for (const s of ['select', 'list']) id(s).append(new Option(secret), new Option(secret + mail, '', false, true))
id('editable').textContent = secret
id('alt').alt = mail
id('before').dataset.text = id('absolute').dataset.text = mail
id('security').textContent = secret
id('contents').textContent = secret
for (const s of ['svg-text', 'svg-mask', 'svg-block', 'svg-used']) id(s).textContent = mail
id('placeholder').placeholder = mail
id('range').value = [20, 80][which]
id('check').checked = which === 1
id('progress').value = [0.2, 0.8][which]
const root = id('host').attachShadow({ mode: 'open' })
const p = document.createElement('p')
p.textContent = mail
const field = document.createElement('input')
field.value = secret
root.append(p, field)
const other = id('slotted').attachShadow({ mode: 'open' })
other.append(document.createElement('slot'))
const c = id('canvas').getContext('2d')
c.font = '20px sans-serif'
c.fillText(secret, 0, 20)
addEventListener('load', () => {
  id('frame').contentDocument.body.textContent = mail
  id('masked-frame').contentDocument.body.textContent = secret
  id('image').src = ['picture.png', 'picture.png?other'][which]
  document.querySelector('.scroller').scrollTop = 12
  id('image').onload = () => { document.title = 'Ready' }
})
