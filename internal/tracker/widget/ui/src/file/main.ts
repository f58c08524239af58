/** Pictures from files. Drawing them leaves their metadata behind. */
import type { Picture } from '../contract.ts'
import { bounded, createCanvas } from '../capture/canvas.ts'

/** In bytes; larger files are no pictures of a screen. */
const mostBytes = 64 << 20

export async function read(file: Blob): Promise<Picture> {
  if (file.size > mostBytes) throw new Error('the file is too large for a picture')
  let bitmap: ImageBitmap
  try {
    bitmap = await createImageBitmap(file)
  } catch {
    throw new Error('the file is no picture that this browser can read')
  }
  try {
    const { width, height } = bitmap
    for (const s of [1, 0.5, 0.25]) {
      const scale = bounded(width, height, s)
      const c = createCanvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)), true)
      if (!c) continue
      c.imageSmoothingQuality = 'high'
      c.drawImage(bitmap, 0, 0, c.canvas.width, c.canvas.height)
      return { canvas: c.canvas, covered: 0, missing: [] }
    }
    throw new Error('no memory for a picture')
  } finally {
    bitmap.close()
  }
}
