/** The browser's own capture of a tab, a window or a screen. */
import type { CaptureRequest, CapturePart, Picture, Reading } from '../contract.ts'
import { bounded, createCanvas } from '../capture/canvas.ts'
import { visible } from './visible.ts'

interface Handles extends MediaDevices {
  setCaptureHandleConfig?(config: { handle?: string; permittedOrigins?: string[] }): void
}
type HandledTrack = MediaStreamTrack & { getCaptureHandle?(): { handle?: string } | null }

/** In milliseconds: a stream that gives no frame until then never will. */
const patience = 5000

const devices = (): Handles | undefined => navigator.mediaDevices as Handles | undefined

function mark(handle: string | null): void {
  try {
    devices()?.setCaptureHandleConfig?.(handle === null ? {} : { handle, permittedOrigins: [location.origin] })
  } catch {
    // Only the top frame may; the surface then counts as another one.
  }
}

const frame = (): Promise<void> => new Promise((done) => {
  // A hidden tab draws no frames.
  const timer = setTimeout(done, 300)
  requestAnimationFrame(() => {
    clearTimeout(timer)
    done()
  })
})

function late<T>(p: Promise<T>): Promise<T> {
  return new Promise((done, failed) => {
    const timer = setTimeout(() => failed(new Error('no picture')), patience)
    p.then(done, failed).finally(() => clearTimeout(timer))
  })
}

async function grab(stream: MediaStream): Promise<HTMLCanvasElement> {
  const video = document.createElement('video')
  video.muted = true
  video.srcObject = stream
  try {
    await late(video.play())
    // What the browser hands out lags behind what it shows.
    await new Promise((done) => setTimeout(done, 200))
    const [w, h] = [video.videoWidth, video.videoHeight]
    const scale = bounded(w, h, 1)
    const c = createCanvas(Math.round(w * scale), Math.round(h * scale), true)
    if (!c || !w) throw new Error('no memory')
    c.drawImage(video, 0, 0, c.canvas.width, c.canvas.height)
    return c.canvas
  } finally {
    video.srcObject = null
  }
}

/** A page that moves between being read and being seen is tried so often. */
const tries = 3

/** False also while the visitor has zoomed into the page with two fingers. */
function fits({ width, height }: HTMLCanvasElement): boolean {
  return Math.abs((visualViewport?.scale ?? 1) - 1) < 0.01 && Math.abs((width * innerHeight) / (height * innerWidth) - 1) < 0.02
}

export async function share(request: CaptureRequest, { capture }: CapturePart): Promise<(Picture & { own: boolean }) | null> {
  const handle = Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join('')
  mark(handle)
  let stream: MediaStream | null = null
  try {
    stream = await devices()!.getDisplayMedia({
      video: { displaySurface: 'browser' }, audio: false, preferCurrentTab: true, selfBrowserSurface: 'include',
    } as DisplayMediaStreamOptions)
    await frame()
    await frame()
    const [track] = stream.getVideoTracks() as HandledTrack[]
    const own = track?.getCaptureHandle?.()?.handle === handle
    const from = stream
    if (!own) return { canvas: await grab(from), covered: 0, missing: [], own }
    const take = async (read: () => Promise<Reading>): Promise<HTMLCanvasElement | null> => {
      let before = await read()
      for (let i = 0; i < tries && before.holes.length > 0; i++) {
        const taken = await grab(from)
        const now = await read()
        // What was found private must be where it was, or the frame shows it elsewhere.
        if (JSON.stringify(now.covers) === JSON.stringify(before.covers)) return fits(taken) ? visible(taken, now.holes) : null
        before = now
      }
      return null
    }
    return { ...(await capture({ ...request, frame: take })), own }
  } catch (e) {
    if ((e as Error)?.name === 'NotAllowedError') return null
    throw e
  } finally {
    stream?.getTracks().forEach((t) => t.stop())
    mark(null)
  }
}
