import { Icon } from '../parts/icon'
import parts from '../parts/parts.module.css'
import { useText } from '../text/text'

/** Whether a project takes reports. */
export function State({ active }: { active: boolean }) {
  const { t } = useText()
  return (
    <span className={`${parts.mark} ${active ? (parts['resolved'] ?? '') : ''}`}>
      <Icon name={active ? 'resolved' : 'closed'} />
      {active ? t.settings.on : t.settings.off}
    </span>
  )
}
