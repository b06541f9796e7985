// One layer of convolutions in training: its maps, and the gradients of its images and filters.
import type { Device } from '../device.js'
import { conv2d, conv2dGrad, type Precision } from '../ops/index.js'
import { Tensor } from '../tensor.js'
import type { BenchCase, OpenCase } from './case.js'
import { uniform } from './data.js'

/** Of a layer and its images. */
interface ConvLayer {
  batch: number
  /** Channels in and out. */
  from: number
  to: number
  side: number
  window: number
  stride: number
}

interface ConvSizes extends ConvLayer, Record<string, number> {
  /** 1 where factors are bfloat16. */
  rounded: number
}

/** The stem of a network stands on pixels, whose gradient nobody asks for. */
const isStem = ({ from }: ConvLayer): boolean => from === 3

export function conv(layer: ConvLayer, precision: Precision): BenchCase {
  const { batch, from, to, side, window, stride } = layer
  const rounded = precision === 'bfloat16'
  const maps = batch * (from * side ** 2 + to * (side / stride) ** 2)
  const weights = to * from * window ** 2
  const product = 2 * batch * (side / stride) ** 2 * weights
  return {
    op: 'conv2d',
    name: `${from} to ${to}, ${window} x ${window}${stride > 1 ? `, stride ${stride}` : ''}, ${side} x ${side}, with gradients, ${precision}, batch ${batch}`,
    sizes: { ...layer, rounded: rounded ? 1 : 0 } satisfies ConvSizes,
    unit: 'images',
    units: batch,
    // Of tensor cores no limit is measured; memory is one too: images and gy are read twice, y and gx written.
    limit: rounded
      ? { kind: 'copy', amount: 4 * 3 * (maps + weights) }
      : { kind: 'fma', amount: (isStem(layer) ? 2 : 3) * product },
    peer: true,
    // Results are compared with exact sums of the same rounded factors. PyTorch's are themselves bfloat16, on a processor also between parts of
    // a sum: up to 2e-2 off. Float32 by Winograd's transforms, as cuDNN has them, is 1.3e-5 off and more; TF32 would be 3e-4.
    tolerance: rounded ? 3e-2 : 5e-5,
    open: (device) => open(device, layer, precision),
  }
}

function open(device: Device, layer: ConvLayer, precision: Precision): OpenCase {
  const { batch, from, to, side, window, stride } = layer
  const numbers = (seed: number, shape: number[]) => {
    const values = uniform(
      seed,
      shape.reduce((a, b) => a * b, 1),
    ).map((v) => v - 0.5)
    return Tensor.from(values, { shape, device })
  }
  const x = numbers(1, [batch, from, side, side])
  const w = numbers(2, [to, from, window, window])
  const gy = numbers(3, [batch, to, side / stride, side / stride])
  const options = { stride, padding: (window - 1) / 2, precision }
  const of = isStem(layer) ? (['gw'] as const) : (['gw', 'gx'] as const)
  const train = () => {
    const gradients = conv2dGrad<'gw' | 'gx'>(x, w, gy, { ...options, of })
    return [conv2d(x, w, options), ...of.map((key) => gradients[key])]
  }
  return {
    run: (repetitions) => {
      for (let i = 0; i < repetitions; i++) for (const t of train()) t.dispose()
    },
    // Each by the size of its sums, so that all are alike.
    result: async () => {
      const parts: number[] = []
      for (const [i, t] of train().entries()) {
        const terms = [from * window ** 2, batch * (side / stride) ** 2, to * window ** 2][i] as number
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
