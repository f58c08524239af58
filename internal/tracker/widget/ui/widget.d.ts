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
  texts?: OwnTexts<Texts>
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
  /** Called for the preview and for sending, with a copy, whenever the report has changed. */
  beforeSend?: (report: Report) => Report | null | Promise<Report | null>
  onSubmit?: (report: Report) => void
  onOpen?: () => void
  onClose?: () => void
  onError?: (error: Error) => void
  /** Return false to leave an entry out, or another entry to record instead. */
  consoleFilter?: (entry: ConsoleEntry) => boolean | ConsoleEntry
  networkFilter?: (entry: NetworkEntry) => boolean | NetworkEntry
}

/** Any of the texts, each with the places that are filled in: {n} and the like. */
export type OwnTexts<T> = { [K in keyof T]?: T[K] extends string ? string : OwnTexts<T[K]> }

/** The texts of one language. {n} and the like are filled in. */
export interface Texts {
  form: {
    heading: string
    title: string
    titleHint: string
    description: string
    descriptionHint: string
    severity: string
    severities: { low: string; medium: string; high: string; critical: string }
    category: string
    categories: { bug: string; ui: string; performance: string; crash: string; other: string }
    email: string
    emailHint: string
    optional: string
    picture: string
    capture: string
    capturing: string
    share: string
    shareHint: string
    choose: string
    dropHint: string
    annotate: string
    retake: string
    remove: string
    pictureAlt: string
    covered: string
    console: string
    consoleLines: string
    preview: string
    cancel: string
    send: string
    sending: string
    close: string
    keep: string
    discard: string
    closeQuestion: string
    closeExplained: string
    sent: string
    sentNumber: string
    sentWithoutPicture: string
    kept: string
  }
  preview: {
    heading: string
    explained: string
    include: string
    picture: string
    console: string
    network: string
    actions: string
    device: string
    exact: string
    bytes: string
    pictureKey: string
    back: string
    empty: string
  }
  problem: {
    title: string
    titleLong: string
    email: string
    pause: string
    key: string
    origin: string
    inactive: string
    size: string
    invalid: string
    picture: string
    file: string
    foreign: string
    missing: string
    part: string
    cancelled: string
    unknown: string
  }
  annotator: {
    heading: string
    pen: string
    arrow: string
    rectangle: string
    ellipse: string
    text: string
    blur: string
    crop: string
    undo: string
    redo: string
    zoomIn: string
    zoomOut: string
    zoomReset: string
    color: string
    colors: { red: string; orange: string; yellow: string; green: string; blue: string; black: string }
    width: string
    widths: { thin: string; medium: string; thick: string }
    done: string
    cancel: string
    canvas: string
    keyboard: string
    typeHere: string
    place: string
    deleted: string
    added: string
  }
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
/** Says in words what the browser costs, and whether the server can be reached and would take reports of this page; an empty list: nothing is wrong. */
export function check(): Promise<string[]>
/** The version of this interface. */
export const version: string
