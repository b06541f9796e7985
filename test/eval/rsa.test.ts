import { describe, expect, it } from 'vitest'
import { cpu } from '../../lib/device.js'
import { midRanks, pearson, spearman } from '../../lib/eval/correlation.js'
import { foldsOf } from '../../lib/eval/folds.js'
import { comparisons, rdmOf } from '../../lib/eval/rdm.js'
import {
  convNet,
  crossnobis,
  imagesFrom,
  Network,
  type ReferenceRdms,
  responseRdms,
  responsesFrom,
  rsa,
  rsaCeiling,
  spearmanBrown,
} from '../../lib/index.js'
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
    const [first, second, third] = await crossnobis({ images: 3, targets: 4, repeats: 3, data })
    expect([first, second]).toEqual([Number.NaN, Number.NaN])
    expect(third).toSatisfy(Number.isFinite)
  })

  it('crossnobis leaves out single responses that are missing, and targets that were never measured', async () => {
    const [images, targets, repeats] = [4, 5, 3]
    const data = Float64Array.from(normals(8, images * targets * repeats))
    const place = (i: number, t: number, m: number) => (i * targets + t) * repeats + m
    data[place(2, 3, 1)] = Number.NaN
    for (let i = 0; i < images; ++i) for (let m = 0; m < repeats; ++m) data[place(i, 0, m)] = Number.NaN
    const found = await crossnobis({ images, targets, repeats, data }, { noise: 'none' })
    const value = (i: number, t: number, m: number) => data[place(i, t, m)] as number
    let at = 0
    for (let i = 0; i < images; ++i)
      for (let j = i + 1; j < images; ++j, ++at) {
        let [sum, terms] = [0, 0]
        for (let t = 1; t < targets; ++t)
          for (let m = 0; m < repeats; ++m) {
            const [a, b] = [i, j].map((image) => {
              const others = [0, 1, 2].filter((k) => k !== m && !Number.isNaN(value(image, t, k)))
              return others.reduce((total, k) => total + value(image, t, k), 0) / others.length
            }) as [number, number]
            const product = (a - b) * (value(i, t, m) - value(j, t, m))
            if (Number.isNaN(product)) continue
            sum += product
            terms += 1
          }
        expect(found[at]).toBeCloseTo(sum / terms, 12)
      }
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

describe('responseRdms', () => {
  const [images, targets, repeats] = [9, 40, 3]
  const signal = normals(11, images * targets)
  const noise = normals(12, images * targets * repeats)
  const data = Float64Array.from(noise, (v, i) => (signal[Math.floor(i / repeats)] as number) + v / 2)
  const valueAt = (i: number, t: number, m: number) => data[(i * targets + t) * repeats + m] as number
  const patterns = (of: (i: number, t: number) => number, some = Array.from({ length: targets }, (_, t) => t)) =>
    Array.from({ length: images }, (_, i) => some.map((t) => of(i, t)))
  const expectRdm = (rdm: Float64Array | undefined, rows: number[][]) => {
    let at = 0
    for (let i = 0; i < images; ++i)
      for (let j = i + 1; j < images; ++j, ++at) {
        const value = 1 - pearson(rows[i] as number[], rows[j] as number[])
        if (Number.isNaN(value)) expect(rdm?.[at]).toBeNaN()
        // Patterns are held as float32.
        else expect(rdm?.[at]).toBeCloseTo(value, 6)
      }
    expect(rdm?.length).toBe(at)
  }

  it('are those of the mean responses and of either half of the repeats', async () => {
    const responses = responsesFrom({ name: 'it', images, targets, trials: { images, targets, repeats, data } })
    const found = await responseRdms(responses)
    expect(found).toMatchObject({ name: 'it, 1 - r of the mean responses of 40 targets', images, sha256: responses.sha256 })
    expectRdm(
      found.subjects[0],
      patterns((i, t) => (valueAt(i, t, 0) + valueAt(i, t, 1) + valueAt(i, t, 2)) / 3),
    )
    expectRdm(
      found.halves?.[0],
      patterns((i, t) => (valueAt(i, t, 0) + valueAt(i, t, 2)) / 2),
    )
    expectRdm(
      found.halves?.[1],
      patterns((i, t) => valueAt(i, t, 1)),
    )
    const next = uniform(5)
    const pixels = Uint8Array.from({ length: images * 12 }, () => 256 * next())
    const scored = await rsa(null, await imagesFrom({ pixels, shape: [images, 3, 2, 2] }), found, { layers: ['pixels'] })
    const r = spearman(found.halves?.[0] as Float64Array, found.halves?.[1] as Float64Array)
    expect(scored.scores[0]?.ceiling?.value).toBeCloseTo(Math.sqrt(spearmanBrown(r)), 12)
    expect(scored.scores[0]?.ceiling?.formula).toMatch(/spearman of those of every other repeat, by Spearman and Brown$/)
    expect(scored.ceiling).toBe(null)
  })

  it('leave out targets that lack an image, and know nothing of halves where an image was shown once', async () => {
    const some = Float64Array.from(data)
    some.fill(Number.NaN, (2 * targets + 5) * repeats, (2 * targets + 6) * repeats)
    for (let t = 0; t < targets; ++t) some.fill(Number.NaN, (4 * targets + t) * repeats + 1, (4 * targets + t + 1) * repeats)
    const responses = responsesFrom({ name: 'it', images, targets, trials: { images, targets, repeats, data: some } })
    const { subjects, halves } = await responseRdms(responses)
    const kept = Array.from({ length: targets }, (_, t) => t).filter((t) => t !== 5)
    expectRdm(
      subjects[0],
      patterns((i, t) => responses.mean[i * targets + t] as number, kept),
    )
    expectRdm(
      halves?.[1],
      patterns((i, t) => (i === 4 ? Number.NaN : valueAt(i, t, 1)), kept),
    )
    const few = responsesFrom({ name: 'it', images: 3, targets: 2, mean: Float64Array.of(1, 2, Number.NaN, 4, 5, 6) })
    await expect(responseRdms(few)).rejects.toThrow(
      'responseRdms: it is 1 of 2 targets that were measured for every image; expected at least two',
    )
    // An image without any response has no dissimilarities; the others have.
    const mean = Float64Array.from(responses.mean)
    mean.fill(Number.NaN, 3 * targets, 4 * targets)
    const lacking = await responseRdms(responsesFrom({ name: 'it', images, targets, mean }))
    expect(lacking.name).toContain('of 39 of 40 targets, the others not measured for every image')
    expectRdm(
      lacking.subjects[0],
      patterns((i, t) => (i === 3 ? Number.NaN : (responses.mean[i * targets + t] as number)), kept),
    )
    const silent = responsesFrom({ name: 'it', images: 2, targets: 2, mean: Float64Array.of(1, 2, 4, 3) })
    expect((await responseRdms(silent)).halves).toBe(null)
  })

  it('are squared differences or those of repeats against each other, as asked, and keep the digits of large numbers', async () => {
    const trials = { images, targets, repeats, data }
    const responses = responsesFrom({ name: 'it', images, targets, trials })
    const euclidean = await responseRdms(responses, { distance: 'euclidean' })
    expect(euclidean.name).toContain('mean squared difference of the mean responses')
    const squares = patterns((i, t) => ((responses.mean[i * targets + t] as number) - (responses.mean[t] as number)) ** 2)
    for (let j = 1; j < images; ++j)
      expect(euclidean.subjects[0]?.[j - 1]).toBeCloseTo((squares[j] as number[]).reduce((a, b) => a + b, 0) / targets, 10)
    const far = responsesFrom({ name: 'it', images, targets, mean: responses.mean.map((v) => 1e5 + v / 1000) })
    expectRdm(
      (await responseRdms(far)).subjects[0],
      patterns((i, t) => responses.mean[i * targets + t] as number),
    )
    const crossed = await responseRdms(responses, { distance: 'crossnobis' })
    expect([...(crossed.subjects[0] as Float64Array)]).toEqual([...(await crossnobis(trials))])
    await expect(responseRdms(far, { distance: 'crossnobis' })).rejects.toThrow('it is without repeats; expected at least two')
  })

  it('that are all the same are refused', async () => {
    const flat = { name: 'flat', images, subjects: [new Float64Array(36).fill(2)], halves: null, selection: null, sha256: '' }
    const next = uniform(5)
    const pixels = Uint8Array.from({ length: images * 12 }, () => 256 * next())
    const pictures = await imagesFrom({ pixels, shape: [images, 3, 2, 2] })
    await expect(rsa(null, pictures, flat, { layers: ['pixels'] })).rejects.toThrow(
      'flat is the same dissimilarity for every pair; expected ones that differ',
    )
  })
})

describe('rsa', () => {
  const next = uniform(8)
  const pixels = Uint8Array.from({ length: 12 * 3 * 16 }, () => 256 * next())
  const open = () => imagesFrom({ pixels, shape: [12, 3, 4, 4] })
  const reference = (...subjects: Float64Array[]): ReferenceRdms => ({
    name: 'it.npy',
    images: 12,
    subjects,
    halves: null,
    selection: null,
    sha256: 'a',
  })

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

  it('commits to the layer that the other images choose, and scores it on pairs that chose nothing', async () => {
    using net = new Network(convNet({ channels: 3, image: [4, 4], classes: ['a', 'b'], blocks: [{ window: 2, units: 4 }] }), {
      seed: 1,
    })
    const images = await open()
    const layers = ['pixels', 'blocks.0']
    const data = Float32Array.from(pixels, (v) => v / 255)
    const own = await rdmOf({ count: 12, size: 48, data }, 'correlation', cpu())
    const noisy = own.map((v) => v + 0.1 * next())
    const { scores, committed } = await rsa(net, images, reference(noisy), { layers, folds: 3, seed: 4 })
    expect(committed?.layer).toBe('pixels')
    expect(committed?.byFold).toEqual(['pixels', 'pixels', 'pixels'])
    expect(committed?.reason).toMatch(/chosen in 3 of 3 folds$/)
    // By hand: of each fold the pairs with one of its images, and those without.
    const folds = foldsOf('rsa', 12, 3, 4, null).map(({ test }) => new Set(test))
    const all: [number, number][] = []
    for (let i = 0; i < 12; ++i) for (let j = i + 1; j < 12; ++j) all.push([i, j])
    const within = (isTest: boolean) =>
      folds.map((test) => {
        const some = all.flatMap(([i, j], pair) => ((test.has(i) || test.has(j)) === isTest ? [pair] : []))
        const of = (rdm: Float64Array) => Float64Array.from(some, (pair) => rdm[pair] as number)
        return spearman(of(own), of(noisy))
      })
    const mean = (values: number[]) => values.reduce((sum, v) => sum + v, 0) / values.length
    expect(committed?.value).toBeCloseTo(mean(within(true)), 6)
    expect(scores[0]?.raw.inner).toBeCloseTo(mean(within(false)), 6)
    expect(scores[1]?.raw.inner).toBeLessThan(scores[0]?.raw.inner as number)
    const alone = await rsa(net, images, reference(noisy), { layers: ['pixels'] })
    expect(alone.committed).toBe(null)
    await expect(rsa(net, images, reference(noisy), { layers, folds: 1 })).rejects.toThrow(/rsa: folds is 1/)
  })

  it('hears a signal while it finds the standard error of a layer', async () => {
    const many = 60
    const pixels = Uint8Array.from(normals(8, many * 9), (v) => 128 + 40 * v)
    const images = await imagesFrom({ pixels, shape: [many, 1, 3, 3] })
    const own = Float64Array.from(normals(9, (many * (many - 1)) / 2))
    const reference: ReferenceRdms = { name: 'one', images: many, subjects: [own], halves: null, selection: null, sha256: 'one' }
    const stop = new AbortController()
    // Once every pixel is read, turns of the loop are those of the one layer's score.
    const onProgress = ({ done, phase }: { done: number; phase: string }) => {
      if (phase === 'features' && done === many) setTimeout(() => stop.abort(new Error('enough')))
    }
    await expect(rsa(null, images, reference, { layers: ['pixels'], onProgress, signal: stop.signal })).rejects.toThrow('enough')
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
