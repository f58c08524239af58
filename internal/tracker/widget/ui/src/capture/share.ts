/** The browser's own capture of a tab, a window or a screen. */
import type { CaptureRequest, Picture } from '../contract.ts'
import { bounded, createCanvas } from './canvas.ts'
import { coverFrame } from './capture.ts'

interface Handles extends MediaDevices {
  setCaptureHandleConfig?(config: { handle?: string; permittedOrigins?: string[] }): void
}
type HandledTrack = MediaStreamTrack & { getCaptureHandle?(): { handle?: string } | null }

/** In milliseconds: a stream that gives no frame until then never will. */
const patience = 5000

const devices = (): Handles | undefined => navigator.mediaDevices as Handles | undefined

export function canShare(): boolean {
  try {
    return isSecureContext && typeof devices()?.getDisplayMedia === 'function'
  } catch {
    return false
  }
}

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

async function grab(stream: MediaStream): Promise<CanvasRenderingContext2D> {
  const video = document.createElement('video')
  video.muted = true
  video.srcObject = stream
  try {
    await late(video.play())
    await frame()
    await frame()
    const [w, h] = [video.videoWidth, video.videoHeight]
    const scale = bounded(w, h, 1)
    const c = createCanvas(Math.round(w * scale), Math.round(h * scale), true)
    if (!c || !w) throw new Error('no memory')
    c.drawImage(video, 0, 0, c.canvas.width, c.canvas.height)
    return c
  } finally {
    video.srcObject = null
  }
}

export async function share(request: CaptureRequest): Promise<(Picture & { own: boolean }) | null> {
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
    const c = await grab(stream)
    for (const t of stream.getTracks()) t.stop()
    if (!own) return { canvas: c.canvas, covered: 0, missing: [], own }
    const { covered, complete, missing } = await coverFrame(c, request)
    if (!complete) throw new Error('too large to cover')
    return { canvas: c.canvas, covered, missing, own }
  } catch (e) {
    if ((e as Error)?.name === 'NotAllowedError') return null
    throw e
  } finally {
    stream?.getTracks().forEach((t) => t.stop())
    mark(null)
  }
}
