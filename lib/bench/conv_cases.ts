// One layer of convolutions in training: its maps, and the gradients of its images and filters.
import type { Device } from '../device.js'
import { conv2d, conv2dGrad, type Precision } from '../ops/index.js'
import { Tensor } from '../tensor.js'
import type { BenchCase, OpenCase } from './case.js'
import { uniform } from './data.js'

interface ConvSizes extends Record<string, number> {
  batch: number
  /** Channels in and out. */
  channels: number
  side: number
  /** 1 where factors are bfloat16. */
  rounded: number
}

const window = 3

export function conv(batch: number, channels: number, side: number, precision: Precision): BenchCase {
  const rounded = precision === 'bfloat16'
  const sizes: ConvSizes = { batch, channels, side, rounded: rounded ? 1 : 0 }
  const map = batch * channels * side ** 2
  const taps = channels * window ** 2
  return {
    op: 'conv2d',
    name: `${channels} to ${channels}, ${window} x ${window}, ${side} x ${side}, with gradients, ${precision}, batch ${batch}`,
    sizes,
    unit: 'images',
    units: batch,
    // Of tensor cores no limit is measured; memory is one too: images and gy are read twice, y and gx written.
    limit: rounded ? { kind: 'copy', amount: 4 * (6 * map + 3 * channels * taps) } : { kind: 'fma', amount: 3 * 2 * map * taps },
    peer: true,
    // Results are compared with exact sums of the same rounded factors. PyTorch's are themselves bfloat16, on a processor also between parts of
    // a sum: up to 2e-2 off.
    tolerance: rounded ? 3e-2 : 1e-5,
    open: (device) => open(device, sizes, precision),
  }
}

function open(device: Device, { batch, channels, side }: ConvSizes, precision: Precision): OpenCase {
  const numbers = (seed: number, shape: number[]) => {
    const values = uniform(
      seed,
      shape.reduce((a, b) => a * b, 1),
    ).map((v) => v - 0.5)
    return Tensor.from(values, { shape, device })
  }
  const map = [batch, channels, side, side]
  const x = numbers(1, map)
  const w = numbers(2, [channels, channels, window, window])
  const gy = numbers(3, map)
  const options = { padding: (window - 1) / 2, precision }
  const layer = () => {
    const { gx, gw } = conv2dGrad(x, w, gy, { ...options, of: ['gx', 'gw'] })
    return [conv2d(x, w, options), gx, gw]
  }
  return {
    run: (repetitions) => {
      for (let i = 0; i < repetitions; i++) for (const t of layer()) t.dispose()
    },
    // Each by the size of its sums, so that all are alike.
    result: async () => {
      const parts: number[] = []
      for (const [i, t] of layer().entries()) {
        const terms = i < 2 ? channels * window ** 2 : batch * side ** 2
        for (const v of (await t.read()).data as Float32Array) parts.push(v / Math.sqrt(terms))
        t.dispose()
      }
      return parts
    },
    dispose: () => {
      for (const t of [x, w, gy]) t.dispose()
    },
  }
}
