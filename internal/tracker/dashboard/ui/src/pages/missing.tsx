import { Link } from 'wouter'
import parts from '../parts/parts.module.css'
import { Icon } from '../parts/icon'
import { useText } from '../text/text'
import { useTitle } from './title'

export function Missing() {
  const { t } = useText()
  useTitle(t.missing.title)
  return (
    <div className={parts.fault}>
      <Icon name="search" />
      <div>
        <h1>{t.missing.title}</h1>
        <p>{t.missing.lead}</p>
        <div className={parts.faultFoot}>
          <Link href="/bugs" className={parts.button}>
            {t.missing.action}
          </Link>
        </div>
      </div>
    </div>
  )
}
