import { describe, expect, it } from 'vitest'
import { cpu } from '../../lib/device.js'
import { midRanks, pearson, spearman } from '../../lib/eval/correlation.js'
import { comparisons, rdmOf } from '../../lib/eval/rdm.js'
import { crossnobis, DataError, imagesFrom, type ReferenceRdms, rsa, rsaCeiling } from '../../lib/index.js'
import { normals } from '../../lib/random.js'
import { uniform } from '../ops/proof.js'

const [count, size] = [7, 5000]
const features = { count, size, data: Float32Array.from(normals(3, count * size), (v) => 4 + v) }
const row = (i: number) => features.data.subarray(i * size, (i + 1) * size)
const pairs: [number, number][] = []
for (let i = 0; i < count; ++i) for (let j = i + 1; j < count; ++j) pairs.push([i, j])

describe('dissimilarities', () => {
  it('by correlation and squared differences are those of every pair', async () => {
    const correlation = await rdmOf(features, 'correlation', cpu())
    const euclidean = await rdmOf(features, 'euclidean', cpu())
    pairs.forEach(([i, j], at) => {
      expect(correlation[at]).toBeCloseTo(1 - pearson(row(i), row(j)), 12)
      const squares = row(i).reduce((sum, v, k) => sum + (v - (row(j)[k] as number)) ** 2, 0)
      expect(euclidean[at]).toBeCloseTo(squares / size, 11)
    })
  })

  it('of a constant pattern are not known by correlation', async () => {
    const data = Float32Array.from(features.data)
    data.fill(2.7, 0, size)
    const rdm = await rdmOf({ count, size, data }, 'correlation', cpu())
    expect(pairs.filter((_, at) => Number.isNaN(rdm[at]))).toEqual(pairs.filter(([i]) => i === 0))
  })

  it('crossnobis is without bias: 0 of noise alone, the squared difference of signals', async () => {
    const [images, targets, repeats] = [6, 400, 4]
    const noise = normals(5, images * targets * repeats)
    const signal = normals(6, images * targets)
    const trials = (strength: number) => ({
      images,
      targets,
      repeats,
      data: Float64Array.from(noise, (v, i) => v + strength * (signal[Math.floor(i / repeats)] as number)),
    })
    const mean = (values: Float64Array) => values.reduce((a, b) => a + b, 0) / values.length
    // Of unit noise a pair's estimate deviates by about sqrt(4 / (400 x 3)), the mean of 15 by less than 0.03.
    expect(Math.abs(mean(await crossnobis(trials(0), { noise: 'none' })))).toBeLessThan(0.05)
    expect(Math.abs(mean(await crossnobis(trials(1), { noise: 'none' })) - 2)).toBeLessThan(0.3)
    const scaled = { ...trials(1), data: trials(1).data.map((v) => 10 * v) }
    const [plain, divided] = [await crossnobis(trials(1)), await crossnobis(scaled)]
    plain.forEach((v, i) => {
      expect(divided[i]).toBeCloseTo(v, 10)
    })
  })

  it('crossnobis leaves out the repeats that an image lacks', async () => {
    const data = Float64Array.from(normals(5, 3 * 4 * 3))
    for (let t = 0; t < 4; ++t) data[t * 3] = Number.NaN
    const found = await crossnobis({ images: 3, targets: 4, repeats: 3, data }, { noise: 'none' })
    expect(found.every(Number.isFinite)).toBe(true)
    for (let t = 0; t < 4; ++t) data[t * 3 + 1] = Number.NaN
    await expect(crossnobis({ images: 3, targets: 4, repeats: 3, data })).rejects.toThrow(DataError)
  })
})

describe('rsaCeiling', () => {
  const next = uniform(2)
  const shared = Float64Array.from({ length: 60 }, next)
  const subjects = [0, 1, 2].map(() => shared.map((v) => v + 0.4 * next()))

  it.each(Object.keys(comparisons) as (keyof typeof comparisons)[])('by %s lies between the others and all', (compare) => {
    const { lower, upper } = rsaCeiling(subjects, compare)
    expect(lower).toBeLessThan(upper)
    expect(upper).toBeLessThan(1)
    // No list of dissimilarities is nearer to the subjects than the pooled one.
    const mean = (rdm: Float64Array) => subjects.reduce((sum, one) => sum + comparisons[compare](rdm, one), 0) / 3
    expect(mean(shared)).toBeLessThanOrEqual(upper + (compare === 'tau-a' ? 0.02 : 1e-12))
  })

  it('pools ranks for Spearman', () => {
    const pooled = shared.map((_, i) => subjects.reduce((sum, one) => sum + (midRanks(one)[i] as number), 0))
    const upper = subjects.reduce((sum, one) => sum + spearman(one, pooled), 0) / 3
    expect(rsaCeiling(subjects, 'spearman').upper).toBeCloseTo(upper, 12)
  })
})

describe('rsa', () => {
  const next = uniform(8)
  const pixels = Uint8Array.from({ length: 12 * 3 * 16 }, () => 256 * next())
  const open = () => imagesFrom({ pixels, shape: [12, 3, 4, 4] })
  const reference = (...subjects: Float64Array[]): ReferenceRdms => ({ name: 'it.npy', images: 12, subjects, sha256: 'a' })

  it('scores pixels against one subject and against several', async () => {
    const images = await open()
    const data = Float32Array.from(pixels, (v) => v / 255)
    const own = await rdmOf({ count: 12, size: 48, data }, 'correlation', cpu())
    const noisy = own.map((v) => v + 0.3 * next())
    const one = await rsa(null, images, reference(noisy), { layers: ['pixels'] })
    expect(one.ceiling).toBe(null)
    expect(one.scores[0]?.value).toBeCloseTo(spearman(own, noisy), 6)
    expect(one.scores[0]?.spread.over).toBe('12 images (jackknife of 12 groups)')
    expect(one.scores[0]?.spread.value).toBeGreaterThan(0)
    const same = await rsa(null, images, reference(own, noisy), { layers: ['pixels'], compare: 'pearson' })
    expect(same.scores[0]?.perSubject[0]).toBeCloseTo(1, 6)
    expect(same.scores[0]?.value).toBeCloseTo((1 + pearson(own, noisy)) / 2, 6)
    expect(same.ceiling?.lower).toBeCloseTo(pearson(own, noisy), 10)
    expect(same.scores[0]?.protocol).toMatchObject({ input: [3, 4, 4], projection: 'none', comparison: 'pearson' })
  })

  it('leaves out pairs that are not known, and counts them', async () => {
    const known = Float64Array.from({ length: 66 }, next)
    known[5] = Number.NaN
    const { scores } = await rsa(null, await open(), reference(known), { layers: ['pixels'] })
    expect(scores[0]?.raw).toMatchObject({ pairs: 65, unknownPairs: 1 })
    await expect(rsa(null, await open(), { ...reference(known), images: 11 }, { layers: ['pixels'] })).rejects.toThrow(
      'rsa: it.npy is dissimilarities of 11 images; expected of the 12 (at least 3) of images',
    )
  })
})
