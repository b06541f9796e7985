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

/**
 * Floating-point operations of a block of 8 orientations at one place, with every symmetry used: what filters have in common is counted
 * once (6 values of n^2 taps, 8 of n (n - 1), 3 of (n - 1)^2, where n - 1 is the filters' reach), then the products. The additions that
 * make the symmetric sums are not counted, and neither are moduli, norms and borders.
 */
function operations({ channels, outputs, subsample }: BlockSizes, mixed: boolean): number {
  const reach = (passiBank(subsample === 1 ? 'odd' : 'even').size - 1) / 2
  const n = reach + 1
  return 2 * channels * (6 * n ** 2 + 8 * n * reach + 3 * reach ** 2 + (mixed ? 9 * outputs : 0))
}

function block(op: string, sizes: BlockSizes, mixed: boolean, make: (x: Tensor, bank: Tensor, w: Tensor) => Tensor[]): BenchCase {
  const { batch, channels, outputs, side, subsample } = sizes
  return {
    op,
    name: `C=${channels}${mixed ? ` K=${outputs}` : ''}, ${subsample === 1 ? 'odd' : 'even'} block, ${side} x ${side}, batch ${batch}`,
    sizes,
    unit: 'images',
    units: batch,
    limit: { kind: 'fma', amount: batch * (side / subsample) ** 2 * operations(sizes, mixed) },
    peer: false,
    tolerance: 0,
    open: (device) => open(device, sizes, make),
  }
}

function open(device: Device, sizes: BlockSizes, make: (x: Tensor, bank: Tensor, w: Tensor) => Tensor[]): OpenCase {
  const { batch, channels, outputs, side, subsample } = sizes
  const x = Tensor.from(uniform(1, batch * channels * side ** 2), { shape: [batch, channels, side, side], device })
  const bank = waveletBank({ ...passiBank(subsample === 1 ? 'odd' : 'even'), device })
  const w = Tensor.from(
    uniform(2, outputs * channels * 9).map((v) => v - 0.5),
    { shape: [outputs, channels * 9], device },
  )
  return {
    run: (repetitions) => {
      for (let i = 0; i < repetitions; i++) for (const t of make(x, bank, w)) t.dispose()
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

export function waveletMaps(batch: number, channels: number, side: number): BenchCase {
  return block('wavelet_conv', sizesOf(batch, channels, 1, side, 1), false, (x, bank) => [waveletConv(x, bank)])
}

export function waveletStatistics(batch: number, channels: number, side: number): BenchCase {
  return block('wavelet_moments', sizesOf(batch, channels, 1, side, 1), false, (x, bank) =>
    Object.values(waveletMoments(x, bank)),
  )
}

export function waveletBlock(batch: number, channels: number, outputs: number, side: number, subsample: 1 | 2): BenchCase {
  return block('wavelet_mix', sizesOf(batch, channels, outputs, side, subsample), true, (x, bank, w) => [
    waveletMix(x, bank, w, { subsample, normalise: true }),
  ])
}
