// Whitening: of a covariance that is known, of every rule's patches, and in networks.
import { beforeAll, describe, expect, it } from 'vitest'
import {
  computeWhitening,
  cpu,
  type FilterOptions,
  filtersInPixels,
  type InMemoryImages,
  imagesFrom,
  learnFilters,
  localBlocks,
  renderSet,
  ruleNames,
  Tensor,
  trainLocal,
  type Whitening,
  whitenedResponses,
} from '../../lib/index.js'
import { filterConfig } from '../../lib/learn/filter_options.js'
import { minibatch } from '../../lib/learn/rules/rule.js'
import { uniform } from '../ops/proof.js'

const device = cpu()
let set: InMemoryImages
beforeAll(async () => {
  set = await renderSet({ count: 40, size: 20, seed: 1 })
})

const values = async (t: Tensor): Promise<number[]> => Array.from((await t.read()).data)
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a).reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0)
const unit = (x: number[]): number[] => x.map((y) => y / Math.hypot(...x))
const rowsOf = (x: ArrayLike<number>, d: number): number[][] =>
  Array.from({ length: x.length / d }, (_, k) => Array.from({ length: d }, (_, i) => x[k * d + i] ?? 0))

/** A window of images as pixels / 255, in the order [C,W,W]. */
function windowOf(
  { pixels, shape }: Pick<InMemoryImages, 'pixels' | 'shape'>,
  window: number,
  [n, y, x]: readonly number[],
): number[] {
  const [, channels, height, width] = shape
  const patch: number[] = []
  for (let c = 0; c < channels; c++)
    for (let r = 0; r < window; r++)
      for (let s = 0; s < window; s++)
        patch.push(
          (pixels[(((n as number) * channels + c) * height + (y as number) + r) * width + (x as number) + s] as number) / 255,
        )
  return patch
}

function prepared(v: number[], after: Whitening['after']): number[] {
  const mean = after === 'centred-norm' ? v.reduce((a, b) => a + b) / v.length : 0
  const centred = v.map((x) => x - mean)
  return after === 'none' ? centred : unit(centred)
}
const whiten = ({ matrix, offset }: Whitening, v: number[]): number[] =>
  Array.from(offset, (added, e) => added + dot(matrix.subarray(e * v.length, (e + 1) * v.length), v))

const afters = ['norm', 'centred-norm', 'none'] as const

describe('whitening', () => {
  it.each([...afters.map((after) => ({ after, keep: undefined })), { after: 'norm' as const, keep: 7 }])(
    'after $after, kept $keep: makes the covariance of patches the identity',
    async ({ after, keep }) => {
      const next = uniform(3)
      const pixels = Uint8Array.from({ length: 6 * 2 * 400 }, (_, i) => 100 + 60 * Math.sin(i / 3) + 40 * next())
      const noisy = await imagesFrom({ pixels, shape: [6, 2, 20, 20] })
      const options = { window: 3, after, epsilon: 1e-9, patches: 6 * 324, ...(keep ? { keep } : {}) }
      const whitening = await computeWhitening(noisy, options)
      const places = Array.from({ length: 6 * 324 }, (_, i) => [Math.floor(i / 324), Math.floor((i % 324) / 18), i % 18])
      const rows = places.map((at) => whiten(whitening, prepared(windowOf(noisy, 3, at), after)))
      expect(whitening.offset.length).toBe(keep ?? 18)
      const mean = whiten(
        whitening,
        rowsOf(
          places.flatMap((at) => prepared(windowOf(noisy, 3, at), after)),
          18,
        ).reduce((a, b) => a.map((x, i) => x + (b[i] as number) / rows.length), Array(18).fill(0)),
      )
      for (const x of mean) expect(x).toBeCloseTo(0, 4)
      // Of centred patches one direction has no variance: Z Z^T is then the identity but for that.
      const trace = rows.reduce((sum, row) => sum + dot(row, row), 0) / rows.length
      expect(trace).toBeCloseTo((keep ?? 18) - (after === 'centred-norm' ? 1 : 0), 3)
      if (after === 'centred-norm') return
      for (let i = 0; i < rows[0]!.length; i++)
        for (let j = 0; j <= i; j++)
          expect(rows.reduce((sum, row) => sum + (row[i] ?? 0) * (row[j] ?? 0), 0) / rows.length).toBeCloseTo(i === j ? 1 : 0, 3)
    },
  )

  it('of all components is symmetric, and of some has orthogonal rows', async () => {
    const all = await computeWhitening(set, { window: 3 })
    for (let i = 0; i < 27; i++)
      for (let j = 0; j < i; j++) expect(all.matrix[i * 27 + j]).toBeCloseTo(all.matrix[j * 27 + i] as number, 3)
    const some = await computeWhitening(set, { window: 3, keep: 5 })
    const rows = rowsOf(some.matrix, 27)
    for (const [i, row] of rows.entries())
      for (const other of rows.slice(0, i)) expect(Math.abs(dot(unit(row), unit(other)))).toBeLessThan(1e-5)
    // The leading components vary most, and are amplified least.
    const sizes = rows.map((row) => Math.hypot(...row))
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b))
  })

  it('is refused of images that are all alike, and of more components than numbers', async () => {
    await expect(computeWhitening(set, { window: 3, keep: 28 })).rejects.toThrow(
      /^computeWhitening: keep is 28; expected at most the 27/,
    )
    const grey = await imagesFrom({ pixels: new Uint8Array(300).fill(9), shape: [1, 3, 10, 10] })
    await expect(computeWhitening(grey)).rejects.toThrow(/^computeWhitening: whiten is 49 patches that are all alike/)
    await expect(learnFilters(grey, { units: 4, batch: 10, steps: 2, whiten: { after: 'norm' } })).rejects.toThrow(
      /^learnFilters: whiten is/,
    )
  })
})

describe('every rule', () => {
  const learned = { units: 10, window: 4, batch: 100, seed: 3, steps: 200 } as const

  it.each(ruleNames)('%s: learns from whitened patches', async (rule) => {
    const { filters, health, history, whitening } = await learnFilters(set, { ...learned, rule, whiten: { after: 'norm' } })
    expect(filters.shape).toEqual([10, 48, 1, 1])
    for (const row of rowsOf(await values(filters), 48)) expect(Math.hypot(...row)).toBeCloseTo(1, 5)
    if (rule !== 'random' && rule !== 'patches') expect(history.at(-1)?.energy).toBeLessThan((history[0]?.energy ?? 0) - 1e-4)
    if (rule !== 'oja') expect(health.wins.reduce((a, b) => a + b, 0)).toBeGreaterThan(190)
    expect(whitening).toMatchObject({ channels: 3, window: 4, after: 'norm' })
    filters.dispose()
  })

  it('meets patches that are prepared, whitened and of norm 1', async () => {
    for (const after of afters) {
      const config = filterConfig({ ...learned, whiten: { after, keep: 20 } })
      const { filters, whitening } = await learnFilters(set, config)
      if (!whitening) throw new Error('no whitening')
      using images = Tensor.from(set.pixels, { shape: set.shape, device })
      using z = Tensor.from(whitening.matrix, { shape: [20, 48] })
      using offset = Tensor.from(whitening.offset)
      using got = minibatch(images, { w: filters, z, offset }, config, 5)
      using plain = minibatch(images, { w: filters }, filterConfig({ ...learned, normalise: 'none' }), 5)
      const raw = rowsOf(await values(plain), 48)
      for (const [b, row] of rowsOf(await values(got), 20).entries()) {
        const v = raw[b] as number[]
        // Sets are rendered in bytes: what is no patch of one grey is far from one.
        const flat = Math.max(...v) - Math.min(...v) < 1 / 1000
        const wanted = unit(whiten(whitening, flat && after === 'centred-norm' ? v.map(() => 0) : prepared(v, after)))
        for (const [i, x] of wanted.entries()) expect(row[i]).toBeCloseTo(x, 3)
      }
      filters.dispose()
    }
  })

  it('gives dead units whitened patches', async () => {
    const options: FilterOptions = {
      rule: 'random',
      units: 60,
      window: 4,
      batch: 200,
      steps: 30,
      seed: 3,
      whiten: { after: 'norm' },
    }
    const left = await learnFilters(set, options)
    const given = await learnFilters(set, { ...options, dead: 'reseed' })
    const [before, after] = [left, given].map(({ filters }) => filters.read())
    const [old, rows] = [rowsOf((await before)?.data ?? [], 48), rowsOf((await after)?.data ?? [], 48)]
    using images = Tensor.from(set.pixels, { shape: set.shape, device })
    const pool = { size: 17, stride: 1 }
    using responses = whitenedResponses(images, given.whitening as Whitening, given.filters, { power: 1, pool })
    const found = rowsOf(await values(responses), 60)
    const changed = rows.flatMap((row, k) => (dot(row, old[k] as number[]) < 0.99 ? [k] : []))
    expect(changed.length).toBeGreaterThan(5)
    // A row that was a window's whitened patch meets it again; a random row meets none so well.
    for (let k = 0; k < 60; k++) {
      const nearest = Math.max(...found.map((image) => image[k] as number))
      if (changed.includes(k)) expect(nearest).toBeGreaterThan(0.9999)
      else expect(nearest).toBeLessThan(0.99)
    }
    for (const { filters } of [left, given]) filters.dispose()
  })
})

describe('a picture', () => {
  it('of a whitened filter is the patch, less the mean, that it answers with 1', async () => {
    for (const keep of [undefined, 9]) {
      const asked = {
        rule: 'patches' as const,
        units: 6,
        window: 3,
        batch: 50,
        steps: 2,
        whiten: { after: 'norm' as const, ...(keep ? { keep } : {}) },
      }
      const { filters, whitening } = await learnFilters(set, asked)
      if (!whitening) throw new Error('no whitening')
      const e = whitening.offset.length
      using projection = Tensor.from(whitening.matrix, { shape: [e, 3, 3, 3] })
      using pictures = await filtersInPixels(filters, projection)
      expect(pictures.shape).toEqual([6, 3, 3, 3])
      const rows = rowsOf(await values(filters), e)
      for (const [k, picture] of rowsOf(await values(pictures), 27).entries()) {
        const z = whiten({ ...whitening, offset: new Float32Array(e) }, picture)
        for (const [i, x] of z.entries()) expect(x).toBeCloseTo(rows[k]?.[i] as number, 4)
        // The smallest such patch lies among the rows of Z, the principal components that are kept.
        if (keep) {
          const along = rowsOf(whitening.matrix, 27).map((row) => dot(unit(row), picture))
          expect(Math.hypot(...along)).toBeCloseTo(Math.hypot(...picture), 4)
        }
      }
      filters.dispose()
    }
  })
})

describe('a network', () => {
  const options = { units: 7, window: 4, batch: 50, steps: 30 } as const

  it.each([...afters.map((after) => ({ after })), { after: 'norm' as const, keep: 11 }])(
    'holds filters whitened by $after, $keep, and gives their responses',
    async (whiten) => {
      const asked = { ...options, whiten }
      const { net } = await trainLocal(set, { filters: asked, readout: false, seed: 2 })
      const { filters, whitening } = await learnFilters(set, { ...asked, seed: 2 })
      if (!whitening) throw new Error('no whitening')
      expect(localBlocks(net.config).blocks).toMatchObject([
        { window: 4, units: 7, whiten: { after: whiten.after, components: 'keep' in whiten ? 11 : 48 } },
      ])
      using images = Tensor.from(set.pixels, { shape: set.shape, device })
      using responses = whitenedResponses(images, whitening, filters, { power: 2, pool: { size: 11, stride: 2 } })
      using features = (await net.features(images, { at: ['features'] })).features as Tensor
      expect(await values(features)).toEqual(await values(responses))
      filters.dispose()
      net.dispose()
    },
  )

  it('gives cosines of whitened patches, which a shadow over all leaves as they are', async () => {
    const { filters, whitening } = await learnFilters(set, { ...options, whiten: { after: 'norm' } })
    if (!whitening) throw new Error('no whitening')
    using images = Tensor.from(set.pixels, { shape: set.shape, device })
    using responses = whitenedResponses(images, whitening, filters, { power: 1 })
    expect(responses.shape).toEqual([40, 7, 17, 17])
    const got = await values(responses)
    const rows = rowsOf(await values(filters), 48)
    for (const at of [
      [0, 0, 0],
      [7, 16, 3],
      [39, 5, 16],
    ] as const) {
      const z = unit(whiten(whitening, prepared(windowOf(set, 4, at), 'norm')))
      const [n, y, x] = at
      for (const [k, row] of rows.entries()) expect(got[((n * 7 + k) * 17 + y) * 17 + x]).toBeCloseTo(Math.max(0, dot(row, z)), 3)
    }
    using dark = Tensor.from(
      Float32Array.from(set.pixels, (byte) => (0.25 * byte) / 255),
      { shape: set.shape, device },
    )
    using again = whitenedResponses(dark, whitening, filters, { power: 1 })
    for (const [i, y] of (await values(again)).entries()) expect(y).toBeCloseTo(got[i] as number, 3)
    filters.dispose()
  })

  it('whitens maps of a trunk after their norm, and is refused without it, which would need their scale', async () => {
    const stack = (after: Whitening['after']) =>
      trainLocal(set, {
        trunk: [{}],
        blocks: [{ filters: { whiten: { after } } }],
        filters: { ...options, units: 8 },
        readout: false,
      })
    await expect(stack('none')).rejects.toThrow(/^trainLocal: blocks.0.filters.whiten.after is 'none'; expected 'norm'/)
    const { net, record } = await stack('norm')
    expect(localBlocks(net.config)).toMatchObject({
      trunk: [{ units: 8 }],
      blocks: [{ units: 8, whiten: { after: 'norm', components: 8 * 16 } }],
    })
    expect(record.blocks[0]?.health.wins.reduce((a, b) => a + b, 0)).toBeGreaterThan(0)
    net.dispose()
  })
})
