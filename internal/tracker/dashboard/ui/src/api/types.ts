// The wire contract, as far as this program uses it.

export const severities = ['critical', 'high', 'medium', 'low'] as const
export type Severity = (typeof severities)[number]

export const statuses = ['new', 'triaging', 'in_progress', 'resolved', 'closed'] as const
export type Status = (typeof statuses)[number]

export interface User {
  id: string
  email: string
  name: string
  role: string
  mustChangePassword?: boolean
}

/** What an account may do in a project; each includes the ones before. */
export const roles = ['viewer', 'editor', 'admin', 'owner'] as const
export type Role = (typeof roles)[number]

/** Whether a role includes the rights of another. The server decides; this only keeps
 *  what it would refuse from being offered. */
export function allows(role: Role | undefined, need: Role): boolean {
  return role !== undefined && roles.indexOf(role) >= roles.indexOf(need)
}

export interface Project {
  id: string
  name: string
  domain: string
  apiKey: string // whole only in the answers that make it
  isActive: boolean
  createdAt: string
  role?: Role
  reportCount: number
}

export interface ReportSummary {
  id: string
  projectId: string
  trackingId: string
  title: string
  description: string
  severity: Severity
  category: string
  status: Status
  createdAt: string
  updatedAt: string
  reporterIdentifier: string | null
}

export interface Report extends ReportSummary {
  screenshotUrl: string | null
  annotatedScreenshotUrl: string | null
  // What a page sent, and so whatever a hostile one likes: evidence.ts reads it.
  consoleLogs: unknown
  networkLogs: unknown
  userActions: unknown
  metadata: unknown
}

export interface ReportPage {
  items: ReportSummary[]
  total: number
  /** There are more than total tells: a search is counted up to 10,000. */
  totalIsEstimate?: boolean
  page: number
  pageSize: number
}
