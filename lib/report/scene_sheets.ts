// Small pictures of rendered images, a few of each category.

import type { Images } from '../data/index.js'
import { labelsOf } from '../data/index.js'
import { firstOfEach } from '../data/split.js'
import { type Figure, imageSheet } from '../plot/index.js'

/** Side of a small picture, at most. */
const thumbnail = 72

const mostCategories = 40
const imagesOfEach = 5

/** Planar images [n,3,size,size] no larger than small pictures are. */
async function reduced(pixels: Uint8Array, count: number, size: number): Promise<{ pixels: Uint8Array; size: number }> {
  if (size <= thumbnail) return { pixels, size }
  const { default: sharp } = await import('sharp')
  const [plane, small] = [size * size, thumbnail * thumbnail]
  const out = new Uint8Array(3 * count * small)
  for (let n = 0; n < count; ++n)
    for (let c = 0; c < 3; ++c) {
      const at = 3 * n + c
      const channel = sharp(pixels.subarray(at * plane, (at + 1) * plane), { raw: { width: size, height: size, channels: 1 } })
      out.set(await channel.resize(thumbnail, thumbnail).toColourspace('b-w').raw().toBuffer(), at * small)
    }
  return { pixels: out, size: thumbnail }
}

/** A row of images [count,3,size,size] as one figure. */
export async function rowFigure(pixels: Uint8Array, count: number, size: number, caption: string): Promise<Figure> {
  const small = await reduced(pixels, count, size)
  const { png } = await imageSheet([{ label: caption, images: small.pixels }], [count, 3, small.size, small.size], {
    title: caption,
    gap: 2,
  })
  return { image: png, alt: caption, caption, pixelated: size < thumbnail / 2 }
}

/** Images of one category. */
export interface ShownRows {
  category: string
  rows: number[]
}

/** What of a set its page shows: the first images of some of its categories, evenly chosen. */
export function shownRows(set: Images): ShownRows[] {
  const { labels, classes } = labelsOf(set) ?? { labels: new Int32Array(set.shape[0]), classes: ['images'] }
  const rowsOf = classes.map((): number[] => [])
  for (const row of firstOfEach(labels, imagesOfEach)) rowsOf[labels[row] as number]?.push(row)
  const there = rowsOf.map((rows, label) => ({ category: classes[label] as string, rows })).filter(({ rows }) => rows.length > 0)
  const count = Math.min(mostCategories, there.length)
  return Array.from({ length: count }, (_, i) => there[Math.floor((i * there.length) / count)] as ShownRows)
}

/** A figure for each of those categories. */
export async function contactSheet(set: Images, shown: readonly ShownRows[], signal?: AbortSignal): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const { category, rows } of shown)
    figures.push(await rowFigure(await set.rows(rows, signal), rows.length, set.shape[2], category))
  return figures
}
