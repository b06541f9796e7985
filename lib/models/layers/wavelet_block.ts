// A block of the wavelet hierarchy: every channel filtered by one bank of wavelets, modulus, each response standardised by fixed statistics,
// mixed by a 1 x 1 convolution, each position divided by its norm. Passi and Bonner 2026, "Model"; Guth et al. 2023.
// The standardisation folds into the mixing, w' = w / std and b' = b - w' mean, so that one op makes the block and never writes its expanded maps.
import { z } from 'zod'
import type { Device } from '../../device.js'
import * as ops from '../../ops/index.js'
import { scope, Tensor } from '../../tensor.js'
import { Base, count, type Initialise, layerName, type Place, type Saved } from '../layer.js'
import { type Graph, windowAttributes } from '../onnx_graph.js'

const schema = z.strictObject({
  kind: z.literal('wavelet_block'),
  name: layerName,
  units: count,
  /** Which of the published banks: that of the first block, or of the odd or even one of a pair. */
  bank: z.enum(['first', 'odd', 'even']),
  orientations: z.number().int().min(1).max(16).default(8),
  nonlinearity: z.enum(['modulus', 'relu']).default('modulus'),
  /** Divide each position by its norm over the units. */
  normalise: z.boolean().default(true),
})
type WaveletBlockSpec = z.output<typeof schema>

/** Added to the variance of each response. */
export const epsilon = 1e-5

/** Step of the maps of a bank. */
const stepOf = (bank: WaveletBlockSpec['bank']): 1 | 2 => (bank === 'odd' ? 1 : 2)

export class WaveletBlock extends Base<WaveletBlockSpec> {
  readonly output: [number, number, number]
  /** Responses that are mixed: of each channel the low-pass and one an orientation. */
  readonly responses: number
  private constants: { bank: Tensor; one: Tensor; zero: Tensor; none: Tensor } | null = null

  constructor(spec: WaveletBlockSpec, place: Place) {
    super(spec, place)
    const [channels, height, width] = this.image
    const step = stepOf(spec.bank)
    if (Math.min(height, width) < 2) throw this.refuse(`given maps of ${height} x ${width}`, 'maps of at least 2 x 2')
    // The map is padded to an even size, filtered, and cropped again.
    const side = (size: number): number => (2 * Math.floor(size / 2)) / step
    this.output = [spec.units, side(height), side(width)]
    this.responses = channels * (1 + spec.orientations)
    this.readsBytes = true
    this.parameter('weight', [spec.units, this.responses], 'weight', this.responses)
    this.parameter('bias', [spec.units], 'bias', this.responses)
    this.buffer('mean', [this.responses], 'zero')
    this.buffer('variance', [this.responses], 'one')
  }

  override allocate(device: Device, initialise: Initialise): void {
    super.allocate(device, initialise)
    this.constants = {
      bank: ops.waveletBank({ ...this.filters, device }),
      one: Tensor.from(new Float32Array(this.responses).fill(1), { device }),
      zero: Tensor.zeros([this.responses], { device }),
      none: Tensor.zeros([this.responses], { device }),
    }
  }

  override dispose(): void {
    super.dispose()
    for (const tensor of Object.values(this.constants ?? {})) tensor.dispose()
  }

  private get filters() {
    const { bank, orientations } = this.spec
    return ops.passiBank(bank === 'first' ? 1 : bank, orientations)
  }

  private get expansion() {
    return { subsample: stepOf(this.spec.bank), nonlinearity: this.spec.nonlinearity } as const
  }

  /**
   * What the block standardises, without its maps: the mean over positions of every response of every image, [N,C(1+L)], and the sum of
   * the squares of each response, [C(1+L)] in float64.
   */
  moments(x: Tensor): { pooled: Tensor; squares: Tensor } {
    return ops.waveletMoments(x, this.bank, this.expansion)
  }

  /** Every response as a map, [N,C(1+L),P,Q]. */
  expand(x: Tensor): Tensor {
    return ops.waveletConv(x, this.bank, this.expansion)
  }

  private get bank(): Tensor {
    return (this.constants as { bank: Tensor }).bank
  }

  /** Columns of w [K,D] divided by the standard deviations. */
  private scaled(w: Tensor): Tensor {
    const [rows, responses] = w.shape as [number, number]
    const { one, zero, none } = this.constants as Record<'one' | 'zero' | 'none', Tensor>
    const variance = this.buffers.variance as Tensor
    const map = ops.batchNorm(w.reshape([rows, responses, 1, 1]), { gamma: one, beta: zero, mean: none, variance }, { epsilon })
    return map.y.reshape([rows, responses])
  }

  /** Mixing of the responses as they are: w' and b'. */
  private folded(): { w: Tensor; b: Tensor } {
    const w = this.scaled(this.parameters.weight as Tensor)
    const mean = (this.buffers.mean as Tensor).reshape([1, this.responses])
    const b = ops.subtract(this.parameters.bias as Tensor, ops.linear(mean, w).reshape([this.spec.units]))
    return { w, b }
  }

  forward(x: Tensor, training: boolean) {
    const { w, b } = this.folded()
    const options = { ...this.expansion, bias: b }
    // A frozen block is computed as when not training, and may yet be asked for the gradient of its input.
    const keeps = training || this.frozen
    if (this.spec.normalise && keeps) {
      const { y, norms } = ops.waveletMixWithNorms(x, this.bank, w, options)
      return { y, saved: { x, w, y, norms } }
    }
    return {
      y: ops.waveletMix(x, this.bank, w, { ...options, normalise: this.spec.normalise }),
      saved: keeps ? { x, w } : null,
    }
  }

  backward(saved: Saved, gy: Tensor, wants: boolean, into: Map<string, Tensor>) {
    const { x, w, y, norms } = saved as { x: Tensor; w: Tensor; y?: Tensor; norms?: Tensor }
    const of = [...(this.frozen ? [] : ['gw' as const, 'gb' as const]), ...(wants ? ['gx' as const] : [])]
    const kept = y && norms ? { y, norms } : undefined
    const { gx, gw, gb } = ops.waveletMixGrad(x, this.bank, w, gy, { ...this.expansion, ...(kept && { saved: kept }), of })
    if (!this.frozen) {
      const gradient = scope(() => {
        const mean = (this.buffers.mean as Tensor).reshape([1, this.responses])
        return this.scaled(ops.subtract(gw, ops.matmul(gb.reshape([this.spec.units, 1]), mean)))
      })
      into.set(`${this.name}.weight`, gradient)
      into.set(`${this.name}.bias`, gb)
    }
    return wants ? gx : null
  }

  onnx(graph: Graph, x: string): string {
    const { name } = this
    const { orientations, units, bank, normalise, nonlinearity } = this.spec
    const [channels, height, width] = this.image
    const [, rows, columns] = this.output
    const step = stepOf(bank)
    const { size } = this.filters
    const filters = ops.waveletFilters(this.filters)
    const places = (axis: string, map: number, count: number, of: string, x: string) => {
      const table = BigInt64Array.from(sourcesOf(map, count, step, size), BigInt)
      return graph.add('Gather', [x, graph.constant(`${name}.${of}`, [table.length], table)], `${name}.along_${of}`, {
        axis: Number(axis),
      })
    }
    const around = places('3', width, columns, 'columns', places('2', height, rows, 'rows', x))
    // Row 0 of the bank is the low-pass, then come the real and the imaginary part of each orientation in turn.
    const convolved = (what: string, chosen: readonly number[]) => {
      const each = chosen.map((row) => filters.subarray(row * size * size, (row + 1) * size * size))
      const data = new Float32Array(channels * chosen.length * size * size)
      for (let c = 0; c < channels; c++)
        each.forEach((filter, i) => {
          data.set(filter, (c * chosen.length + i) * size * size)
        })
      const weight = graph.constant(`${name}.${what}_filters`, [channels * chosen.length, 1, size, size], data)
      const attributes = { ...windowAttributes(size, step, 0), group: channels }
      return graph.add('Conv', [around, weight], `${name}.${what}`, attributes)
    }
    const all = Array.from({ length: orientations }, (_, l) => l)
    const low = convolved('low', [0])
    const real = convolved(
      'real',
      all.map((l) => 1 + 2 * l),
    )
    let waves: string
    if (nonlinearity === 'relu') waves = graph.add('Relu', [real], `${name}.positive`)
    else {
      const imaginary = convolved(
        'imaginary',
        all.map((l) => 2 + 2 * l),
      )
      const squares = [real, imaginary].map((part) => graph.add('Mul', [part, part], `${part}_squared`))
      waves = graph.add('Sqrt', [graph.add('Add', squares, `${name}.power`)], `${name}.modulus`)
    }
    const responses = graph.add('Concat', [low, waves], `${name}.responses`, { axis: 1 })
    const { w, b } = foldedNumbers(graph, name, units, this.responses)
    const mixing = [
      graph.constant(`${name}.folded_weight`, [units, this.responses, 1, 1], w),
      graph.constant(`${name}.folded_bias`, [units], b),
    ]
    const mixed = graph.add('Conv', [responses, ...mixing], `${name}.mixed`, windowAttributes(1, 1, 0))
    if (!normalise) return mixed
    const square = graph.add('ReduceSumSquare', [mixed], `${name}.norm2`, { axes: [1], keepdims: 1 })
    return graph.add('Mul', [mixed, graph.inverseRoot(name, square)], `${name}.normalised`)
  }
}

/** w' and b' in float64, rounded once. */
function foldedNumbers(graph: Graph, name: string, units: number, responses: number): { w: Float32Array; b: Float32Array } {
  const [weight, bias, mean, variance] = ['weight', 'bias', 'mean', 'variance'].map((short) =>
    graph.values(`${name}.${short}`),
  ) as [Float32Array, Float32Array, Float32Array, Float32Array]
  const w = new Float32Array(units * responses)
  const b = new Float32Array(units)
  for (let k = 0; k < units; k++) {
    let offset = bias[k] as number
    for (let d = 0; d < responses; d++) {
      const folded = (weight[k * responses + d] as number) / Math.sqrt((variance[d] as number) + epsilon)
      w[k * responses + d] = folded
      offset -= folded * (mean[d] as number)
    }
    b[k] = offset
  }
  return { w, b }
}

/**
 * Along one axis of a map, the position that each tap of each output reads: the map is reflected by 2 at its ends (an odd one by 1 before
 * it), what is filtered wraps around there, and 2 are cropped.
 */
function sourcesOf(map: number, outputs: number, step: number, taps: number): number[] {
  const before = map % 2 === 0 ? 2 : 1
  const around = map + before + 2
  return Array.from({ length: (outputs - 1) * step + taps }, (_, i) => {
    const at = (((2 + i - (taps - 1) / 2) % around) + around) % around
    const inside = Math.abs(at - before)
    return inside < map ? inside : 2 * (map - 1) - inside
  })
}

export const waveletBlock = {
  kind: 'wavelet_block',
  schema,
  make: (spec: WaveletBlockSpec, place: Place) => new WaveletBlock(spec, place),
}
