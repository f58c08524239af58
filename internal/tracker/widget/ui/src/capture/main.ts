/** The lazy part that makes pictures. */
export { capture } from './capture.ts'
