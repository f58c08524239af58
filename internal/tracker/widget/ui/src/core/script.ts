/** The entry of /widget.js, a classic script. */
import { newAPI } from './api.ts'
import { fromScript } from './options.ts'

// An element of the page with that name would stand in its place.
const script = document.currentScript instanceof HTMLScriptElement ? document.currentScript : null
const elsewhere = script !== null && script.src !== '' && new URL(script.src).origin !== location.origin
const api = newAPI({ nonce: script?.nonce ?? '', muted: elsewhere && script.crossOrigin === null }, script?.integrity === '')

const begin = (): void => {
  // The last tag with a key counts: a page may carry an old one of a template.
  const tags = document.documentElement.querySelectorAll<HTMLScriptElement>('script[data-project-key],script[data-api-key]')
  const tag = tags[tags.length - 1]
  const options = tag && fromScript(tag)
  if (!options) return
  try {
    api.init(options)
  } catch (e) {
    console.error(e)
  }
}
if (document.readyState === 'loading') addEventListener('DOMContentLoaded', begin, { once: true })
else begin()

export const { init, open, close, destroy, identify, setReporter, check, version } = api
