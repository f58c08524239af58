// A page to try the widget on. Its key stays in this tab: sessionStorage ends with it.
import { init, open } from '/widget.mjs'

const place = 'bugspark-demo-key'
const field = document.getElementById('key')
const state = document.getElementById('state')
const said = document.getElementById('said')
const modal = document.getElementById('modal')

/** The key of the address, which the dashboard puts there. Anybody may have made the link, so it is not used before somebody presses Start. */
function givenKey() {
  let given = location.hash.slice(1)
  try {
    given = decodeURIComponent(given)
  } catch {
    return '' // no key has a stray percent sign
  }
  if (!given.startsWith('bsk_pub_')) return ''
  history.replaceState(null, '', location.pathname)
  return given
}

function start(key) {
  try {
    init({
      projectKey: key,
      endpoint: `${location.origin}/api/v1`,
      enableSessionRecording: true,
      environment: 'demo',
      onSubmit: () => (state.textContent = 'The report was sent. Open it in the dashboard.'),
      onError: (error) => (state.textContent = `The widget says: ${error.message}`),
    })
  } catch (error) {
    state.textContent = `The widget did not start: ${error.message}`
    return
  }
  sessionStorage.setItem(place, key)
  field.readOnly = true
  document.querySelector('#start button').disabled = true
  state.textContent = 'The widget runs: its button is in the corner. Reload the page to use another key.'
}

const troubles = {
  log() {
    console.info('transfer: form ready', { account: 7, steps: ['amount', 'recipient'] })
    console.warn('rates are older than 60 s, using the last known ones')
    console.error('transfer: the answer had no reference')
    return 'Three lines were logged.'
  },
  throw() {
    setTimeout(() => {
      throw new TypeError("Cannot read properties of undefined (reading 'iban')")
    })
    return 'An error was thrown.'
  },
  reject() {
    void Promise.reject(new Error('the rates did not come'))
    return 'A promise was rejected, and nobody caught it.'
  },
  async fetch() {
    const answer = await fetch('/widget/missing-on-purpose?account=7&token=secret')
    return `The server answered ${answer.status}.`
  },
  navigate() {
    history.pushState(null, '', '?step=2')
    return 'The address was changed.'
  },
  dialog() {
    modal.showModal()
    return 'A modal dialog was opened.'
  },
  report() {
    open()
    return 'The form was opened.'
  },
}

document.getElementById('start').addEventListener('submit', (event) => {
  event.preventDefault()
  start(field.value.trim())
})
document.getElementById('pay').addEventListener('submit', (event) => {
  event.preventDefault()
  console.error('transfer: the button does nothing')
  said.textContent = 'The transfer did nothing, as it should here.'
})
for (const button of document.querySelectorAll('[data-do]')) {
  button.addEventListener('click', async () => {
    said.textContent = await troubles[button.dataset.do]()
  })
}

const given = givenKey()
const before = sessionStorage.getItem(place) ?? ''
field.value = given || before
if (before && (given === '' || given === before)) start(before)
