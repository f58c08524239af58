import { useReports } from '../api/session'
import type { Project } from '../api/types'
import { change, openStatuses, type Filters } from '../filters'
import { Icon } from '../parts/icon'
import parts from '../parts/parts.module.css'
import { useText } from '../text/text'
import { useCreating } from './creating'
import css from './list.module.css'
import { SnippetBox } from './snippet-box'

interface Props {
  filters: Filters
  total: number
  narrowed: boolean
  projects: Project[] | undefined
  go: (to: Filters) => void
}

/** An empty list says why it is empty and what to do about it. */
export function Empty({ filters, total, narrowed, projects, go }: Props) {
  const { t } = useText()
  const everything = change(filters, { status: [], severity: [], search: '' })
  const all = useReports(everything)
  if (total > 0) {
    return (
      <Notice icon="bug" title={t.list.emptyPage} lead="">
        <button type="button" className={parts.button} onClick={() => go({ ...filters, page: 1 })}>
          {t.list.firstPage}
        </button>
      </Notice>
    )
  }
  if (narrowed) return <Drops filters={filters} go={go} />
  if (projects?.length === 0) return <FirstProject />
  if (all.isPending) return null
  if ((all.data?.total ?? 0) > 0) {
    return (
      <Notice icon="check" title={t.list.emptyOpenTitle} lead={t.list.emptyOpenLead}>
        <button type="button" className={parts.button} onClick={() => go(everything)}>
          {t.list.showAll}
        </button>
      </Notice>
    )
  }
  return (
    <Notice icon="bug" title={t.list.noneTitle} lead={t.list.noneLead}>
      <SnippetBox apiKey="bsk_pub_…" whole={false} />
      <span className={parts.hint}>{t.list.noneKey}</span>
    </Notice>
  )
}

function FirstProject() {
  const { t } = useText()
  const create = useCreating()
  return (
    <Notice icon="plus" title={t.list.noProjectTitle} lead={t.list.noProjectLead}>
      <button type="button" className={`${parts.button} ${parts.primary}`} onClick={create}>
        {t.nav.newProject}
      </button>
    </Notice>
  )
}

/** One button for each filter that could go, with what would then be seen. */
function Drops({ filters, go }: { filters: Filters; go: (to: Filters) => void }) {
  const { t } = useText()
  const drops: [string, Filters][] = []
  if (filters.search.trim()) drops.push([`“${filters.search.trim()}”`, change(filters, { search: '' })])
  if (filters.severity.length > 0) drops.push([t.list.filterSeverity, change(filters, { severity: [] })])
  if (filters.status.length > 0) drops.push([t.list.filterStatus, change(filters, { status: [] })])
  if (drops.length > 1) drops.push([t.list.reset, change(filters, { search: '', severity: [], status: openStatuses })])
  return (
    <Notice icon="search" title={t.list.emptyTitle} lead={t.list.emptyLead}>
      <div className={css.drops}>
        {drops.map(([label, to]) => (
          <Drop key={label} label={label} to={to} go={go} />
        ))}
      </div>
    </Notice>
  )
}

function Drop({ label, to, go }: { label: string; to: Filters; go: (to: Filters) => void }) {
  const { t } = useText()
  const found = useReports(to)
  return (
    <button type="button" className={parts.button} onClick={() => go(to)}>
      <Icon name="close" />
      {label}
      {found.data && !found.isPlaceholderData && <span className={css.soft}>{t.list.count(found.data.total)}</span>}
    </button>
  )
}

function Notice({ icon, title, lead, children }: { icon: string; title: string; lead: string; children: React.ReactNode }) {
  return (
    <section className={css.empty}>
      <span className={css.sign}>
        <Icon name={icon} size={20} />
      </span>
      <h2>{title}</h2>
      {lead && <p>{lead}</p>}
      {children}
    </section>
  )
}
