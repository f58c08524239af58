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

export interface Project {
  id: string
  name: string
  domain: string
  apiKey: string // whole only in the answer to its creation
  createdAt: string
  role?: string
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
