// The maps of a trunk as images for the layer above it: 8 bits each, so that every rule learns from them by the ops that learn from images, at
// a quarter of the memory of float32. Each image's maps are scaled to their own maximum; patches are divided by their norms anyway. The network
// itself never rounds its maps.
import { createHash } from 'node:crypto'
import type { ImageSet } from '../data/index.js'
import { OutOfMemoryError } from '../errors.js'
import type { LocalBlock } from '../models/local_config.js'
import { type BlockWeights, respondInTurn } from '../models/local_net.js'
import { type OnProgress, startPhase } from '../run/progress.js'
import { scope, Tensor } from '../tensor.js'

export interface Trunk {
  blocks: readonly LocalBlock[]
  weights: readonly BlockWeights[]
}

export interface MapRun {
  /** Name of the phase. */
  phase: string
  /** Everything that the maps depend on beside the images; it is part of their hash. */
  identity: unknown
  signal?: AbortSignal
  onProgress?: OnProgress
}

/**
 * The maps [N,K,P,Q] that a trunk gives for an image set, as bytes: round(255 x / largest x of the image).
 * @throws {OutOfMemoryError} before anything is computed
 */
export async function trunkMaps(
  set: ImageSet,
  { blocks, weights }: Trunk,
  shape: ImageSet['shape'],
  run: MapRun,
): Promise<ImageSet> {
  const [n] = shape
  const each = shape[1] * shape[2] * shape[3]
  const pixels = set.images.length / n
  const { device } = (weights[0] as BlockWeights).filters
  // Once here, and once on the device, which for a CPU is the same memory.
  if (2 * n * each > 0.75 * process.availableMemory())
    throw new OutOfMemoryError(
      `trainLocal: maps of ${n} images need ${((2 * n * each) / 2 ** 30).toFixed(2)} GiB; take fewer units, a larger pool stride or fewer images`,
    )
  const bytes = new Uint8Array(n * each)
  const report = startPhase(run.phase, 'images', n, 0, run.onProgress)
  const chunk = 256
  for (let first = 0; first < n; first += chunk) {
    run.signal?.throwIfAborted()
    const count = Math.min(chunk, n - first)
    const values = await scope(async () => {
      const part = set.images.subarray(first * pixels, (first + count) * pixels)
      const images = Tensor.from(part, { shape: [count, ...set.shape.slice(1)], device })
      return (await respondInTurn(images, blocks, weights).read()).data
    })
    for (let i = 0; i < count; i++) {
      let largest = 0
      for (let j = i * each; j < (i + 1) * each; j++) largest = Math.max(largest, values[j] as number)
      const factor = largest > 0 ? 255 / largest : 0
      for (let j = 0; j < each; j++) bytes[(first + i) * each + j] = Math.round((values[i * each + j] as number) * factor)
    }
    report(first + count)
  }
  const sha256 = createHash('sha256').update(set.sha256).update(JSON.stringify(run.identity)).digest('hex')
  return { images: bytes, labels: null, shape, classes: [], name: `${set.name}, maps`, sha256 }
}
