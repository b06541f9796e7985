// Responses of a bank in float64, by direct sums over the bordered grid, and how far float32 may be from them. Nothing here knows of the
// parts into which the kernels take the filters, but for the budget.
import { type Case, type Host, U } from './proof.js'
import { sumError } from './rounding.js'

/** Pixel under a place of an axis' grid, which is reflected and then circular (Passi, Robinson, Bonner). */
export function axis(size: number, subsample: number) {
  const before = size % 2 ? 1 : 2
  const grid = size + before + 2
  const pixel = (place: number): number => {
    let i = (((place % grid) + grid) % grid) - before
    while (i < 0 || i >= size) i = i < 0 ? -i : 2 * (size - 1) - i
    return i
  }
  // Crop of 2 on the grid itself, of 1 where every second place is kept.
  const kept = subsample === 1 ? grid - 4 : grid / 2 - 2
  const places = Array.from({ length: kept }, (_, i) => (subsample === 1 ? i + 2 : 2 * (i + 1)))
  return { grid, before, pixel, places }
}

export interface Responses {
  N: number
  C: number
  P: number
  Q: number
  filters: number
  /** [filter][n][c][p][q] */
  value: Float64Array[]
  /** Largest error of each in float32. */
  error: Float64Array[]
}

/**
 * The kernels sum the products of a filter's four parts (even or odd along each axis) with sums and differences of the pixels that mirror
 * each other. Each product has at most four roundings before it is added (the pixel's own as x / 255, two of the sum of four, the part's),
 * at most (reach + 1)^2 additions follow and three more to join the parts: (reach + 1)^2 + 8 units of 2^-24, of the sum of
 * |part| |x|, to first order. A part is at most the mean of |f| at the four places. Of maps smaller than the filters, which are one matrix,
 * there are no more pixels than (reach + 1)^2.
 */
function bounds(bank: Host, filter: number): Float64Array {
  const side = bank.shape[1] as number
  const reach = (side - 1) / 2
  const at = (a: number, b: number): number => bank.data[(filter * side + a + reach) * side + b + reach] as number
  const bound = new Float64Array(side * side)
  for (let a = -reach; a <= reach; a++)
    for (let b = -reach; b <= reach; b++) {
      let sum = 0
      for (const [down, across] of [
        [1, 1],
        [1, -1],
        [-1, 1],
        [-1, -1],
      ] as const)
        sum += Math.abs(at(a, b) + down * at(-a, b) + across * at(a, -b) + down * across * at(-a, -b)) / 4
      bound[(a + reach) * side + b + reach] = sum
    }
  return bound
}

const known = new WeakMap<Case, Responses>()

export function responses(c: Case): Responses {
  const made = known.get(c)
  if (made) return made
  const [x, bank] = c.inputs as [Host, Host]
  const [N, C, H, W] = x.shape as [number, number, number, number]
  const [filters, side] = bank.shape as [number, number]
  const reach = (side - 1) / 2
  const subsample = Number(c.options?.subsample ?? 1)
  const [down, across] = [axis(H, subsample), axis(W, subsample)]
  const [P, Q] = [down.places.length, across.places.length]
  const scale = x.dtype === 'u8' ? 1 / 255 : 1
  const units = U * ((reach + 1) ** 2 + 8)
  const value = Array.from({ length: filters }, () => new Float64Array(N * C * P * Q))
  const error = Array.from({ length: filters }, () => new Float64Array(N * C * P * Q))
  const bound = Array.from({ length: filters }, (_, f) => bounds(bank, f))
  const window = new Float64Array(side * side)
  for (let plane = 0, i = 0; plane < N * C; plane++)
    for (const p of down.places)
      for (const q of across.places) {
        for (let a = -reach; a <= reach; a++)
          for (let b = -reach; b <= reach; b++) {
            const at = (plane * H + down.pixel(p - a)) * W + across.pixel(q - b)
            window[(a + reach) * side + b + reach] = (x.data[at] as number) * scale
          }
        for (let f = 0; f < filters; f++) {
          let [sum, most] = [0, 0]
          const limit = bound[f] as Float64Array
          for (let t = 0; t < side * side; t++) {
            const v = window[t] as number
            sum += (bank.data[f * side * side + t] as number) * v
            most += (limit[t] as number) * Math.abs(v)
          }
          ;(value[f] as Float64Array)[i] = sum
          ;(error[f] as Float64Array)[i] = units * most
        }
        i++
      }
  const result = { N, C, P, Q, filters, value, error }
  known.set(c, result)
  return result
}

export interface Maps {
  shape: [number, number, number, number]
  value: Float64Array
  error: Float64Array
}

/** The maps in the order of the op. */
export function maps(c: Case): Maps {
  const r = responses(c)
  const { N, C, P, Q } = r
  const kind = c.options?.nonlinearity ?? 'modulus'
  const each = kind === 'none' ? r.filters : (r.filters + 1) / 2
  const plane = P * Q
  const value = new Float64Array(N * C * each * plane)
  const error = new Float64Array(N * C * each * plane)
  for (let n = 0; n < N; n++)
    for (let ch = 0; ch < C; ch++)
      for (let map = 0; map < each; map++) {
        const to = (n * C * each + (map === 0 ? ch : C + ch * (each - 1) + map - 1)) * plane
        const from = (n * C + ch) * plane
        for (let i = 0; i < plane; i++) {
          const of = (f: number): [number, number] => [
            (r.value[f] as Float64Array)[from + i] as number,
            (r.error[f] as Float64Array)[from + i] as number,
          ]
          const [re, eRe] = of(kind === 'none' || map === 0 ? map : 2 * map - 1)
          let [v, e] = [re, eRe]
          if (map > 0 && kind === 'relu') v = Number.isNaN(re) ? re : Math.max(re, 0)
          if (map > 0 && kind === 'modulus') {
            const [im, eIm] = of(2 * map)
            v = Math.hypot(re, im)
            // Two squares, their sum and the root round once each; below 2^-63 the squares themselves lose digits.
            e = Math.hypot(eRe, eIm) + 3 * U * v + 2 ** -74
          }
          value[to + i] = v
          error[to + i] = e
        }
      }
  return { shape: [N, C * each, P, Q], value, error }
}

/** What a sum of maps' gradients g [N,E,P,Q], each off by at most `off`, is to the pixels. */
export function pixelGradient(c: Case, g: Float64Array, off: Float64Array): { value: Float64Array; error: Float64Array } {
  const r = responses(c)
  const [x, bank] = c.inputs as [Host, Host]
  const [N, C, H, W] = x.shape as [number, number, number, number]
  const [filters, side] = bank.shape as [number, number]
  const reach = (side - 1) / 2
  const subsample = Number(c.options?.subsample ?? 1)
  const kind = c.options?.nonlinearity ?? 'modulus'
  const [down, across] = [axis(H, subsample), axis(W, subsample)]
  const plane = r.P * r.Q
  const each = kind === 'none' ? filters : (filters + 1) / 2
  const bound = Array.from({ length: filters }, (_, f) => bounds(bank, f))
  const value = new Float64Array(x.data.length)
  const [square, count, error] = [new Float64Array(value.length), new Float64Array(value.length), new Float64Array(value.length)]
  const gradient = new Float64Array(filters)
  const doubt = new Float64Array(filters)
  for (let n = 0, i = 0; n < N; n++)
    for (let ch = 0; ch < C; ch++)
      for (const p of down.places)
        for (const q of across.places) {
          const at = (map: number): number =>
            (n * C * each + (map === 0 ? ch : C + ch * (each - 1) + map - 1)) * plane + (i % plane)
          for (let f = 0; f < filters; f++) {
            const map = kind === 'none' || f === 0 ? f : (f + (f % 2)) / 2
            const [gy, gyOff] = [g[at(map)] as number, off[at(map)] as number]
            const real = f === 0 ? 0 : f - 1 + (f % 2)
            const [re, im] = [r.value[real]?.[i] as number, r.value[real + 1]?.[i] as number]
            const [eRe, eIm] = [r.error[real]?.[i] as number, r.error[real + 1]?.[i] as number]
            gradient[f] = gy
            doubt[f] = gyOff
            if (f === 0 || kind === 'none') continue
            if (kind === 'relu') {
              gradient[f] = f % 2 && re > 0 ? gy : 0
              // A response that may be of either sign may have either gradient.
              doubt[f] = f % 2 ? (Math.abs(re) <= eRe ? Math.abs(gy) + gyOff : gyOff) : 0
              continue
            }
            const m = Math.hypot(re, im)
            const e = Math.hypot(eRe, eIm)
            // A direction turns by at most 2 e / (m - e), and by no more than right round; four roundings.
            const turned = (m > e ? Math.min(2, (2 * e) / (m - e)) : 2) + 4 * U
            gradient[f] = m === 0 ? 0 : (gy * (f % 2 ? re : im)) / m
            doubt[f] = m === 0 && e === 0 ? 0 : Math.abs(gy) * turned + gyOff
          }
          for (let a = -reach; a <= reach; a++)
            for (let b = -reach; b <= reach; b++) {
              const to = ((n * C + ch) * H + down.pixel(p - a)) * W + across.pixel(q - b)
              const tap = (a + reach) * side + b + reach
              for (let f = 0; f < filters; f++) {
                const limit = (bound[f] as Float64Array)[tap] as number
                const term = limit * Math.abs(gradient[f] as number)
                value[to] = (value[to] as number) + (bank.data[f * side * side + tap] as number) * (gradient[f] as number)
                square[to] = (square[to] as number) + term * term
                count[to] = (count[to] as number) + 4 // the parts of a filter
                error[to] = (error[to] as number) + limit * (doubt[f] as number)
              }
            }
          i++
        }
  return { value, error: error.map((e, i) => e + sumError(count[i] as number, Math.sqrt(square[i] as number))) }
}
