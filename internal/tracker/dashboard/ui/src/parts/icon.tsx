import spriteURL from '../sprite.svg?url'
import css from './parts.module.css'

/** The signs of sprite.svg, which is fetched once and put into the page:
 *  references into another file are judged by different directives of the
 *  content security policy in different browsers. */
export async function loadSprite(): Promise<void> {
  const answer = await fetch(spriteURL)
  const sprite = new DOMParser().parseFromString(await answer.text(), 'image/svg+xml').documentElement
  sprite.setAttribute('aria-hidden', 'true')
  sprite.setAttribute('width', '0')
  sprite.setAttribute('height', '0')
  sprite.setAttribute('class', 'visually-hidden')
  document.body.prepend(document.importNode(sprite, true))
}

export function Icon({ name, size = 16 }: { name: string; size?: number }) {
  return (
    <svg className={css.icon} aria-hidden="true" focusable="false" {...(size === 16 ? {} : { style: { width: size, height: size } })}>
      <use href={`#${name}`} />
    </svg>
  )
}
