import { describe, expect, it } from 'vitest'
import { noiseCeiling, normaliseScore, responsesFrom, spearmanBrown } from '../../lib/index.js'
import { normals } from '../../lib/random.js'
import { uniform } from '../ops/proof.js'

/** Responses of a signal of variance 1 and noise of a variance, some repeats missing. */
function repeated(images: number, repeats: number, noise: number, missing = 0) {
  const signal = normals(1, images)
  const errors = normals(2, images * repeats)
  const data = Float64Array.from({ length: images * repeats }, (_, i) =>
    i % repeats >= repeats - (Math.floor(i / repeats) % 2 ? missing : 0)
      ? Number.NaN
      : (signal[Math.floor(i / repeats)] as number) + Math.sqrt(noise) * (errors[i] as number),
  )
  const trials = { images, targets: 1, repeats, data }
  return responsesFrom({ name: 'model', images, targets: 1, trials })
}

describe('noiseCeiling', () => {
  it('finds the reliability of a signal in noise by halves', () => {
    const { score } = noiseCeiling(repeated(4000, 8, 2), { splits: 10 })
    // Reliability of the mean of 8 is 1 / (1 + 2 / 8); a correlation of 4,000 images errs by about 0.01.
    expect(score.value).toBeCloseTo(0.8, 1)
    expect(Math.abs(score.value - 0.8)).toBeLessThan(0.02)
    expect(Math.abs((score.raw.halves as number) - 1 / (1 + 2 / 4))).toBeLessThan(0.03)
    expect(score.ceiling?.value).toBeCloseTo(Math.sqrt(score.value), 12)
    expect(noiseCeiling(repeated(4000, 8, 2), { splits: 10 }).score).toEqual(score)
  })

  it('takes the repeats that there are', () => {
    const { score } = noiseCeiling(repeated(4000, 8, 2, 3), { splits: 10 })
    expect(score.value).toBeGreaterThan(0.7)
    expect(score.value).toBeLessThan(0.8)
  })

  it("is NSD's share of variance, by noise over repeats", () => {
    const { score, perTarget } = noiseCeiling(repeated(4000, 3, 2), { method: 'ncsnr' })
    // Signal 1, noise 2: ncsnr sqrt(1 / 2), ceiling 100 x 0.5 / (0.5 + 1 / 3) = 60 percent.
    expect(Math.abs(score.value - 60)).toBeLessThan(3)
    expect(Math.abs((score.raw.ncsnr as number) - Math.SQRT1_2)).toBeLessThan(0.04)
    expect(perTarget).toEqual([score.value])
    expect(score.unit).toBe('%')
  })

  it('refuses responses without repeats', () => {
    expect(() => noiseCeiling(responsesFrom({ name: 'v4', images: 2, targets: 1, mean: Float64Array.of(1, 2) }))).toThrow(
      'noiseCeiling: v4 is without repeats; expected single responses to repeated images',
    )
  })
})

it('normalisations are those of their names, and never clipped', () => {
  expect(spearmanBrown(0.6)).toBeCloseTo(0.75, 14)
  expect(spearmanBrown(0.5, 4)).toBeCloseTo(0.8, 14)
  expect(normaliseScore(0.6, 0.8, 'brain-score-2025')).toBeCloseTo(0.5625, 14)
  expect(normaliseScore(0.6, 0.8, 'brain-score')).toBeCloseTo(0.45, 14)
  expect(normaliseScore(0.6, 0.64, 'root-ceiling')).toBeCloseTo(0.75, 14)
  expect(normaliseScore(0.6, 45, 'nsd')).toBeCloseTo(0.8, 14)
  expect(normaliseScore(0.9, 0.5, 'brain-score')).toBeCloseTo(1.62, 14)
})

it('is of each target what it is of that target alone, however many there are', () => {
  const [images, targets, repeats] = [30, 70, 3]
  const next = uniform(4)
  const data = Float64Array.from({ length: images * targets * repeats }, () => (next() < 0.2 ? Number.NaN : next()))
  const of = (some: Float64Array, count: number) =>
    noiseCeiling(responsesFrom({ name: 'r', images, targets: count, trials: { images, targets: count, repeats, data: some } }), {
      splits: 5,
    }).perTarget
  const all = of(data, targets)
  for (const target of [0, 63, 64, 69]) {
    const own = data.filter((_, at) => Math.floor(at / repeats) % targets === target)
    expect(of(own, 1)).toEqual([all[target]])
  }
})
