import type { ReactNode } from 'react'
import { Icon } from '../parts/icon'
import { LanguageSelect, ThemeSelect } from './choices'
import css from './door.module.css'

/** The frame of the pages before the product: one card, nothing else. */
export function Door({ title, lead, children }: { title: string; lead: string; children: ReactNode }) {
  return (
    <div className={css.door}>
      <main className={css.card}>
        <div className={css.head}>
          <Icon name="spark" size={36} />
          <h1>{title}</h1>
          <p>{lead}</p>
        </div>
        {children}
      </main>
      <footer className={css.foot}>
        <LanguageSelect />
        <ThemeSelect />
      </footer>
    </div>
  )
}
