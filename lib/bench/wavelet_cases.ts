// Cases of the wavelet hierarchy: a block's bank alone, its moments, and the whole block.
import type { Device } from '../device.js'
import { passiBank, waveletBank, waveletConv, waveletMix, waveletMoments } from '../ops/wavelet.js'
import { Tensor } from '../tensor.js'
import type { BenchCase, OpenCase } from './case.js'
import { uniform } from './data.js'

interface BlockSizes extends Record<string, number> {
  batch: number
  channels: number
  outputs: number
  /** Pixels of the input's side. */
  side: number
  /** 1: an odd block of a pair; 2: an even one. */
  subsample: number
}

const bankOf = ({ subsample }: BlockSizes) => passiBank(subsample === 1 ? 'odd' : 'even')

/**
 * Floating-point operations of a block of 8 orientations at one place, with every symmetry used: what filters have in common is counted
 * once (6 values of n^2 taps, 8 of n (n - 1), 3 of (n - 1)^2, where n - 1 is the filters' reach), then the products. The additions that
 * make the symmetric sums are not counted, and neither are moduli, norms and borders.
 */
function operations(sizes: BlockSizes, mixed: boolean): number {
  const reach = (bankOf(sizes).size - 1) / 2
  const n = reach + 1
  return 2 * sizes.channels * (6 * n ** 2 + 8 * n * reach + 3 * reach ** 2 + (mixed ? 9 * sizes.outputs : 0))
}

interface Work {
  op: string
  mixed: boolean
  tolerance: number
  make: (x: Tensor, bank: Tensor, w: Tensor) => Tensor[]
  /** What each tensor made is divided by before it is compared, so that all are of one size. */
  scales: number[]
}

function block(sizes: BlockSizes, work: Work): BenchCase {
  const { batch, channels, outputs, side, subsample } = sizes
  const { op, mixed, tolerance } = work
  return {
    op,
    name: `C=${channels}${mixed ? ` K=${outputs}` : ''}, ${subsample === 1 ? 'odd' : 'even'} block, ${side} x ${side}, batch ${batch}`,
    sizes: { ...sizes, ...bankOf(sizes) },
    unit: 'images',
    units: batch,
    limit: { kind: 'fma', amount: batch * (side / subsample) ** 2 * operations(sizes, mixed) },
    peer: true,
    tolerance,
    open: (device) => open(device, sizes, work),
  }
}

function open(device: Device, sizes: BlockSizes, { make, scales }: Work): OpenCase {
  const { batch, channels, outputs, side } = sizes
  const x = Tensor.from(uniform(1, batch * channels * side ** 2), { shape: [batch, channels, side, side], device })
  const bank = waveletBank({ ...bankOf(sizes), device })
  const w = Tensor.from(
    uniform(2, outputs * channels * 9).map((v) => v - 0.5),
    { shape: [outputs, channels * 9], device },
  )
  return {
    run: (repetitions) => {
      for (let i = 0; i < repetitions; i++) for (const t of make(x, bank, w)) t.dispose()
    },
    result: async () => {
      const made = make(x, bank, w)
      const parts = await Promise.all(made.map(async (t) => Array.from((await t.read()).data)))
      for (const t of made) t.dispose()
      return parts.flatMap((part, i) => part.map((v) => v / (scales[i] as number)))
    },
    dispose: () => {
      for (const t of [x, bank, w]) t.dispose()
    },
  }
}

const sizesOf = (batch: number, channels: number, outputs: number, side: number, subsample: 1 | 2): BlockSizes => ({
  batch,
  channels,
  outputs,
  side,
  subsample,
})

/**
 * A response is a sum of n^2 products, n - 1 the filters' reach, and of up to 8 roundings more, with pixels of at most 1 and weights whose
 * magnitudes add up to about 1, as large as the largest map: (6^2 + 8) 2^-24.
 */
const mapTolerance = 3e-6

export function waveletMaps(batch: number, channels: number, side: number): BenchCase {
  return block(sizesOf(batch, channels, 1, side, 1), {
    op: 'wavelet_conv',
    mixed: false,
    tolerance: mapTolerance,
    make: (x, bank) => [waveletConv(x, bank)],
    scales: [1],
  })
}

/** Compared by the means of the maps and by their mean squares. */
export function waveletStatistics(batch: number, channels: number, side: number): BenchCase {
  return block(sizesOf(batch, channels, 1, side, 1), {
    op: 'wavelet_moments',
    mixed: false,
    tolerance: 2 * mapTolerance, // a square doubles what it gets
    make: (x, bank) => {
      const { pooled, squares } = waveletMoments(x, bank)
      return [pooled, squares]
    },
    scales: [1, batch * side ** 2],
  })
}

export function waveletBlock(batch: number, channels: number, outputs: number, side: number, subsample: 1 | 2): BenchCase {
  return block(sizesOf(batch, channels, outputs, side, subsample), {
    op: 'wavelet_mix',
    mixed: true,
    // A sum of 9 C maps with weights of either sign: sqrt(9 * 512) * 2^-24 of a typical sum, which the largest is not below, and as much
    // again for what the maps are off by.
    tolerance: 8e-6,
    make: (x, bank, w) => [waveletMix(x, bank, w, { subsample, normalise: true })],
    scales: [1],
  })
}
