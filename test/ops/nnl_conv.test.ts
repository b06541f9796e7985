// Properties of the layer that its proof's fixed cases do not state: what a shadow and the order of the channels change (nothing).
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Tensor } from '../../lib/index.js'
import { nnlConv } from '../../lib/ops/index.js'
import { normals, U } from './proof.js'

interface Sizes {
  images: number
  channels: number
  height: number
  width: number
  filters: number
  window: number
}

const sizes = fc.record({
  images: fc.integer({ min: 1, max: 3 }),
  channels: fc.integer({ min: 1, max: 4 }),
  height: fc.integer({ min: 6, max: 15 }),
  width: fc.integer({ min: 6, max: 15 }),
  filters: fc.integer({ min: 1, max: 40 }),
  window: fc.integer({ min: 2, max: 4 }),
})
const layers = fc.record({
  power: fc.integer({ min: 1, max: 40 }),
  stride: fc.integer({ min: 1, max: 2 }),
  padding: fc.integer({ min: 0, max: 1 }),
  pool: fc
    .record({ size: fc.integer({ min: 1, max: 2 }), stride: fc.integer({ min: 1, max: 2 }), half: fc.boolean() })
    .map(({ size, stride, half }) => ({ size, stride, padding: half ? Math.floor(size / 2) : 0 })),
})

function image(s: Sizes, seed: number): Float32Array {
  return Float32Array.from(normals(seed, s.images * s.channels * s.height * s.width), (v) => 0.5 + 0.2 * v)
}

/** Unit rows, so that the results are powers of cosines. */
function filters(s: Sizes, seed: number): Float32Array {
  const T = s.channels * s.window ** 2
  const data = Float32Array.from(normals(seed, s.filters * T), (v) => 0.3 + v)
  for (let k = 0; k < s.filters; k++) {
    const row = data.subarray(k * T, (k + 1) * T)
    const length = Math.hypot(...row)
    row.forEach((v, t) => {
      row[t] = v / length
    })
  }
  return data
}

async function layer(s: Sizes, x: Float32Array, w: Float32Array, options: Parameters<typeof nnlConv>[2]): Promise<Float32Array> {
  const tensors = [
    Tensor.from(x, { shape: [s.images, s.channels, s.height, s.width] }),
    Tensor.from(w, { shape: [s.filters, s.channels, s.window, s.window] }),
  ] as const
  const y = nnlConv(...tensors, options)
  const { data } = await y.read()
  for (const tensor of [...tensors, y]) tensor.dispose()
  return data as Float32Array
}

/** Two float32 evaluations of one cosine differ by at most (3 T + 14) U (see test/ops/nnl_conv.ts); its power by n times that. */
function close(a: Float32Array, b: Float32Array, s: Sizes, power: number): void {
  const doubt = (3 * s.channels * s.window ** 2 + 14) * U
  expect(b.length).toBe(a.length)
  a.forEach((v, i) => {
    const other = b[i] as number
    const largest = Math.max(v, other, 2 ** -126)
    const cosine = largest ** (1 / power)
    const budget = (cosine + doubt) ** power - largest + 2 * (power + 4) * U * largest
    expect(Math.abs(v - other), `y[${i}]: ${v} and ${other}`).toBeLessThanOrEqual(budget)
  })
}

describe('nnlConv', () => {
  it('does not see a shadow: a patch scaled by 0.3 gives the same', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, layers, fc.boolean(), fc.integer(), async (s, options, centre, seed) => {
        const x = image(s, seed)
        const w = filters(s, seed + 1)
        const dark = x.map((v) => 0.3 * v)
        // Rounding 0.3 x to float32 is one more rounding of each pixel; a centred patch is what is left of it, about 2 to 20 times
        // smaller in these images, so that the property is stated for the uncentred layer to rounding, and by powers of two (exact)
        // for the centred one.
        if (centre) {
          const quarter = x.map((v) => 0.25 * v)
          expect(await layer(s, quarter, w, { ...options, centre })).toEqual(await layer(s, x, w, { ...options, centre }))
        } else close(await layer(s, x, w, options), await layer(s, dark, w, options), s, options.power)
      }),
      { numRuns: 40 },
    )
  })

  it('does not depend on the order of the channels', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, layers, fc.integer(), async (s, options, seed) => {
        const order = normals(seed + 2, s.channels)
          .map((key, c) => ({ key, c }))
          .sort((a, b) => a.key - b.key)
          .map(({ c }) => c)
        const permuted = (data: Float32Array, rows: number, plane: number): Float32Array => {
          const out = new Float32Array(data.length)
          for (let n = 0; n < rows; n++)
            order.forEach((from, to) => {
              out.set(
                data.subarray((n * s.channels + from) * plane, (n * s.channels + from + 1) * plane),
                (n * s.channels + to) * plane,
              )
            })
          return out
        }
        const x = image(s, seed)
        const w = filters(s, seed + 1)
        const a = await layer(s, x, w, options)
        const b = await layer(s, permuted(x, s.images, s.height * s.width), permuted(w, s.filters, s.window ** 2), options)
        close(a, b, s, options.power)
      }),
      { numRuns: 40 },
    )
  })

  it('gives an image the same bits alone, in a batch, and whatever filters stand beside', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, layers, fc.integer(), async (s, options, seed) => {
        const x = image(s, seed)
        const w = filters(s, seed + 1)
        const all = await layer(s, x, w, options)
        const one = { ...s, images: 1, filters: 1 }
        const last = await layer(one, x.slice(-x.length / s.images), w.slice(-w.length / s.filters), options)
        expect(all.slice(-last.length)).toEqual(last)
      }),
      { numRuns: 40 },
    )
  })
})
