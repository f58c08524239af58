/** The entry of /widget.mjs, a module. */
import type * as Public from '../../widget.d.ts'
import { newAPI } from './api.ts'

const api: typeof Public = newAPI({ nonce: '', muted: false }, false)

export const { init, open, close, destroy, identify, setReporter, check, version } = api
