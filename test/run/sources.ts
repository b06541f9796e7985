// One set of images in memory and as files that are decoded as they are asked for, and sources that are watched.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { type Images, type InMemoryImages, labelsOf, openImages, renderSet } from '../../lib/index.js'

export interface Pair {
  /** All pixels in memory. */
  memory: InMemoryImages
  /** The same images, decoded as they are read. */
  disk: Images
}

/** Renders scenes of `size` pixels into `folder`, a PNG each, and opens them twice. */
export async function makePair(folder: string, count: number, size: number): Promise<Pair> {
  const set = await renderSet({ count, size, seed: 11 })
  const known = labelsOf(set)
  if (!known) throw new Error('no labels')
  const plane = size * size
  for (const name of known.classes) mkdirSync(join(folder, name), { recursive: true })
  for (let i = 0; i < count; i++) {
    const rgb = Buffer.alloc(3 * plane)
    for (let at = 0; at < plane; at++) for (let c = 0; c < 3; c++) rgb[3 * at + c] = set.pixels[(3 * i + c) * plane + at] ?? 0
    const file = join(folder, known.classes[known.labels[i] as number] as string, `${String(i).padStart(4, '0')}.png`)
    await sharp(rgb, { raw: { width: size, height: size, channels: 3 } })
      .png()
      .toFile(file)
  }
  const memory = await openImages(folder, { memoryLimit: 2 ** 30 })
  const disk = await openImages(folder, { memoryLimit: 0 })
  if (!memory.pixels || disk.pixels) throw new Error('not what was asked for')
  return { memory: memory as InMemoryImages, disk }
}

/** The same images, with every call of `rows` told before it is answered. */
export function watchedRows(images: Images, onRows: (indices: readonly number[], call: number) => void): Images {
  let calls = 0
  return {
    ...images,
    rows: (indices, signal) => {
      onRows(Array.from(indices), ++calls)
      return images.rows(indices, signal)
    },
  }
}
