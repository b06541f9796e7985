// Patches drawn on the host: initial rows, baselines, and what a whitening is computed from.
import type { ImageSet } from '../data/index.js'
import { OptionError } from '../errors.js'
import { Permutation } from '../random.js'

export interface PatchSettings {
  window: number
  seed: number
  /** Take each patch's mean off. Default false. */
  centre?: boolean
  /** Patches of norm 1, without zero patches; false: pixels / 255. Default true. */
  unit?: boolean
}

/** `count` patches drawn without replacement, prepared as the learning op prepares them, and of norm 1. `draw` numbers the drawing. */
export function dataPatches(set: ImageSet, config: PatchSettings, count: number, draw: number): Float32Array {
  const [n, channels, height, width] = set.shape
  const { window } = config
  const [rows, columns] = [height - window + 1, width - window + 1]
  if (rows < 1 || columns < 1)
    throw new OptionError({
      op: 'trainLocal',
      argument: 'window',
      actual: String(window),
      expected: `at most the images' ${height} x ${width}`,
    })
  const d = channels * window ** 2
  const order = new Permutation(n * rows * columns, config.seed, (0x80000000 + draw) >>> 0)
  const patches = new Float32Array(count * d)
  let made = 0
  for (let i = 0; i < n * rows * columns && made < count; i++) {
    const at = order.at(i)
    const image = Math.floor(at / (rows * columns))
    const y = Math.floor((at % (rows * columns)) / columns)
    const x = at % columns
    const patch = patches.subarray(made * d, (made + 1) * d)
    let e = 0
    for (let c = 0; c < channels; c++)
      for (let r = 0; r < window; r++)
        for (let s = 0; s < window; s++)
          patch[e++] = (set.images[((image * channels + c) * height + y + r) * width + x + s] ?? 0) / 255
    if (config.centre) {
      const mean = patch.reduce((a, b) => a + b, 0) / d
      for (let j = 0; j < d; j++) patch[j] = (patch[j] ?? 0) - mean
    }
    if (config.unit === false) {
      made++
      continue
    }
    const norm = Math.hypot(...patch)
    if (norm * norm <= 1e-12) continue // a zero patch says nothing
    for (let j = 0; j < d; j++) patch[j] = (patch[j] ?? 0) / norm
    made++
  }
  if (made < count)
    throw new OptionError({
      op: 'trainLocal',
      argument: 'units',
      actual: String(count),
      expected: `at most the ${made} patches that are not zero`,
    })
  return patches
}
