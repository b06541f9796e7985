// What one pass over the images adds up for a block, and how the parts of several processes become one.
import type { Safetensor } from '../io/index.js'
import { hostTensor } from '../io/index.js'
import type { CovarianceState } from '../ops/index.js'
import type { Group } from '../run/group.js'
import { Tensor } from '../tensor.js'

/** Sums over the images of one pass, in float64. */
export class Sums {
  readonly pooled: CovarianceState | null
  readonly pixels: CovarianceState | null
  private readonly means: Float64Array
  private readonly squares: Float64Array
  private images = 0
  private positions = 0

  constructor(
    responses: number,
    wants: { pooled: boolean; pixels: boolean },
    device: Tensor['device'],
    saved?: ReadonlyMap<string, Safetensor>,
  ) {
    const numbers = (name: string) => saved?.get(name)?.data as Float64Array | undefined
    this.means = numbers('sums.means')?.slice() ?? new Float64Array(responses)
    this.squares = numbers('sums.squares')?.slice() ?? new Float64Array(responses)
    const [images = 0, positions = 0] = numbers('sums.counts') ?? []
    this.images = images
    this.positions = positions
    const state = (name: 'pooled' | 'pixels'): CovarianceState | null => {
      if (!wants[name]) return null
      const mean = numbers(`sums.${name}.mean`)
      const [count = 0] = numbers(`sums.${name}.count`) ?? []
      if (!mean)
        return {
          count: 0,
          mean: Tensor.zeros([responses], { dtype: 'f64', device }),
          moments: Tensor.zeros([responses, responses], { dtype: 'f64', device }),
        }
      return {
        count,
        mean: Tensor.from(mean, { device }),
        moments: Tensor.from(numbers(`sums.${name}.moments`) as Float64Array, { shape: [responses, responses], device }),
      }
    }
    this.pooled = state('pooled')
    this.pixels = state('pixels')
  }

  /** Adds what a block says of some images: their mean responses [n,D], and the sums of squares [D] over n * positions. */
  async add(pooled: Tensor, squares: Tensor, positions: number): Promise<void> {
    const [m, s] = await Promise.all([pooled.read(), squares.read()])
    const count = pooled.shape[0] as number
    const responses = this.means.length
    for (let i = 0; i < count; i++)
      for (let d = 0; d < responses; d++) this.means[d] = (this.means[d] as number) + (m.data[i * responses + d] as number)
    for (let d = 0; d < responses; d++) this.squares[d] = (this.squares[d] as number) + (s.data[d] as number)
    this.images += count
    this.positions += count * positions
  }

  /** Those of all processes' images, in every one of them (Chan, Golub, LeVeque 1983, equation 1.5, for P parts). */
  async merge(group: Group): Promise<void> {
    if (group.size === 1) return
    const counts = Float64Array.of(this.images, this.positions)
    for (const sums of [counts, this.means, this.squares]) await group.sum(sums)
    this.images = counts[0] as number
    this.positions = counts[1] as number
    for (const state of [this.pooled, this.pixels]) {
      if (!state) continue
      const [mean, moments] = (await Promise.all([state.mean.read(), state.moments.read()])).map(
        ({ data }) => data as Float64Array,
      ) as [Float64Array, Float64Array]
      const n = mean.length
      const total = Float64Array.of(state.count)
      const middle = mean.map((m) => m * state.count)
      for (const sums of [total, middle]) await group.sum(sums)
      const shift = mean.map((m, i) => m - (middle[i] as number) / (total[0] as number))
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++)
          moments[i * n + j] = (moments[i * n + j] as number) + state.count * (shift[i] as number) * (shift[j] as number)
      await group.sum(moments)
      const { device } = state.mean
      state.mean.dispose()
      state.moments.dispose()
      state.count = total[0] as number
      state.mean = Tensor.from(
        middle.map((m) => m / state.count),
        { device },
      )
      state.moments = Tensor.from(moments, { shape: [n, n], device })
    }
  }

  get finite(): boolean {
    return this.means.every(Number.isFinite) && this.squares.every(Number.isFinite)
  }

  /** Mean of the images' mean responses, and variance over all positions. */
  statistics(): { mean: Float64Array; variance: Float64Array } {
    const mean = this.means.map((sum) => sum / this.images)
    const variance = this.squares.map((sum, d) => Math.max(0, sum / this.positions - (mean[d] as number) ** 2))
    return { mean, variance }
  }

  async host(): Promise<Record<string, Safetensor>> {
    const f64 = (data: Float64Array): Safetensor => ({ dtype: 'F64', shape: [data.length], data: data.slice() })
    const result: Record<string, Safetensor> = {
      'sums.means': f64(this.means),
      'sums.squares': f64(this.squares),
      'sums.counts': f64(Float64Array.of(this.images, this.positions)),
    }
    for (const name of ['pooled', 'pixels'] as const) {
      const state = this[name]
      if (!state) continue
      result[`sums.${name}.mean`] = await hostTensor(state.mean)
      result[`sums.${name}.moments`] = await hostTensor(state.moments)
      result[`sums.${name}.count`] = f64(Float64Array.of(state.count))
    }
    return result
  }

  dispose(): void {
    for (const state of [this.pooled, this.pixels]) {
      state?.mean.dispose()
      state?.moments.dispose()
    }
  }
}
