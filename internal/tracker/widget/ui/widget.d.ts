/** The public interface of the BugSpark widget: /widget.mjs, and window.BugSpark of /widget.js. */

export type Severity = 'low' | 'medium' | 'high' | 'critical'
export type Category = 'bug' | 'ui' | 'performance' | 'crash' | 'other'
export type Position = 'bottom-right' | 'bottom-left' | 'top-right' | 'top-left'
export type Theme = 'light' | 'dark' | 'auto'
export type Language = 'auto' | 'en' | 'zh-Hant' | 'de' | 'fr' | 'es'

/** Numbers of persons that are hidden in texts only when asked for, because they look like others. */
export type NationalNumber = 'us-ssn' | 'gb-nino' | 'de-tax' | 'fr-nir' | 'es-dni' | 'hk-id' | 'tw-id'

export interface User {
  id?: string
  email?: string
  name?: string
}

export interface Branding {
  /** A small "BugSpark" below the form. The project's setting counts where this is absent. */
  showWatermark?: boolean
  primaryColor?: string
  /** The colour of text on primaryColor; found by contrast where absent. */
  textColor?: string
  buttonText?: string
  modalTitle?: string
  /** A picture of this page's own site or of the server; others are not loaded. */
  logoUrl?: string
}

export interface ConsoleEntry {
  level: 'log' | 'info' | 'warn' | 'error' | 'debug'
  message: string
  /** Milliseconds since the epoch. */
  timestamp: number
  stack?: string
}

export interface NetworkEntry {
  method: string
  url: string
  /** 0: no answer. */
  status: number
  /** In milliseconds. */
  duration: number
  timestamp: number
  responseHeaders?: Record<string, string>
}

export interface UserAction {
  type: 'click' | 'scroll' | 'resize' | 'navigation'
  timestamp: number
  target?: string
  data?: Record<string, unknown>
}

/** What is sent: the body of POST /api/v1/reports. */
export interface Report {
  title: string
  description: string
  severity: Severity
  category: Category
  reporter_identifier?: string
  screenshot_url?: string
  annotated_screenshot_url?: string
  console_logs: ConsoleEntry[]
  network_logs: NetworkEntry[]
  user_actions: UserAction[]
  metadata: Record<string, unknown>
  /** A UUID that makes sending it again harmless. */
  submission_id: string
  hpField?: string
}

export interface Options {
  /** The project's key, bsk_pub_... */
  projectKey?: string
  /** The same. */
  apiKey?: string
  /** The root of the API, https://SERVER/api/v1 */
  endpoint: string
  position?: Position
  theme?: Theme
  language?: Language
  /** Texts that replace those of the language, for other languages too. */
  texts?: Record<string, unknown>
  primaryColor?: string
  enableScreenshot?: boolean
  collectConsole?: boolean
  /** The same as collectConsole. */
  enableConsoleLogs?: boolean
  collectNetwork?: boolean
  /** The same as collectNetwork. */
  enableNetworkLogs?: boolean
  /** Clicks, scrolling, sizes and navigation of the last 60 seconds. */
  enableSessionRecording?: boolean
  maxConsoleLogs?: number
  maxNetworkLogs?: number
  user?: User
  reporterIdentifier?: string
  branding?: Branding
  /** Sent with every report; a function is called when the form opens. */
  metadata?: Record<string, unknown> | (() => Record<string, unknown>)
  environment?: string
  release?: string
  /** Hide typed text in pictures; true. Elements may say otherwise by data-bugspark-unmask. */
  maskInputs?: boolean
  /** Elements whose text is hidden, beside those with data-bugspark-mask. */
  maskSelectors?: string[]
  /** Elements that are hidden as a whole, beside those with data-bugspark-block. */
  blockSelectors?: string[]
  /** Text to hide wherever it stands. A text is found as it is. */
  maskPatterns?: (RegExp | string)[]
  maskNumbers?: NationalNumber[]
  /** Draw no button; open() opens the form. */
  hideButton?: boolean
  beforeSend?: (report: Report) => Report | null | Promise<Report | null>
  onSubmit?: (report: Report) => void
  onOpen?: () => void
  onClose?: () => void
  onError?: (error: Error) => void
  /** Return false to leave an entry out, or another entry to record instead. */
  consoleFilter?: (entry: ConsoleEntry) => boolean | ConsoleEntry
  networkFilter?: (entry: NetworkEntry) => boolean | NetworkEntry
}

/** Starts the widget. Without key or endpoint it throws; a second call only warns. */
export function init(options: Options): void
/** Opens the form. */
export function open(): void
/** Closes the form; what was written stays for the next time. */
export function close(): void
/** Takes the widget off the page and gives back what it had wrapped. */
export function destroy(): void
/** Says who uses the page. */
export function identify(user: User): void
/** Says who reports, in words of your own. */
export function setReporter(text: string): void
/** Says which directives of the page's policy cost what, in words; an empty list: nothing. */
export function check(): Promise<string[]>
/** The version of this interface. */
export const version: string
