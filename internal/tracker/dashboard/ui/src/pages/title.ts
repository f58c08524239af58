import { useEffect } from 'react'
import { useText } from '../text/text'

/** Names the tab after what it shows. */
export function useTitle(what: string): void {
  const { t } = useText()
  useEffect(() => {
    document.title = what ? `${what} · ${t.product}` : t.product
  }, [what, t.product])
}
