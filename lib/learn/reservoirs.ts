// Patches are drawn from all images at once, which must then lie in memory. A set that is larger than that is visited in parts: reservoirs of
// images drawn by the seed, a few in a run. So a set in memory and the same set on a disk give the same patches in the same order.
import type { Images } from '../data/index.js'
import { Permutation } from '../random.js'

/** Images in memory: bytes [N,C,H,W]. */
export interface Pixels {
  pixels: Uint8Array
  shape: Images['shape']
}

export interface Reservoirs {
  /** How many a run visits, one after another. */
  readonly count: number
  /** [N,C,H,W] of each. */
  readonly shape: Images['shape']
  load(index: number, signal?: AbortSignal): Promise<Pixels>
}

/** Reservoirs of a run at most: eight see enough of any set, and a run need not read all of it. */
const most = 8

/** Images of at most `bytes` of pixels at a time (one image at least); all of them where they fit. */
export function reservoirs(images: Images, bytes: number, seed: number): Reservoirs {
  const [n, channels, height, width] = images.shape
  const size = Math.min(n, Math.max(1, Math.floor(bytes / (channels * height * width))))
  const shape = [size, channels, height, width] as const
  if (size === n) {
    const all = Int32Array.from({ length: n }, (_, i) => i)
    return {
      count: 1,
      shape,
      load: async (_index, signal) => ({ pixels: images.pixels ?? (await images.rows(all, signal)), shape }),
    }
  }
  const order = new Permutation(n, seed, 0x72657376)
  return {
    count: Math.min(most, Math.floor(n / size)),
    shape,
    load: async (index, signal) => {
      // Ascending, as they lie on a disk.
      const rows = Int32Array.from({ length: size }, (_, i) => order.at(index * size + i)).sort()
      return { pixels: await images.rows(rows, signal), shape }
    },
  }
}
