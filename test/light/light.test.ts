// Changes of light: exact areas and factors, seeds, bytes against floats, statistics of the noise.
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { type InMemoryImages, imagesFrom } from '../../lib/data/index.js'
import { OptionError, ShapeError } from '../../lib/errors.js'
import { applyLight, applyShadow, LightField, type LightKind, lightKinds, unchangedStrength } from '../../lib/light/index.js'
import { nnlConv } from '../../lib/ops/index.js'
import { normals } from '../../lib/random.js'
import { Tensor } from '../../lib/tensor.js'

const shape = [40, 3, 15, 17] as const
const [count, channels, height, width] = shape
const plane = height * width
let set: InMemoryImages
beforeAll(async () => {
  const pixels = Uint8Array.from({ length: count * channels * plane }, (_, i) => (i * 89 + (i >> 7) * 31) & 255)
  set = await imagesFrom({ pixels, shape, name: 'pattern' })
})

/** Equal to the bit; toEqual walks large arrays for seconds. */
function equal(a: Uint8Array | Float32Array, b: Uint8Array | Float32Array): boolean {
  const bytes = (x: Uint8Array | Float32Array) => Buffer.from(x.buffer, x.byteOffset, x.byteLength)
  return a.constructor === b.constructor && bytes(a).equals(bytes(b))
}

/** Images of one level in a light of full range, so that a pixel is its factor. */
function factors(kind: LightKind, strength: number, size: readonly [number, number, number, number], seed = 0): Float32Array {
  const white = new Uint8Array(size.reduce((a, b) => a * b)).fill(255)
  return new LightField({ kind }, size, { seed }).apply(white, strength, 'f32')
}

describe('every light', () => {
  it('leaves images as they are at its unchanged strength, in bytes and in floats', () => {
    for (const kind of lightKinds) {
      const field = new LightField({ kind }, shape, { seed: 5 })
      expect(equal(field.apply(set.pixels, unchangedStrength(kind), 'u8'), set.pixels), kind).toBe(true)
      const floats = Float32Array.from(set.pixels, (v) => v / 255)
      expect(equal(field.apply(set.pixels, unchangedStrength(kind), 'f32'), floats), kind).toBe(true)
    }
  })

  it('is the same for an image in any batch, and differs between images and seeds', () => {
    // One picture, many times: what differs is drawn.
    const image = set.pixels.subarray(0, channels * plane)
    const same = new Uint8Array(12 * image.length)
    for (let n = 0; n < 12; ++n) same.set(image, n * image.length)
    const at = (pixels: Float32Array, n: number) => pixels.subarray(n * image.length, (n + 1) * image.length)
    for (const kind of lightKinds) {
      const whole = new LightField({ kind }, [12, channels, height, width], { seed: 9 }).apply(same, 0.4, 'f32')
      const part = new LightField({ kind }, [5, channels, height, width], { seed: 9, first: 6 })
      const [from, to] = [6 * image.length, 11 * image.length]
      expect(equal(part.apply(same.subarray(from, to), 0.4, 'f32'), whole.subarray(from, to)), kind).toBe(true)
      if (kind === 'contrast') continue
      expect(equal(at(whole, 0), at(whole, 1)), kind).toBe(false)
      const other = new LightField({ kind }, [12, channels, height, width], { seed: 10 }).apply(same, 0.4, 'f32')
      expect(equal(at(other, 0), at(whole, 0)), kind).toBe(false)
    }
  })

  it('rounds bytes from the same values that floats hold', () => {
    for (const kind of lightKinds) {
      const field = new LightField({ kind }, shape, { seed: 2 })
      for (const strength of [0.07, 0.3, 0.62]) {
        const bytes = field.apply(set.pixels, strength, 'u8')
        const floats = field.apply(set.pixels, strength, 'f32')
        let [worst, apart] = [0, 0]
        for (let i = 0; i < bytes.length; ++i) {
          const distance = Math.abs((bytes[i] as number) - 255 * (floats[i] as number))
          worst = Math.max(worst, distance)
          apart += Number(distance > 0.1)
        }
        // Half a level, and float32's rounding of a value of at most 1: 255 x 2^-24 levels.
        expect(worst, kind).toBeLessThanOrEqual(0.5 + 255 * 2 ** -24)
        expect(apart, `${kind}: floats are not rounded to levels`).toBeGreaterThan(0.3 * bytes.length)
      }
    }
  })

  it('makes sets that keep labels and say what was done', async () => {
    for (const kind of lightKinds) {
      const lit = await applyLight(set, { kind, strength: 0.3 }, { seed: 4 })
      const field = new LightField({ kind }, shape, { seed: 4 })
      expect(equal(lit.pixels as Uint8Array, field.apply(set.pixels, 0.3, 'u8')), kind).toBe(true)
      expect(lit.name).toBe(`pattern+${kind}(0.3${kind === 'shadow' ? ',0.8' : ''},seed-4)`)
      expect(lit.sha256).not.toBe(set.sha256)
    }
    expect((await applyLight(set, { kind: 'shadow', strength: 0.3 })).sha256).toBe((await applyShadow(set)).sha256)
  })

  it('refuses what cannot be', async () => {
    await expect(applyLight(set, { kind: 'fog' as LightKind, strength: 1 })).rejects.toThrow(
      "applyLight: kind is 'fog'; expected 'shadow', 'smooth', 'colour', 'contrast' or 'noise'",
    )
    await expect(applyLight(set, { kind: 'smooth', strength: 1.2 })).rejects.toThrow(
      'strength is 1.2; expected a number from 0 to 1',
    )
    await expect(applyLight(set, { kind: 'noise', strength: Number.NaN })).rejects.toThrow(OptionError)
    await expect(applyLight(set, { kind: 'noise', strength: 0.1, cover: 0.5 })).rejects.toThrow("cover is given for 'noise'")
    await expect(applyLight(set, { kind: 'shadow', strength: 0.1, cover: 2 })).rejects.toThrow('cover is 2')
    await expect(applyLight(set, { kind: 'noise', strength: 0.1 }, { seed: -1 })).rejects.toThrow('seed is -1')
    expect(() => new LightField({ kind: 'noise' }, shape, { first: 0.5 })).toThrow('first is 0.5')
    expect(() => new LightField({ kind: 'noise' }, shape).apply(set.pixels.subarray(1), 0.1, 'u8')).toThrow(ShapeError)
    expect(() => new LightField({ kind: 'noise' }, shape).apply(set.pixels, 2, 'u8')).toThrow('strength is 2')
  })
})

describe('shadow', () => {
  it('keeps the bits that it has had from the start', async () => {
    const bits = async (options: object) => (await applyShadow(set, options)).sha256
    expect(await bits({ seed: 7 })).toBe('799f718fce6706ed1c6ee93d7563f2ea92541e087a7b79663130a43768d3794d')
    expect(await bits({ strength: 0.55, cover: 0.37, seed: 1 })).toBe(
      '2482043d73a1b99d71a6dba358e90629beab27a1c8e652ff3055a54bf59bca3b',
    )
    expect(await bits({ strength: 0.1, cover: 1 })).toBe('4e89c6b488f02930459bf0d50e05e9986277e7a049660bf4e92a26513e2e8b19')
  })

  it('covers the very share asked for with one hard edge, whatever the size', () => {
    const side = fc.integer({ min: 1, max: 24 })
    fc.assert(
      fc.property(side, side, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(), (h, w, cover, seed) => {
        const white = new Uint8Array(2 * 3 * h * w).fill(255)
        const lit = new LightField({ kind: 'shadow', cover }, [2, 3, h, w], { seed }).apply(white, 0.3, 'f32')
        for (let n = 0; n < 2; ++n)
          for (let c = 0; c < 3; ++c) {
            const image = lit.subarray((n * 3 + c) * h * w, (n * 3 + c + 1) * h * w)
            expect(image.filter((v) => v === Math.fround(0.3)).length).toBe(Math.round(cover * h * w))
            expect(image.every((v) => v === 1 || v === Math.fround(0.3))).toBe(true)
            // A half-plane: along any row it is entered or left once at most.
            for (let y = 0; y < h; ++y) {
              let edges = 0
              for (let x = 1; x < w; ++x) edges += Number(image[y * w + x] !== image[y * w + x - 1])
              expect(edges).toBeLessThanOrEqual(1)
            }
          }
      }),
      { numRuns: 60 },
    )
  })
})

describe('smooth', () => {
  it('runs from its strength to 1 in every image, the same for all channels, without an edge', () => {
    const side = 64
    const lit = factors('smooth', 0.2, [100, 3, side, side])
    for (let n = 0; n < 100; ++n) {
      const image = lit.subarray(n * 3 * side * side, (n * 3 + 1) * side * side)
      expect(image.reduce((a, b) => Math.min(a, b))).toBe(Math.fround(0.2))
      expect(image.reduce((a, b) => Math.max(a, b))).toBe(1)
      expect(equal(lit.subarray((n * 3 + 2) * side * side, (n * 3 + 3) * side * side), image)).toBe(true)
      let steepest = 0
      for (let y = 0; y < side; ++y)
        for (let x = 1; x < side; ++x)
          steepest = Math.max(steepest, Math.abs((image[y * side + x] as number) - (image[y * side + x - 1] as number)))
      // Four waves of one cycle at most rise by 4 x 2 pi / 64 a pixel; over a range of 2 that is a fifth of 1 - s.
      expect(steepest).toBeLessThan(0.8 * 0.2)
    }
  })

  it('darkens about half of the light taken, on average', () => {
    const lit = factors('smooth', 0.2, [400, 1, 16, 16], 3)
    const mean = lit.reduce((a, b) => a + b, 0) / lit.length
    expect(Math.abs(mean - 0.6)).toBeLessThan(0.04) // 400 images whose means have a deviation of about 0.13: six standard errors
  })
})

describe('colour', () => {
  it('dims one channel to its strength, keeps one, and has no favourite', () => {
    const n = 300
    const lit = factors('colour', 0.25, [n, 3, 2, 2])
    const dimmest = [0, 0, 0]
    for (let i = 0; i < n; ++i) {
      const of = [0, 1, 2].map((c) => lit[(i * 3 + c) * 4] as number)
      for (let c = 0; c < 3; ++c)
        expect(lit.subarray((i * 3 + c) * 4, (i * 3 + c + 1) * 4)).toEqual(new Float32Array(4).fill(of[c] as number))
      const sorted = [...of].sort((a, b) => a - b)
      expect([sorted[0], sorted[2]]).toEqual([0.25, 1])
      const channel = of.indexOf(0.25)
      dimmest[channel] = (dimmest[channel] as number) + 1
    }
    for (const times of dimmest) expect(Math.abs(times - n / 3)).toBeLessThan(4 * Math.sqrt((n * 2) / 9))
    expect(factors('colour', 0.25, [5, 1, 1, 1])).toEqual(new Float32Array(5).fill(0.25))
  })
})

describe('contrast', () => {
  it("keeps each channel's mean and scales the differences from it", () => {
    const lit = new LightField({ kind: 'contrast' }, shape).apply(set.pixels, 0.35, 'f32')
    for (let from = 0; from < lit.length; from += plane) {
      const before = set.pixels.subarray(from, from + plane)
      const mean = before.reduce((a, b) => a + b, 0) / plane
      let worst = 0
      for (let i = 0; i < plane; ++i) {
        const expected = mean + 0.35 * ((before[i] as number) - mean)
        worst = Math.max(worst, Math.abs(255 * (lit[from + i] as number) - expected))
      }
      expect(worst).toBeLessThan(255 * 2 ** -23)
    }
  })
})

describe('noise', () => {
  const n = 30
  const size = [n, 3, 32, 32] as const
  const grey = new Uint8Array(n * 3072).fill(128)
  const deviation = 0.05 // ten of them to either end of the range: nothing is held there

  it('is normal, with the deviation asked for, and independent from pixel to pixel', () => {
    const lit = new LightField({ kind: 'noise' }, size, { seed: 1 }).apply(grey, deviation, 'f32')
    const z = Float64Array.from(lit, (v) => (v - 128 / 255) / deviation)
    const moment = (power: number) => z.reduce((sum, v) => sum + v ** power, 0) / z.length
    // Standard errors of the moments of N normal numbers: 1, sqrt(2), sqrt(15), sqrt(96) over sqrt(N).
    const bound = (variance: number) => 4 * Math.sqrt(variance / z.length)
    expect(Math.abs(moment(1))).toBeLessThan(bound(1))
    expect(Math.abs(moment(2) - 1)).toBeLessThan(bound(2))
    expect(Math.abs(moment(3))).toBeLessThan(bound(15))
    expect(Math.abs(moment(4) - 3)).toBeLessThan(bound(96))
    for (const distance of [1, 32, 1024, 3072]) {
      let product = 0
      for (let i = distance; i < z.length; ++i) product += (z[i] as number) * (z[i - distance] as number)
      expect(Math.abs(product / (z.length - distance)), `${distance} apart`).toBeLessThan(bound(1))
    }
  })

  it('stays within the range of a sensor, and is the same noise at every strength', () => {
    const field = new LightField({ kind: 'noise' }, size, { seed: 1 })
    const loud = field.apply(grey, 1, 'f32')
    expect(loud.reduce((a, b) => Math.min(a, b))).toBe(0)
    expect(loud.reduce((a, b) => Math.max(a, b))).toBe(1)
    const quiet = field.apply(grey, deviation, 'f32')
    const worst = quiet.reduce((most, v, i) => {
      const expected = Math.min(1, Math.max(0, 128 / 255 + (v - 128 / 255) / deviation))
      return Math.max(most, Math.abs((loud[i] as number) - expected))
    }, 0)
    expect(worst).toBeLessThan(2e-6) // float32's rounding, times 1 / deviation
  })

  it('is another series than that of initial weights', () => {
    const lit = new LightField({ kind: 'noise' }, [1, 1, 32, 32]).apply(grey.subarray(0, 1024), deviation, 'f32')
    const weights = normals(0, 1024)
    const correlation = lit.reduce((sum, v, i) => sum + ((v - 128 / 255) / deviation) * (weights[i] as number), 0) / 1024
    expect(Math.abs(correlation)).toBeLessThan(4 / 32)
    expect(normals(5, 20, { first: 8 })).toEqual(normals(5, 28).subarray(8))
    expect(() => normals(5, 20, { first: 3 })).toThrow('multiple of 4')
  })
})

describe('patch normalisation', () => {
  // Section 5 of the paper: a factor that is the same over a patch drops out of its cosine with a filter.
  const cosines = async (pixels: Uint8Array | Float32Array, normalise: 'patch' | 'none') => {
    using images = Tensor.from(pixels, { shape: [...shape] })
    using w = Tensor.from(filters, { shape: [8, 3, 4, 4] })
    using y = nnlConv(images, w, { power: 1, normalise })
    return (await y.read()).data
  }
  const filters = normals(2, 8 * 48)
  for (let k = 0; k < 8; ++k) {
    const row = filters.subarray(k * 48, (k + 1) * 48)
    const norm = Math.hypot(...row)
    for (let i = 0; i < 48; ++i) row[i] = (row[i] as number) / norm
  }
  const furthest = (a: ArrayLike<number>, b: ArrayLike<number>, scale = 1) =>
    Array.from(a).reduce((most, v, i) => Math.max(most, Math.abs(v * scale - (b[i] as number))), 0)

  it('undoes a uniform shadow in float to rounding, but not its rounding to bytes', async () => {
    const dark = new LightField({ kind: 'shadow', cover: 1 }, shape)
    const raw = await cosines(set.pixels, 'patch')
    // With u = 2^-24 and D = 48: a sum of D products of the patch with a unit row errs by at most D u |v|, the norm by (D / 2 + 2) u |v|, the last
    // division by u; twice that for two cosines, and 2 u for the rounding of the pixels.
    const budget = (2 * (48 + 24 + 3) + 2) * 2 ** -24
    for (const strength of [0.3, 0.01]) {
      const difference = furthest(raw, await cosines(dark.apply(set.pixels, strength, 'f32'), 'patch'))
      expect(difference).toBeLessThan(budget)
      expect(furthest(raw, await cosines(dark.apply(set.pixels, strength, 'u8'), 'patch'))).toBeGreaterThan(100 * budget)
    }
  })

  it('is what undoes it: without it responses fall with the light', async () => {
    const dark = new LightField({ kind: 'shadow', cover: 1 }, shape).apply(set.pixels, 0.3, 'f32')
    const [raw, less] = [await cosines(set.pixels, 'none'), await cosines(dark, 'none')]
    const most = Array.from(raw).reduce((a, b) => Math.max(a, b))
    // Two sums of D products and the rounding of pixels, with patches of norm sqrt(48) at most.
    expect(furthest(raw, less, 0.3)).toBeLessThan((2 * 48 + 2) * 2 ** -24 * Math.sqrt(48))
    expect(furthest(raw, less)).toBeGreaterThan(0.5 * most)
  })
})
