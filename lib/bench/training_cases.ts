// Steps of training a network end to end, as `trainSupervised` makes them, on minibatches that lie on the device.
import type { Device } from '../device.js'
import type { Safetensor } from '../io/index.js'
import { convNet, Network, type NetworkConfigInput, resNet18 } from '../models/index.js'
import { softmaxCrossEntropy, softmaxCrossEntropyGrad } from '../ops/index.js'
import { scope, Tensor } from '../tensor.js'
import { Optimiser, type OptimiserConfig } from '../train/optimiser.js'
import type { BenchCase, Goal, OpenCase } from './case.js'
import { still, uniform } from './data.js'

interface TrainingSizes extends Record<string, number> {
  batch: number
  /** Minibatches taken in turn. */
  batches: number
  channels: number
  side: number
  classes: number
  learningRate: number
}

/** Steps from the shared weights that the result is made after. */
const checkSteps = 3
/** Seed of the first weight; those of the others count on, in the order of the layers. */
const firstSeed = 10

const classNames = (count: number): string[] => Array.from({ length: count }, (_, i) => `class ${i}`)
/** Floating-point operations of a convolution with `side` x `side` outputs. */
const convolution = (inputs: number, units: number, window: number, side: number): number =>
  2 * inputs * units * window ** 2 * side ** 2

/** The ConvNet twin of the paper's single block: 4 x 4 filters, ReLU, max pool 11/2, softmax; Adam. */
export function trainConvNet(must: Goal, reach: Goal): BenchCase {
  const [filters, window, poolSize, poolStride] = [400, 4, 11, 2]
  const sizes = {
    batch: 100,
    batches: 4,
    channels: 3,
    side: 32,
    classes: 10,
    learningRate: 1e-3,
    filters,
    window,
    poolSize,
    poolStride,
  }
  const { batch, channels, side, classes } = sizes
  const map = side - window + 1
  const pooled = Math.floor((map - poolSize) / poolStride) + 1
  // Of the convolution's positions only the maxima have a gradient; the linear layer has three products.
  const flops =
    convolution(channels, filters, window, map) +
    convolution(channels, filters, window, pooled) +
    3 * convolution(filters * pooled ** 2, classes, 1, 1)
  const config = convNet({
    channels,
    image: [side, side],
    classes: classNames(classes),
    blocks: [{ window, units: filters, pool: { size: poolSize, stride: poolStride } }],
  })
  const optimiser = { kind: 'adam', learningRate: still, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 } as const
  return {
    op: 'train_conv_net',
    name: `W=${window} K=${filters} pool ${poolSize}/${poolStride}, Adam, batch ${batch}`,
    sizes,
    unit: 'images',
    units: batch,
    limit: { kind: 'fma', amount: batch * flops },
    peer: true,
    must,
    reach,
    // Sums of 40,000 products: 200 * 2^-24 = 1.2e-5 of their size. Adam makes equal steps of large and small gradients, so one that is
    // next to nothing may turn with its rounding, but few of 419,610 weights do, and each moves an output by 1e-3 of one feature.
    tolerance: 2e-5,
    open: (device) => openTraining(device, sizes, config, optimiser),
  }
}

/** ResNet-18 on images of so many pixels a side; gradient descent with momentum, as its authors train it. */
export function trainResNet18(side: number, batch: number, must: Goal, reach: Goal): BenchCase {
  const [momentum, classes] = [0.9, 10]
  const sizes = { batch, batches: 4, channels: 3, side, classes, learningRate: 1e-4, momentum }
  const { channels } = sizes
  const stem = convolution(channels, 64, 7, side / 2)
  const stages = [64, 128, 256, 512].map((units, i) => {
    const place = side / 4 / 2 ** i
    const [before, widened] = i === 0 ? [units, 0] : [units / 2, convolution(units / 2, units, 1, place)]
    return convolution(before, units, 3, place) + 3 * convolution(units, units, 3, place) + widened
  })
  const rest = stages.reduce((a, b) => a + b) + convolution(512, classes, 1, 1)
  const config = resNet18({ channels, image: [side, side], classes: classNames(classes) })
  const optimiser = { kind: 'sgd', learningRate: still, momentum, weightDecay: 0, nesterov: false } as const
  return {
    op: 'train_resnet18',
    name: `${side} x ${side}, SGD with momentum, batch ${batch}`,
    sizes,
    unit: 'images',
    units: batch,
    limit: { kind: 'fma', amount: batch * (2 * stem + 3 * rest) }, // nobody asks for a gradient of the images
    peer: true,
    must,
    reach,
    // The steps move the outputs by 1.7e-2 of the largest, half of it through the momentum. Float32 in PyTorch is 1.3e-4 off float64: some
    // of millions of ReLUs fall on the other side of 0 and pass on, or stop, a whole gradient.
    tolerance: 1e-3,
    open: (device) => openTraining(device, sizes, config, optimiser),
  }
}

/** Weights uniform within 1 / sqrt(fan-in), from numbers that the peer makes too; biases 0. */
async function sharedWeights(config: NetworkConfigInput): Promise<Map<string, Safetensor>> {
  using net = new Network(config)
  const state = await net.state()
  let seed = firstSeed
  for (const [name, { shape, data, dtype }] of state) {
    const values = shape.length > 1 ? uniform(seed++, data.length) : null
    const bound = 1 / Math.sqrt(data.length / (shape[0] as number))
    if (values) state.set(name, { dtype, shape, data: values.map((v) => (2 * v - 1) * bound) })
    else if (name.endsWith('.bias')) state.set(name, { dtype, shape, data: new Float32Array(data.length) })
  }
  return state
}

function openTraining(device: Device, sizes: TrainingSizes, config: NetworkConfigInput, rule: OptimiserConfig): OpenCase {
  const { batch, batches, channels, side, classes, learningRate } = sizes
  const numbers = uniform(1, batches * batch * channels * side ** 2)
  const size = numbers.length / batches
  const images = Array.from({ length: batches }, (_, i) =>
    Tensor.from(numbers.subarray(i * size, (i + 1) * size), { shape: [batch, channels, side, side], device }),
  )
  const classOf = Int32Array.from(uniform(2, batches * batch), (v) => Math.fround(v * classes))
  const labels = images.map((_, i) => Tensor.from(classOf.subarray(i * batch, (i + 1) * batch), { device }))

  const start = (net: Network) => {
    const optimiser = new Optimiser(rule, net.parameters, device)
    let steps = 0
    return {
      step: (rate: number): void =>
        scope(() => {
          const [x, t] = [images[steps % batches], labels[steps % batches]] as [Tensor, Tensor]
          const { y, saved } = net.forward(x, { training: true })
          softmaxCrossEntropy(y, t)
          optimiser.step(net.backward(saved, softmaxCrossEntropyGrad(y, t)), rate, ++steps)
        }),
      dispose: () => {
        optimiser.dispose()
        net.dispose()
      },
    }
  }
  const timed = start(new Network(config, { device }))
  return {
    run: (repetitions) => {
      for (let i = 0; i < repetitions; i++) timed.step(still)
    },
    result: async () => {
      const net = new Network(config, { device, state: await sharedWeights(config) })
      const checked = start(net)
      for (let i = 0; i < checkSteps; i++) checked.step(learningRate)
      const y = scope(() => net.forward(images[checkSteps % batches] as Tensor, { training: true }).y)
      const { data } = await y.read()
      y.dispose()
      checked.dispose()
      return data
    },
    dispose: () => {
      timed.dispose()
      for (const t of [...images, ...labels]) t.dispose()
    },
  }
}
