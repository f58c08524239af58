/** What the core and its lazy parts know of each other. Nothing here has code. */
import type { ConsoleEntry, NetworkEntry, Options, Report, UserAction } from '../widget.d.ts'
import type { Texts } from './text/texts.ts'

export type { Category, ConsoleEntry, NetworkEntry, Options, Report, Severity, User, UserAction } from '../widget.d.ts'
export type { Texts } from './text/texts.ts'

/** What to do with an element: show it, hide its text, or hide it as a whole. */
export type Rule = 'show' | 'mask' | 'block'

/** Decides what may leave the page. All of it works without asking the server. */
export interface Privacy {
  /** s with everything that looks secret replaced. */
  text(s: string): string
  /** Where text would replace something: [from, to) in UTF-16 units, sorted, not overlapping. */
  ranges(s: string): [from: number, to: number][]
  url(s: string): string
  /** Whether a member, header or parameter of this name holds a secret. */
  secretName(name: string): boolean
  /** The element's own rule; the caller passes what an ancestor had down. */
  rule(e: Element): Rule
  /** Whether what is typed into this field is hidden. */
  hidesValue(e: Element): boolean
  /** Calls cover() of every text that is private together with what stands beside it. */
  rows(seen: Seen[]): void
}

/** A text that is about to be drawn, and where in the picture. */
export interface Seen {
  text: string
  at: Box
  cover(): void
}

/** A picture of the page with everything private already covered. */
export interface Picture {
  canvas: HTMLCanvasElement
  /** How many regions were covered. */
  covered: number
  /** What is missing, for the visitor: "frame" is content of another site. */
  missing: ('frame' | 'image' | 'video' | 'canvas' | 'time')[]
}

export interface CaptureRequest {
  /** The widget's own element, which is left out. */
  ignore: Element
  privacy: Privacy
  /** Pixels of the picture for one CSS pixel; devicePixelRatio where absent. */
  scale?: number
  /** Stop after so many milliseconds and return what is drawn; 4000 where absent. */
  budget?: number
  /**
   * Takes the browser's own picture of this tab, of which only images, canvases and videos are
   * shown that the page may not read. What is drawn is what read() found last. Null where the
   * frame cannot be used.
   */
  frame?: (read: () => Promise<Reading>) => Promise<HTMLCanvasElement | null>
}

/** What was found on the page, in CSS pixels of its window. */
export interface Reading {
  /** What only the browser can show. */
  holes: { element: Element; at: Box }[]
  /** What is private. */
  covers: Box[]
}

interface Box {
  x: number
  y: number
  w: number
  h: number
}

export interface CapturePart {
  /** Draws the visible part of the page. It rejects only when nothing can be drawn. */
  capture(request: CaptureRequest): Promise<Picture>
}

export interface SharePart {
  /**
   * Asks the visitor to share this tab, and makes a picture with what only the browser can
   * see of it. own is false when the visitor chose another surface, of which nothing can be
   * covered. Null: declined.
   */
  share(request: CaptureRequest, part: CapturePart): Promise<(Picture & { own: boolean }) | null>
}

export interface FilePart {
  /** Reads a picture from a file, scaled to at most 16384 pixels a side; its metadata is gone. */
  read(file: Blob): Promise<Picture>
}

/** One shape of a drawing, in pixels of the original picture. */
export interface Shape {
  tool: 'pen' | 'arrow' | 'rectangle' | 'ellipse' | 'text' | 'blur'
  color: string
  width: number
  /** x, y, x, y, ... */
  points: number[]
  text?: string
}

/** Everything drawn on a picture. The original stays as it was, so it can be changed later. */
export interface Drawing {
  shapes: Shape[]
  crop: { x: number; y: number; width: number; height: number } | null
}

export interface Annotated {
  drawing: Drawing
  /** Cropped, with blurred regions destroyed, without the other shapes. */
  plain: HTMLCanvasElement
  /** The same with the shapes; null when there is none. */
  annotated: HTMLCanvasElement | null
}

export interface AnnotateRequest {
  /** Where the editor draws itself: inside the widget's closed shadow root. */
  into: HTMLElement | ShadowRoot
  picture: HTMLCanvasElement
  drawing: Drawing | null
  text: Texts['annotator']
  color: string
}

export interface AnnotatorPart {
  /** The style sheet of the editor; the caller adopts it into the shadow root. */
  css: string
  /** Opens the editor over the whole window. Null: cancelled. */
  annotate(request: AnnotateRequest): Promise<Annotated | null>
}

/** What was collected until now, ready to be sent. */
export interface Collected {
  console: ConsoleEntry[]
  network: NetworkEntry[]
  actions: UserAction[]
  metadata: Record<string, unknown>
}

/** What was seen, with everything private still in it. It does not leave the core but through PrivacyPart. */
export interface Raw {
  console: ConsoleEntry[]
  network: NetworkEntry[]
  actions: UserAction[]
  vitals: { [name: string]: number }
}

export interface PrivacyPart {
  newPrivacy(o: Options, passwords: WeakSet<EventTarget>): Privacy
  masked(raw: Raw, o: Options, p: Privacy): Collected
}

export interface NetworkPart {
  watchNetwork(record: (entry: NetworkEntry) => void): () => void
}

export interface CheckPart {
  /** Without a host it asks the server nothing. */
  check(host?: Host): Promise<string[]>
}

/** A finished report with its pictures, as it is kept until the server has it. */
export interface Parcel {
  report: Report
  /** Plain, then annotated. */
  pictures: Blob[]
}

/** sent: the server has it. kept: it is on this machine and goes out later. lost: neither. */
export type Outcome =
  | { state: 'sent'; trackingId: string | null; withoutPicture: boolean }
  | { state: 'kept' }
  | { state: 'lost' }
  | { state: 'refused'; reason: Refusal }

/** Why a server will not take a report, however often it is sent. */
export type Refusal = 'key' | 'origin' | 'inactive' | 'size' | 'invalid'

export interface SenderPart {
  /** Keeps the parcel, sends it, and forgets it once the server has it. */
  send(host: Host, parcel: Parcel): Promise<Outcome>
  /** Sends what earlier visits have left; returns how many still wait. */
  flush(host: Host): Promise<number>
}

/** What the project's settings on the server say. */
export interface Remote {
  primaryColor?: string
  showWatermark?: boolean
  enableScreenshot?: boolean
  enableSessionRecording?: boolean
  modalTitle?: string
  buttonText?: string
  logoUrl?: string
}

export interface Parts {
  form: FormPart
  capture: CapturePart
  share: SharePart
  file: FilePart
  annotator: AnnotatorPart
  sender: SenderPart
  privacy: PrivacyPart
  check: CheckPart
  network: NetworkPart
}

/** What the core gives to its parts. */
export interface Host {
  options: Options
  key: string
  /** Without a slash at its end. */
  endpoint: string
  remote: Remote
  privacy: Privacy
  /** The element on the page, and its closed shadow root. */
  element: HTMLElement
  root: ShadowRoot
  language: string
  /** What must outlive the form where the browser forbids storage. */
  memory: Map<string, string>
  /** The browser's functions as they were at the start, before the page changed them. */
  fetch: typeof fetch
  reporter(): string | undefined
  /** Freezes what was collected: a form that is open records no more. */
  collect(): Collected
  part<K extends keyof Parts>(name: K): Promise<Parts[K]>
  /** Adds a style sheet to the shadow root. */
  style(css: string): void
  fail(error: unknown): void
  /** Says something beside the button. */
  say(text: string): void
  /** The form tells that it has gone. */
  closed(): void
}

export interface Form {
  close(): void
  focus(): void
  /** Shows it again after its element was moved. */
  show(): void
  destroy(): void
}

export interface FormPart {
  /** Shows the form at once. */
  open(host: Host, texts: Texts): Form
}
