// How far a classifier's error rises when the light on its test images changes.
import { z } from 'zod'
import { ahead, batchesOf, type Images } from '../data/index.js'
import {
  checkLight,
  defaultCover,
  LightField,
  type LightFormat,
  type LightKind,
  lightKinds,
  lightName,
  lightOptions,
  unchangedStrength,
} from '../light/index.js'
import type { Network } from '../models/index.js'
import { parseWithControl, seed, whole } from '../options.js'
import { errorScore, judge, labelsFor } from './classify.js'
import type { Score } from './score.js'

/** The strengths of a kind of light where none are given. */
export const defaultStrengths = (kind: LightKind): number[] =>
  kind === 'noise' ? [0.02, 0.05, 0.1, 0.15, 0.2] : [0.9, 0.7, 0.5, 0.3, 0.2, 0.1]

const { kind, strength, cover } = lightOptions.shape
export const lightSeries = z.strictObject({
  kind,
  strengths: z
    .array(strength)
    .optional()
    .describe(
      `what they mean: see Light; of noise by default ${defaultStrengths('noise').join(', ')}, else ${defaultStrengths('shadow').join(', ')}`,
    ),
  cover,
})

export const shadowsOptions = z.strictObject({
  lights: z
    .array(lightSeries)
    .default(lightKinds.map((name) => ({ kind: name })))
    .describe('kinds of light, each at several strengths; all by default'),
  formats: z
    .array(z.enum(['u8', 'f32']))
    .min(1)
    .default(['u8', 'f32'])
    .describe('pixels as bytes again (u8), as floats that nothing rounds (f32), or both'),
  seed: seed.default(0).describe('of what differs between images'),
  batch: whole(1)
    .optional()
    .describe('images at a time, on which results do not depend (default: 256, fewer where images are large)'),
})

/** One kind of light at several strengths. */
export type LightSeries = z.input<typeof lightSeries>

export interface ShadowsOptions extends z.input<typeof shadowsOptions> {
  /** Stops between two batches; the promise rejects with the signal's reason. */
  signal?: AbortSignal
  /** Images classified, of how many: each counts once for every light, strength and format. */
  onProgress?: (done: number, total: number) => void
}

export interface ShadowPoint {
  strength: number
  /**
   * Share of wrong images. `raw.lost`: images called right in their own light and wrong in this one; `raw.gained`: the other way round.
   * `data.sha256` is that of the images in their own light.
   */
  score: Score
}

export interface ShadowCurve {
  kind: LightKind
  /** null for kinds that have none. */
  cover: number | null
  format: LightFormat
  /** The unmodified images first, then ever farther from them. */
  points: ShadowPoint[]
}

export interface ShadowScores {
  /** That drew what differs between images. */
  seed: number
  /** Error on the images as they are. */
  unmodified: Score
  /** A curve for every light and format, in the order asked for. */
  curves: ShadowCurve[]
}

/** The strengths of a series: each once, those nearest to the unmodified image first, the unmodified one left out. */
function strengthsOf({ kind, strengths = defaultStrengths(kind) }: LightSeries): number[] {
  const unchanged = unchangedStrength(kind)
  return [...new Set(strengths)].filter((s) => s !== unchanged).sort((a, b) => Math.abs(a - unchanged) - Math.abs(b - unchanged))
}

/** Counts of one condition over the batches so far. */
interface Tally {
  wrong: number
  lost: number
  gained: number
}

/**
 * A classifier's error against the strength of changes of light that it was not trained on: shadows with hard edges, smooth ones, coloured light,
 * low contrast, noise. The same seed gives the same pictures for every network, batch size and device.
 * Source: the test of figure 3 of Grinberg, Hopfield and Krotov, "Local Unsupervised Learning for Image Analysis" (section 5), is `shadow` at
 * strength 0.3 and cover 0.8; there a network with patch normalisation goes from about 23 to 28 % error, one without to more than 50 %.
 * @throws {DataError} when the set does not fit the network, {OptionError} for a light that cannot be, before anything runs
 */
export async function shadows(net: Network, images: Images, options: ShadowsOptions = {}): Promise<ShadowScores> {
  const op = 'shadows'
  const [{ lights, formats, seed, batch = defaultBatch(images) }, { signal, onProgress }] = parseWithControl(
    op,
    shadowsOptions,
    options,
  )
  for (const { kind, cover } of lights) checkLight(op, { kind, strength: unchangedStrength(kind), cover })
  const labels = labelsFor(op, net, images)
  const [count, ...extent] = images.shape

  const tally = (): Tally => ({ wrong: 0, lost: 0, gained: 0 })
  const plain = tally()
  const series = lights.map((light) => ({
    light,
    steps: strengthsOf(light).map((strength) => ({ strength, tallies: formats.map(tally) })),
  }))
  const total = count * (1 + formats.length * series.reduce((sum, { steps }) => sum + steps.length, 0))
  let done = 0

  // While the device classifies one condition, the next one's pixels are made; at most two are held.
  let running: Promise<void> = Promise.resolve()
  const queue = async (
    pixels: Uint8Array | Float32Array,
    expected: Int32Array,
    into: Tally,
    right: Uint8Array,
  ): Promise<void> => {
    await running
    signal?.throwIfAborted()
    running = judge(net, pixels, expected).then(({ prediction }) => {
      expected.forEach((label, i) => {
        const now = Number(prediction[i] === label)
        into.wrong += 1 - now
        if (into === plain) right[i] = now
        else if (now < (right[i] as number)) into.lost += 1
        else if (now > (right[i] as number)) into.gained += 1
      })
      done += expected.length
      onProgress?.(done, total)
    })
    // It is awaited by whoever comes next; until then a failure must not count as unhandled.
    running.catch(() => undefined)
  }
  for await (const { pixels, rows } of ahead(images, batchesOf(count, batch), signal ? { signal } : {})) {
    const first = rows[0] as number
    const expected = labels.subarray(first, first + rows.length)
    const right = new Uint8Array(rows.length)
    await queue(pixels, expected, plain, right)
    for (const { light, steps } of series) {
      const field = new LightField({ kind: light.kind, cover: light.cover }, [rows.length, ...extent], { seed, first })
      for (const { strength, tallies } of steps)
        for (const [k, format] of formats.entries())
          await queue(field.apply(pixels, strength, format), expected, tallies[k] as Tally, right)
    }
  }
  await running

  const unmodified = errorScore(net, images, plain.wrong)
  const curves = series.flatMap(({ light, steps }) => {
    const { kind, cover = defaultCover } = light
    const points = (format: LightFormat, k: number) =>
      steps.map(({ strength, tallies }): ShadowPoint => {
        const { wrong, lost, gained } = tallies[k] as Tally
        const score = errorScore(net, images, wrong)
        const name = `${images.name}+${lightName({ kind, cover: light.cover, strength }, seed)}${format === 'f32' ? ' as float32' : ''}`
        return { strength, score: { ...score, raw: { ...score.raw, lost, gained }, seed, data: { ...score.data, name } } }
      })
    const start = { strength: unchangedStrength(kind), score: unmodified }
    return formats.map(
      (format, k): ShadowCurve => ({
        kind,
        cover: kind === 'shadow' ? cover : null,
        format,
        points: [start, ...points(format, k)],
      }),
    )
  })
  return { seed, unmodified, curves }
}

/** About 16 million bytes of pixels. */
const defaultBatch = ({ shape: [, ...extent] }: Images): number =>
  Math.max(1, Math.min(256, Math.floor(2 ** 24 / extent.reduce((a, b) => a * b, 1))))
