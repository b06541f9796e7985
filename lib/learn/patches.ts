// Patches drawn on the host: initial rows, baselines, and what a whitening is computed from.
import { z } from 'zod'
import type { Images } from '../data/index.js'
import { OptionError } from '../errors.js'
import { parseOptions, whole } from '../options.js'
import { Permutation } from '../random.js'
import { type Pixels, reservoirs } from './reservoirs.js'
import { ruleSettings } from './rules/settings.js'

const { window, seed, centre, reservoir } = ruleSettings.shape
export const patchOptions = z.strictObject({
  window,
  seed,
  centre,
  unit: z.boolean().default(true).describe('patches of norm 1, without zero patches; false: pixels / 255'),
  draw: whole(0, 2 ** 31 - 1)
    .default(0)
    .describe('number of the drawing'),
  reservoir,
})

/** See {@link dataPatches}. */
export type PatchOptions = z.input<typeof patchOptions>

/** |v|^2 of a patch that counts as zero, as in the ops. */
const zero = 1e-12

interface PatchSettings {
  window: number
  seed: number
  centre?: boolean
  unit?: boolean
}

/**
 * `count` patches [count, C x window x window] of images, drawn without replacement, prepared as the learning op prepares them, and of norm
 * 1. Of a set whose pixels take more than `reservoir` bytes, the images are those that filters are learned from first.
 * @throws {OptionError} for a window larger than the images, or more patches than there are
 */
export async function dataPatches(images: Images, count: number, options: PatchOptions = {}): Promise<Float32Array> {
  const { draw, reservoir: bytes, ...settings } = parseOptions('dataPatches', patchOptions, options)
  return drawPatches(await reservoirs(images, bytes, settings.seed).load(0), settings, count, draw, 'dataPatches')
}

/** {@link dataPatches} of images in memory. */
export function drawPatches(
  { pixels, shape }: Pixels,
  settings: PatchSettings,
  count: number,
  draw: number,
  op = 'learnFilters',
): Float32Array {
  const [n, channels, height, width] = shape
  const { window } = settings
  const [rows, columns] = [height - window + 1, width - window + 1]
  if (rows < 1 || columns < 1)
    throw new OptionError({
      op,
      argument: 'window',
      actual: String(window),
      expected: `at most the images' ${height} x ${width}`,
    })
  const d = channels * window ** 2
  const order = new Permutation(n * rows * columns, settings.seed, (0x80000000 + draw) >>> 0)
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
          patch[e++] = (pixels[((image * channels + c) * height + y + r) * width + x + s] ?? 0) / 255
    if (settings.centre) {
      const mean = patch.reduce((a, b) => a + b, 0) / d
      for (let j = 0; j < d; j++) patch[j] = (patch[j] ?? 0) - mean
    }
    if (settings.unit === false) {
      made++
      continue
    }
    const norm = norm2(patch)
    if (norm * norm <= zero) continue // a zero patch says nothing
    for (let j = 0; j < d; j++) patch[j] = (patch[j] ?? 0) / norm
    made++
  }
  if (made < count)
    throw new OptionError({
      op,
      argument: op === 'dataPatches' ? 'count' : 'units',
      actual: String(count),
      expected: `at most the ${made} patches that are not zero`,
    })
  return patches
}

/** |x|_2, summed in float64. */
export function norm2(x: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < x.length; i++) sum += (x[i] as number) ** 2
  return Math.sqrt(sum)
}

/** Rows of `d` numbers brought to norm 1, in place; one that counts as zero becomes zeros. */
export function unitInPlace(rows: Float32Array, d: number): Float32Array {
  for (let at = 0; at < rows.length; at += d) {
    const norm = norm2(rows.subarray(at, at + d))
    const factor = norm * norm > zero ? 1 / norm : 0
    for (let i = at; i < at + d; i++) rows[i] = (rows[i] as number) * factor
  }
  return rows
}
