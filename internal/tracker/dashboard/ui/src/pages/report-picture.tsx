import { useEffect, useRef, useState } from 'react'
import type { Report } from '../api/types'
import { pictureLink } from '../evidence'
import { Icon } from '../parts/icon'
import { useKeys } from '../parts/keys'
import parts from '../parts/parts.module.css'
import { useText } from '../text/text'
import css from './report.module.css'

type Kind = 'original' | 'annotated'

/** The picture a report came with. Its links run out while the page is open:
 *  the first failure asks for the report again, the second is told. */
export function Picture({ report, renew }: { report: Report; renew: () => void }) {
  const { t } = useText()
  const original = pictureLink(report.screenshotUrl, location.origin)
  const annotated = pictureLink(report.annotatedScreenshotUrl, location.origin)
  const [wanted, setWanted] = useState<Kind>('annotated')
  const kind: Kind = wanted === 'annotated' && annotated ? 'annotated' : original ? 'original' : 'annotated'
  const source = kind === 'annotated' ? annotated : original
  const both = original !== null && annotated !== null
  const [full, setFull] = useState(false)
  const [failed, setFailed] = useState<string | null>(null)
  const renewed = useRef(false)

  const flip = () => both && setWanted(kind === 'annotated' ? 'original' : 'annotated')
  useKeys({ a: flip, A: flip })

  if (source === null) {
    return (
      <section className={`${css.picture} ${css.noPicture}`} aria-label={t.report.picture}>
        <Icon name="image" />
        {t.report.noPicture}
      </section>
    )
  }
  const alt = t.report.pictureAlt(report.trackingId, kind === 'annotated' ? t.report.annotated : t.report.original)
  return (
    <section className={css.picture}>
      <div className={css.pictureBar}>
        <h2>{t.report.picture}</h2>
        {both && (
          <div className={css.segment} role="group" aria-label={t.report.picture}>
            {(['annotated', 'original'] as const).map((k) => (
              <button key={k} type="button" aria-pressed={kind === k} aria-keyshortcuts="A" onClick={() => setWanted(k)}>
                {t.report[k]}
              </button>
            ))}
          </div>
        )}
        <button type="button" className={`${parts.button} ${parts.quiet}`} onClick={() => setFull(true)}>
          <Icon name="expand" />
          {t.report.enlarge}
        </button>
      </div>
      {failed === source ? (
        <div className={css.noPicture} role="alert">
          <Icon name="warning" />
          {t.report.pictureGone}
          <button
            type="button"
            className={parts.button}
            onClick={() => {
              setFailed(null)
              renew()
            }}
          >
            {t.retry}
          </button>
        </div>
      ) : (
        <button type="button" className={css.stage} onClick={() => setFull(true)} aria-label={`${t.report.enlarge}: ${alt}`}>
          <img
            src={source}
            alt={alt}
            decoding="async"
            onError={() => {
              if (renewed.current) setFailed(source)
              else {
                renewed.current = true
                renew()
              }
            }}
            onLoad={() => {
              renewed.current = false
            }}
          />
        </button>
      )}
      {full && <Full source={source} alt={alt} onClose={() => setFull(false)} />}
    </section>
  )
}

function Full({ source, alt, onClose }: { source: string; alt: string; onClose: () => void }) {
  const { t } = useText()
  const ref = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const dialog = ref.current
    dialog?.showModal()
    return () => dialog?.close()
  }, [])
  return (
    <dialog
      ref={ref}
      className={css.full}
      aria-label={alt}
      onClose={onClose}
      onClick={(event) => event.target === ref.current && onClose()}
    >
      <div className={css.fullBar}>
        <button type="button" className={parts.button} onClick={onClose}>
          <Icon name="close" />
          {t.close}
        </button>
      </div>
      <img src={source} alt={alt} />
    </dialog>
  )
}
