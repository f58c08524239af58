import { useId, useState } from 'react'
import { useMe, useWidget } from '../api/session'
import { Code } from '../parts/controls'
import parts from '../parts/parts.module.css'
import { useText } from '../text/text'
import { snippet } from './snippet'

/** The snippet of a key, plain or pinned. A server without its widget offers the plain one. */
export function SnippetBox({ apiKey, whole }: { apiKey: string; whole: boolean }) {
  const { t } = useText()
  const me = useMe()
  const widget = useWidget()
  const [pin, setPin] = useState(false)
  const hint = useId()
  const pinned = pin && widget.data ? widget.data : undefined
  return (
    <>
      <Code text={snippet(location.origin, apiKey, pinned)} label={t.project.snippet} />
      <div className={parts.snippetFoot}>
        {widget.data && (
          <label className={parts.check}>
            <input type="checkbox" checked={pin} aria-describedby={hint} onChange={(event) => setPin(event.target.checked)} />
            {t.project.pin(widget.data.version)}
          </label>
        )}
        {widget.data && me.data?.role === 'superadmin' && (
          <a className={parts.button} href={`/widget/demo${whole ? `#${apiKey}` : ''}`} target="_blank" rel="noopener">
            {t.project.tryIt}
          </a>
        )}
      </div>
      {widget.data && (
        <span id={hint} className={parts.hint}>
          {t.project.pinHint}
        </span>
      )}
    </>
  )
}
