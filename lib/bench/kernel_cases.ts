// Cases of single ops: those that learn and read, and the kernels that they are made of.
import type { Device } from '../device.js'
import { hebbianLearn, hebbianUpdate } from '../ops/hebbian.js'
import { matmul } from '../ops/linear.js'
import { nnlConv } from '../ops/nnl_conv.js'
import { type ReadoutState, readoutLearn } from '../ops/readout.js'
import { rectifiedPower } from '../ops/rectified_power.js'
import { Tensor } from '../tensor.js'
import type { BenchCase, Goal, OpenCase } from './case.js'
import { still, uniform, unitRows } from './data.js'

const dataOf = async (t: Tensor): Promise<ArrayLike<number>> => (await t.read()).data
const disposeAll = (tensors: Iterable<Tensor>): void => {
  for (const t of tensors) t.dispose()
}

interface HebbianSizes extends Record<string, number> {
  batch: number
  inputs: number
  units: number
  rank: number
  antiHebbian: number
  learningRate: number
  batches: number
}

export function hebbian(batch: number, inputs: number, units: number, rank: number, must?: Goal, reach?: Goal): BenchCase {
  // Several minibatches in turn, so that no branch predictor learns one by heart.
  const batches = Math.max(4, Math.min(64, Math.floor(8000 / batch)))
  const sizes: HebbianSizes = { batch, inputs, units, rank, antiHebbian: 0.2, learningRate: 0.02, batches }
  return {
    op: 'hebbian_step',
    name: `B=${batch} D=${inputs} K=${units} m=${rank}`,
    sizes,
    unit: 'patches',
    units: batch,
    limit: { kind: 'fma', amount: 2 * batch * inputs * units },
    peer: true,
    ...(must && { must }),
    ...(reach && { reach }),
    // Float32 against float64: about D * 2^-24 of the update, which a learning rate of 0.02 makes far smaller (2e-7 at most was seen).
    // Products in bfloat16 are off by 3e-6: they choose other units where the two best ones are near each other.
    tolerance: 1e-6,
    open: (device) => openHebbian(device, sizes),
  }
}

function openHebbian(device: Device, { batch, inputs, units, rank, antiHebbian, learningRate, batches }: HebbianSizes): OpenCase {
  const all = unitRows(uniform(1, batches * batch * inputs), inputs)
  const patches = Array.from({ length: batches }, (_, i) =>
    Tensor.from(all.subarray(i * batch * inputs, (i + 1) * batch * inputs), { shape: [batch, inputs], device }),
  )
  const start = unitRows(uniform(2, units * inputs), inputs)
  const w = Tensor.from(start, { shape: [units, inputs], device })
  const step = (i: number, target: Tensor, rate: number): void => {
    hebbianUpdate(patches[i % batches] as Tensor, target, { rank, antiHebbian, learningRate: rate, step: 'max' })
  }
  let turn = 0
  return {
    run: (repetitions) => {
      for (let i = 0; i < repetitions; i++) step(turn++, w, still)
    },
    result: async () => {
      const fresh = Tensor.from(start, { shape: [units, inputs], device })
      step(0, fresh, learningRate)
      const after = await dataOf(fresh)
      fresh.dispose()
      return after
    },
    dispose: () => disposeAll([...patches, w]),
  }
}

interface LearnSizes extends Record<string, number> {
  batch: number
  window: number
  units: number
  images: number
  channels: number
  side: number
  rank: number
  antiHebbian: number
  learningRate: number
  seed: number
  steps: number
  batches: number
}

/** Gather, ranking and update of many minibatches in one call: what training runs. */
export function learn(batch: number, window: number, units: number): BenchCase {
  const [images, channels, side, rank] = [2000, 3, 32, 2]
  const inputs = channels * window * window
  // Of the peer: ours takes ever new ones.
  const batches = Math.max(4, Math.min(64, Math.floor(8000 / batch)))
  const course = { rank, antiHebbian: 0.2, learningRate: 0.02, seed: 4, steps: 3 }
  const sizes: LearnSizes = { batch, window, units, images, channels, side, ...course, batches }
  return {
    op: 'hebbian_learn',
    name: `B=${batch} D=${inputs} K=${units} m=${rank}, gather included`,
    sizes,
    unit: 'patches',
    units: batch,
    limit: { kind: 'fma', amount: 2 * batch * inputs * units },
    peer: true,
    // Three steps round each weight three times, and move it by at most 0.02, right to D * 2^-24: together 1e-6 of the largest, 0.3. Seed 4
    // leaves the two best currents of each patch, and the third, at least 5e-6 apart, ten times sqrt(D) * 2^-24: the same units win
    // in float32. A patch that is another's, or chooses another unit, shows as 1e-2.
    tolerance: 1e-6,
    open: (device) => openLearn(device, sizes),
  }
}

function openLearn(device: Device, { images, channels, side, units, steps: few, batches: _, ...sizes }: LearnSizes): OpenCase {
  const { window, batch, rank, antiHebbian, learningRate, seed } = sizes
  const rule = { rank, antiHebbian, step: 'max', window, batch, seed } as const
  const pixels = Uint8Array.from(uniform(1, images * channels * side * side), (x) => x * 256)
  const x = Tensor.from(pixels, { shape: [images, channels, side, side], device })
  const inputs = channels * window * window
  const start = unitRows(uniform(2, units * inputs), inputs)
  const weights = (): Tensor => Tensor.from(start, { shape: [units, inputs], device })
  const w = weights()
  let firstStep = 0
  return {
    run: (steps) => {
      disposeAll(Object.values(hebbianLearn(x, w, { ...rule, learningRate: still, firstStep, steps, totalSteps: 2 ** 40 })))
      firstStep += steps
    },
    result: async () => {
      const fresh = weights()
      const course = { learningRate, finalLearningRate: learningRate, steps: few, totalSteps: few }
      disposeAll(Object.values(hebbianLearn(x, fresh, { ...rule, ...course })))
      const after = await dataOf(fresh)
      fresh.dispose()
      return after
    },
    dispose: () => disposeAll([x, w]),
  }
}

export interface NnlForm {
  /** Images as u8; the peer's are float32 all the same, made beforehand. Default false. */
  bytes?: boolean
  /** The responses of both signs, power 2, as the recipes for whitened patches have them. Default false. */
  bothSigns?: boolean
}

export function nnl(batch: number, must?: Goal, reach?: Goal, { bytes = false, bothSigns = false }: NnlForm = {}): BenchCase {
  const [channels, side, filters, window, pool] = [3, 32, 400, 4, { size: 11, stride: 2 }]
  const power = bothSigns ? 2 : 40
  const inputs = channels * window * window
  const positions = (side - window + 1) ** 2
  const form = `${bothSigns ? 'both signs, ' : ''}${bytes ? 'u8, ' : ''}`
  return {
    op: 'nnl_conv',
    name: `W=${window} K=${filters} n=${power} pool ${pool.size}/${pool.stride}, ${form}batch ${batch}`,
    sizes: {
      ...{ batch, channels, height: side, width: side, filters, window, power, poolSize: pool.size, poolStride: pool.stride },
      bytes: bytes ? 1 : 0,
      bothSigns: bothSigns ? 1 : 0,
    },
    unit: 'images',
    units: batch,
    limit: { kind: 'fma', amount: 2 * batch * inputs * filters * positions },
    peer: true,
    ...(must && { must }),
    ...(reach && { reach }),
    // The cosine is right to about D * 2^-24 = 3e-6 at worst, 1e-7 in practice; the power multiplies a relative error by 40.
    tolerance: 5e-5,
    open: (device) => {
      const values = uniform(1, batch * channels * side * side)
      const images = bytes ? Uint8Array.from(values, (v) => 256 * v) : values
      const x = Tensor.from(images, { shape: [batch, channels, side, side], device })
      const rows = uniform(2, filters * inputs).map((v) => (bothSigns ? v - 0.5 : v))
      const w = Tensor.from(unitRows(rows, inputs), { shape: [filters, channels, window, window], device })
      const layer = (): Tensor => nnlConv(x, w, { power, pool, bothSigns })
      return repeated(layer, [x, w])
    },
  }
}

export function rectified(elements: number, power: number, must?: Goal, reach?: Goal): BenchCase {
  return {
    op: 'rectified_power',
    name: `n=${power}, ${elements.toExponential(0).replace('+', '')} elements`,
    sizes: { elements, power },
    unit: 'elements',
    units: elements,
    limit: { kind: 'copy', amount: 8 * elements },
    peer: true,
    ...(must && { must }),
    ...(reach && { reach }),
    tolerance: 1e-5, // each of 6 multiplications of x^40 rounds once, and a squaring doubles what it gets: at most 80 * 2^-24
    open: (device) => {
      const values = uniform(1, elements).map((x) => x * 2 - 1)
      const x = Tensor.from(values, { device })
      return repeated(() => rectifiedPower(x, { power }), [x])
    },
  }
}

/** A product [rows,inner] x [inner,columns]; of one row it is bound by reading the other factor. */
export function gemm([rows, inner, columns]: readonly [number, number, number], must?: Goal, reach?: Goal): BenchCase {
  const flops = 2 * rows * inner * columns
  return {
    op: 'gemm',
    name: `${rows} x ${inner} x ${columns}`,
    sizes: { rows, inner, columns },
    unit: 'flops',
    units: flops,
    limit: rows === 1 ? { kind: 'read', amount: 4 * inner * columns } : { kind: 'fma', amount: flops },
    peer: true,
    ...(must && { must }),
    ...(reach && { reach }),
    tolerance: 1e-5, // sqrt(2048) * 2^-24 of a typical sum
    open: (device) => {
      const factor = (seed: number, height: number, width: number): Tensor =>
        Tensor.from(
          uniform(seed, height * width).map((x) => x - 0.5),
          { shape: [height, width], device },
        )
      const [a, b] = [factor(1, rows, inner), factor(2, inner, columns)]
      return repeated(() => matmul(a, b), [a, b])
    },
  }
}

/** A pure op: the result of each repetition is dropped. */
function repeated(make: () => Tensor, inputs: Tensor[]): OpenCase {
  return {
    run: (repetitions) => {
      for (let i = 0; i < repetitions; i++) make().dispose()
    },
    result: async () => {
      const y = make()
      const data = await dataOf(y)
      y.dispose()
      return data
    },
    dispose: () => disposeAll(inputs),
  }
}

export function readout(inputs: number, must?: Goal, reach?: Goal): BenchCase {
  const [rows, targets, batch, learningRate] = [2000, 10, 100, 1e-3]
  return {
    op: 'readout',
    name: `${inputs} -> ${targets}, Adam, batch ${batch}`,
    sizes: { rows, inputs, targets, batch, learningRate },
    unit: 'images',
    units: batch,
    // The features of a minibatch read forward and backward; weights and two moments read and written.
    limit: { kind: 'read', amount: 4 * inputs * (2 * batch + 6 * targets) },
    peer: true,
    ...(must && { must }),
    ...(reach && { reach }),
    // Adam divides each gradient by its own size: where the sum of a gradient nearly cancels, its rounding error is not small beside it.
    tolerance: 5e-3,
    open: (device) => openReadout(device, { rows, inputs, targets, batch, learningRate }),
  }
}

interface ReadoutSizes {
  rows: number
  inputs: number
  targets: number
  batch: number
  learningRate: number
}

function openReadout(device: Device, { rows, inputs, targets, batch, learningRate }: ReadoutSizes): OpenCase {
  const x = Tensor.from(uniform(1, rows * inputs), { shape: [rows, inputs], device })
  const labels = Tensor.from(
    Int32Array.from(uniform(2, rows), (v) => Math.fround(v * targets)),
    { device },
  )
  const zeros = (...shape: number[]): Tensor => Tensor.from(new Float32Array(shape.reduce((a, b) => a * b, 1)), { shape, device })
  const matrix = (): Tensor => zeros(targets, inputs)
  const vector = (): Tensor => zeros(targets)
  const blank = (): ReadoutState => ({ w: matrix(), b: vector(), mw: matrix(), vw: matrix(), mb: vector(), vb: vector() })
  const course = { batch, learningRate, schedule: 'constant' } as const
  const state = blank()
  let firstStep = 0
  return {
    run: (steps) => {
      const { loss, errors } = readoutLearn(x, labels, state, { ...course, steps, firstStep, totalSteps: 2 ** 40 })
      disposeAll([loss, errors])
      firstStep += steps
    },
    // Three steps from zero, each on a hundred rows that are all of the rows it may take, so that their order does not matter.
    result: async () => {
      const fresh = blank()
      for (let i = 0; i < 3; i++) {
        const part = Tensor.from(
          Int32Array.from({ length: batch }, (_, j) => i * batch + j),
          { device },
        )
        const { loss, errors } = readoutLearn(x, labels, fresh, { ...course, steps: 1, firstStep: i, totalSteps: 3 }, part)
        disposeAll([loss, errors, part])
      }
      const w = await dataOf(fresh.w)
      disposeAll(Object.values(fresh))
      return w
    },
    dispose: () => disposeAll([x, labels, ...Object.values(state)]),
  }
}
