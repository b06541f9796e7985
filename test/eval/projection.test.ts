import { describe, expect, it } from 'vitest'
import { cpu } from '../../lib/device.js'
import { gapBounds, johnsonLindenstrauss, randomProjection } from '../../lib/eval/projection.js'
import { uniform } from '../ops/proof.js'

/** The matrix as numbers, without the room that is left. */
async function sparseProjection(from: number, to: number, seed: number) {
  const matrix = randomProjection(from, to, seed, cpu())
  const [values, indices, offsets] = await Promise.all(
    [matrix.values, matrix.columns, matrix.offsets].map(async (tensor) => (await tensor.read()).data),
  )
  for (const tensor of Object.values(matrix)) tensor.dispose()
  const count = offsets?.[to] as number
  return {
    values: (values as Float32Array).slice(0, count),
    indices: (indices as Int32Array).slice(0, count),
    offsets: offsets as Int32Array,
  }
}

it.each([1, 2, 900, 301056])('gaps between entries of %i features are geometric', (from) => {
  const density = 1 / Math.sqrt(from)
  const bounds = gapBounds(density)
  const next = uniform(from)
  const near = [...bounds].flatMap((bound) => [bound, bound - 1]).filter((word) => word >= 0)
  for (const word of [0, 2 ** 32 - 1, ...near, ...Array.from({ length: 2000 }, () => Math.floor(next() * 2 ** 32))]) {
    const gap = density < 1 ? Math.floor(Math.log((word + 0.5) / 2 ** 32) / Math.log1p(-density)) : 0
    const above = bounds.findIndex((bound) => bound <= word)
    if (above !== gap) throw new Error(`${above} for the word ${word}, not ${gap}`)
  }
})

describe('randomProjection', () => {
  it('has the entries that its density says, of both signs, in every row and column alike', async () => {
    const [from, to] = [2500, 800]
    const { values, indices, offsets } = await sparseProjection(from, to, 3)
    const expected = (from * to) / 50
    // A binomial count is within 5 of its deviations.
    expect(Math.abs(values.length - expected)).toBeLessThan(5 * Math.sqrt(expected))
    const size = Math.fround(1 / Math.sqrt(to / 50))
    expect(new Set(values.map(Math.abs))).toEqual(new Set([size]))
    expect(Math.abs(values.filter((v) => v > 0).length - values.length / 2)).toBeLessThan(2.5 * Math.sqrt(values.length))
    expect([offsets[0], offsets.length, offsets[to]]).toEqual([0, to + 1, values.length])
    const perColumn = new Float64Array(from)
    for (let row = 0; row < to; ++row) {
      const [begin, end] = [offsets[row] as number, offsets[row + 1] as number]
      expect(end - begin).toBeGreaterThan(50 - 6 * Math.sqrt(50))
      expect(end - begin).toBeLessThan(50 + 6 * Math.sqrt(50))
      for (let i = begin; i < end; ++i) {
        if (i > begin) expect(indices[i]).toBeGreaterThan(indices[i - 1] as number)
        perColumn[indices[i] as number] = (perColumn[indices[i] as number] as number) + 1
      }
    }
    // Counts of mean 16: their variance is 16 x (1 - 1 / 50), and that of its estimate over 2,500 columns small.
    const variance = perColumn.reduce((sum, n) => sum + (n - 16) ** 2, 0) / from
    expect(variance).toBeGreaterThan(14)
    expect(variance).toBeLessThan(18)
  })

  it('is a function of its seed', async () => {
    const one = await sparseProjection(900, 50, 1)
    expect(await sparseProjection(900, 50, 1)).toEqual(one)
    expect((await sparseProjection(900, 50, 2)).indices).not.toEqual(one.indices)
    expect(await sparseProjection(1, 4, 0)).toMatchObject({
      indices: Int32Array.of(0, 0, 0, 0),
      offsets: Int32Array.of(0, 1, 2, 3, 4),
    })
  })

  it('keeps the distances of images to a share', async () => {
    const [from, to] = [3000, 2000]
    const { values, indices, offsets } = await sparseProjection(from, to, 0)
    const next = uniform(1)
    const difference = Float64Array.from({ length: from }, () => next() - 0.5)
    let squares = 0
    for (let row = 0; row < to; ++row) {
      let sum = 0
      for (let i = offsets[row] as number; i < (offsets[row + 1] as number); ++i)
        sum += (values[i] as number) * (difference[indices[i] as number] as number)
      squares += sum ** 2
    }
    const kept = squares / difference.reduce((sum, v) => sum + v ** 2, 0)
    // Its deviation is about sqrt(2 / 2000).
    expect(Math.abs(kept - 1)).toBeLessThan(0.13)
  })

  it('has the dimensions of Johnson and Lindenstrauss', () => {
    expect(johnsonLindenstrauss(1200)).toBe(6077)
    expect(johnsonLindenstrauss(1_000_000, 0.5)).toBe(663)
  })
})
