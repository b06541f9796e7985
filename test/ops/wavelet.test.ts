// waveletBank and waveletConv against the published procedure: filters that fill the grid, applied there by Fourier transforms.
import { describe, expect, it } from 'vitest'
import { OptionError } from '../../lib/errors.js'
import { passiBank, type WaveletBankOptions, waveletBank, waveletConv } from '../../lib/ops/wavelet.js'
import { Tensor } from '../../lib/tensor.js'
import { uniform } from './proof.js'

interface Complex {
  re: Float64Array
  im: Float64Array
}

/** Discrete Fourier transform of a rows x columns array along both axes; inverse with sign 1 (not divided). */
function transform({ re, im }: Complex, rows: number, columns: number, sign: 1 | -1): Complex {
  const along = (from: Complex, count: number, length: number, step: number, stride: number): Complex => {
    const to = { re: new Float64Array(count * length), im: new Float64Array(count * length) }
    for (let i = 0; i < count; i++)
      for (let k = 0; k < length; k++) {
        let [a, b] = [0, 0]
        for (let j = 0; j < length; j++) {
          const angle = (sign * 2 * Math.PI * ((j * k) % length)) / length
          const [c, s] = [Math.cos(angle), Math.sin(angle)]
          const at = i * step + j * stride
          a += (from.re[at] as number) * c - (from.im[at] as number) * s
          b += (from.re[at] as number) * s + (from.im[at] as number) * c
        }
        to.re[i * step + k * stride] = a
        to.im[i * step + k * stride] = b
      }
    return to
  }
  return along(along({ re, im }, rows, columns, columns, 1), columns, rows, 1, columns)
}

type Bank = ReturnType<typeof passiBank>

/** A Gabor filter on the grid, its own periods added up, as kymatio and Rainbow make it. */
function gabor(rows: number, columns: number, sigma: number, theta: number, xi: number, slant: number): Complex {
  const [c, s] = [Math.cos(theta), Math.sin(theta)]
  const [xx, xy, yy] = [c * c + slant ** 2 * s * s, (1 - slant ** 2) * c * s, s * s + slant ** 2 * c * c].map(
    (v) => v / (2 * sigma ** 2),
  )
  const filter = { re: new Float64Array(rows * columns), im: new Float64Array(rows * columns) }
  const norm = (6.283 * sigma ** 2) / slant // their 2 pi
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++)
      for (let ex = -2; ex <= 2; ex++)
        for (let ey = -2; ey <= 2; ey++) {
          const [x, y] = [i + ex * rows, j + ey * columns]
          const g = Math.exp(-((xx as number) * x * x + 2 * (xy as number) * x * y + (yy as number) * y * y)) / norm
          const phase = xi * (x * c + y * s)
          const at = i * columns + j
          filter.re[at] = (filter.re[at] as number) + g * Math.cos(phase)
          filter.im[at] = (filter.im[at] as number) + g * Math.sin(phase)
        }
  return filter
}

/** The real Fourier transforms of all filters of a bank: the low-pass, then the wavelets. */
function published(rows: number, columns: number, b: Bank): Float64Array[] {
  const low = gabor(rows, columns, b.lowpass, 0, 0, 1)
  const filters = [low]
  for (let l = 0; l < b.orientations; l++) {
    const theta = ((Math.trunc(b.orientations - b.orientations / 2 - 1) - l) * Math.PI) / b.orientations
    const wave = gabor(rows, columns, b.sigma, theta, b.xi, b.slant)
    const envelope = gabor(rows, columns, b.sigma, theta, 0, b.slant)
    const sum = (v: Float64Array): number => v.reduce((x, y) => x + y, 0)
    const [beta, betaIm] = [sum(wave.re) / sum(envelope.re), sum(wave.im) / sum(envelope.re)]
    filters.push({
      re: wave.re.map((v, i) => v - beta * (envelope.re[i] as number)),
      im: wave.im.map((v, i) => v - betaIm * (envelope.re[i] as number)),
    })
  }
  return filters.map((f) => transform(f, rows, columns, -1).re)
}

/** Low-pass and moduli of one map, [1 + L][P][Q]: reflected by hand, filtered in Fourier space, decimated, cropped. */
function publishedBlock(x: Float32Array, height: number, width: number, b: Bank, subsample: 1 | 2): number[][] {
  const reflected = (size: number): number[] => {
    const [before, after] = size % 2 ? [1, 2] : [2, 2]
    const place = (i: number): number => (i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i)
    return Array.from({ length: before + size + after }, (_, i) => place(i - before))
  }
  const [down, across] = [reflected(height), reflected(width)]
  const [rows, columns] = [down.length, across.length]
  const grid = { re: new Float64Array(rows * columns), im: new Float64Array(rows * columns) }
  down.forEach((h, i) => {
    across.forEach((w, j) => {
      grid.re[i * columns + j] = x[h * width + w] as number
    })
  })
  const spectrum = transform(grid, rows, columns, -1)
  return published(rows, columns, b).map((filter, f) => {
    const product = {
      re: spectrum.re.map((v, i) => v * (filter[i] as number)),
      im: spectrum.im.map((v, i) => v * (filter[i] as number)),
    }
    const y = transform(product, rows, columns, 1)
    const crop = subsample === 1 ? 2 : 1
    const map: number[] = []
    for (let i = crop; i < rows / subsample - crop; i++)
      for (let j = crop; j < columns / subsample - crop; j++) {
        const at = i * subsample * columns + j * subsample
        const [re, im] = [(y.re[at] as number) / (rows * columns), (y.im[at] as number) / (rows * columns)]
        map.push(f === 0 ? re : Math.hypot(re, im))
      }
    return map
  })
}

/** Largest differences of the low-pass and of the moduli from the published ones, for pixels in [0, 1]. */
async function difference(height: number, width: number, bank: Bank, subsample: 1 | 2) {
  const x = Float32Array.from({ length: height * width }, uniform(7))
  const y = waveletConv(Tensor.from(x, { shape: [1, 1, height, width] }), waveletBank(bank), { subsample })
  const { data } = await y.read()
  const expected = publishedBlock(x, height, width, bank, subsample).flat()
  expect(data.length).toBe(expected.length)
  const plane = data.length / (1 + bank.orientations)
  let [low, modulus] = [0, 0]
  expected.forEach((v, i) => {
    const off = Math.abs(v - (data[i] as number))
    if (i < plane) low = Math.max(low, off)
    else modulus = Math.max(modulus, off)
  })
  return { low, modulus }
}

// What a bank cuts off, summed over the places of its filters, is what a response may lose of pixels in [0, 1] (the sums that waveletBank's
// docstring states). From side 21 on only float32 is left: 81 products of at most 1/4, and as much for the rounding of the filters.
const grown = 1e-6
describe('the published filters, by Fourier transforms on the whole grid', () => {
  for (const [position, subsample, orientations, tolerance] of [
    [1, 2, 8, 0.0042],
    ['odd', 1, 8, 0.0042],
    ['even', 2, 8, 0.0113],
    ['even', 2, 4, grown], // round envelopes, which end well within the side
  ] as const)
    for (const [height, width] of [
      [20, 16],
      [14, 14],
      [7, 7],
      [6, 6],
      [3, 4],
    ] as const)
      it(`block ${position}, L = ${orientations}, ${height} x ${width}`, async () => {
        const bank = passiBank(position, orientations)
        const own = await difference(height, width, bank, subsample)
        expect(own.low).toBeLessThan(grown)
        expect(own.modulus).toBeLessThan(tolerance)
        const wide = await difference(height, width, { ...bank, size: 21 }, subsample)
        expect(wide.low).toBeLessThan(grown)
        expect(wide.modulus).toBeLessThan(grown)
      })
})

describe('waveletBank', () => {
  it('gives mirrored filters that are mirrored to the bit, and no response to a constant image', async () => {
    for (const position of [1, 'odd', 'even'] as const) {
      const options = passiBank(position)
      const { data } = await waveletBank(options).read()
      const side = options.size
      const at = (row: number, i: number, j: number): number => data[(row * side + i) * side + j] as number
      for (let l = 0; l < 8; l++)
        for (let i = 0; i < side; i++)
          for (let j = 0; j < side; j++) {
            const [re, im] = [1 + 2 * l, 2 + 2 * l]
            expect(at(re, side - 1 - i, side - 1 - j)).toBe(at(re, i, j))
            expect(at(im, side - 1 - i, side - 1 - j) + at(im, i, j)).toBe(0)
            if (l < 7) expect(at(1 + 2 * (6 - l), i, side - 1 - j)).toBe(at(re, i, j))
          }
      const flat = Tensor.from(new Float32Array(64).fill(1), { shape: [1, 1, 8, 8] })
      const y = (await waveletConv(flat, waveletBank(options)).read()).data
      // Each of the side^2 numbers of a filter is rounded by half a unit of 2^-24, and they are at most 1/4.
      for (let i = 64; i < y.length; i++) expect(Math.abs(y[i] as number)).toBeLessThan((side ** 2 * 2 ** -24) / 4)
    }
  })
  it.each([
    [{ orientations: 0 }, 'orientations'],
    [{ size: 8 }, 'size'],
    [{ sigma: 0 }, 'sigma'],
    [{ xi: Number.NaN }, 'xi'],
    [{ scales: 2 }, 'scales'],
  ])('refuses %o', (options, argument) => {
    expect(() => waveletBank(options as WaveletBankOptions)).toThrow(
      expect.objectContaining({ name: OptionError.name, argument }),
    )
  })
})
