/** The lazy part in which a visitor draws on the picture. See AnnotatorPart in contract.ts. */
import type { AnnotateRequest, Annotated } from '../contract.ts'
import { edit } from './editor.ts'

export { css } from './style.ts'

export async function annotate(request: AnnotateRequest): Promise<Annotated | null> {
  const { width, height } = request.picture
  if (!(width > 0 && height > 0)) throw new Error('the picture to draw on is empty')
  return edit(request)
}
