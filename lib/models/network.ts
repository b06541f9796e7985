// A network of layers: computed, read by the names of its layers, trained, saved.
import { z } from 'zod'
import { cpu, type Device } from '../device.js'
import { DataError, OptionError, ShapeError } from '../errors.js'
import { hostTensor, readSafetensors, type Safetensor, writeSafetensors } from '../io/index.js'
import { argmax, copyRows, type Precision, precisions, softmaxCrossEntropy, toF32 } from '../ops/index.js'
import { parseOptions, refuseUnknown, seed } from '../options.js'
import { scope, Tensor } from '../tensor.js'
import { describeBlocks } from './blocks.js'
import type { Extent } from './extent.js'
import { headOutput, type PlacedHead } from './heads.js'
import { fromSeed, fromState } from './initialise.js'
import type { Layer, Saved, Watch } from './layer.js'
import { everyLayer, noSuchLayer } from './names.js'
import { outline } from './outline.js'
import { Pass } from './pass.js'
import type { Sequence } from './sequence.js'
import type { NetworkConfig, NetworkConfigInput } from './spec.js'

export interface NetworkOptions {
  /** Of the initial weights. Default 0. */
  seed?: number | undefined
  /** Default `cpu()`. */
  device?: Device | undefined
  /** How weights start, in place of what the configuration says. */
  init?: 'fan-in' | 'he' | undefined
  /**
   * Of the products of convolutions in training. 'bfloat16' rounds their factors and leaves weights, maps and gradients float32 (mixed precision);
   * what the network gives when not training is float32 with either, and no file knows of it. Default 'float32'.
   */
  precision?: Precision | undefined
  /** Parameters and buffers by name, as `state()` gives them, in place of initial values. All must be there; others may be. */
  state?: ReadonlyMap<string, Safetensor> | undefined
}

const startOptions = z.strictObject({
  seed: seed.default(0),
  init: z.enum(['fan-in', 'he']).optional(),
  precision: z.enum(precisions).default('float32'),
})

/** Under which a file's metadata hold a network's configuration. */
const metadataKey = 'striate'

export class Network {
  readonly config: NetworkConfig
  readonly device: Device
  readonly layers: readonly Layer[]
  /** Sizes of one example's output, without N. */
  readonly output: Extent
  /** Trained tensors by `layer.parameter`, in the order of the layers. */
  readonly parameters: ReadonlyMap<string, Tensor>
  /** Those of layers that are not frozen: what an optimiser updates. */
  readonly trained: ReadonlyMap<string, Tensor>
  /** Tensors that are kept but not trained, such as running means and variances, by `layer.buffer`. */
  readonly buffers: ReadonlyMap<string, Tensor>
  /** What the outputs of the last layer are. */
  readonly heads: readonly PlacedHead[]
  private readonly sequence: Sequence
  private readonly extents: ReadonlyMap<string, Extent>

  /**
   * @throws {OptionError} for a configuration that is none, or a precision that no layer takes
   * @throws {ShapeError} naming the layer that does not fit the one before
   * @throws {DataError} naming a tensor that `state` lacks or has in another shape
   */
  constructor(config: NetworkConfigInput, options: NetworkOptions = {}) {
    const { device = cpu(), state, ...start } = options
    const { seed, init, precision } = parseOptions('Network', startOptions, start)
    const { config: parsed, sequence, extents, heads } = outline(config, precision)
    const all = everyLayer(sequence.layers)
    if (precision === 'bfloat16' && !all.some(({ spec, frozen }) => spec.kind === 'conv' && !frozen))
      throw new OptionError({
        op: 'Network',
        argument: 'precision',
        actual: `'${precision}' without a convolution that is trained`,
        expected: "'float32'",
      })
    this.config = parsed
    this.device = device
    this.sequence = sequence
    this.layers = sequence.layers
    this.output = sequence.output
    this.extents = extents
    this.heads = heads
    const initialise = state ? fromState(state) : fromSeed(seed, init ?? parsed.init)
    try {
      for (const layer of this.layers) layer.allocate(device, initialise)
    } catch (error) {
      this.dispose()
      throw error
    }
    this.parameters = named(all, 'parameters')
    this.trained = named(
      all.filter(({ frozen }) => !frozen),
      'parameters',
    )
    this.buffers = named(all, 'buffers')
  }

  /** Names of the classes of the first softmax head; none without one. */
  get classes(): readonly string[] {
    return this.heads.find(({ loss }) => loss === 'softmax')?.classes ?? []
  }

  /** Every layer's name in order of computing, those within first. */
  get layerNames(): readonly string[] {
    return [...this.extents.keys()]
  }

  /**
   * Sizes of a layer's output for one image, [C,H,W] or [D].
   * @throws {OptionError} naming the nearest names when there is no such layer
   */
  extent(name: string): Extent {
    const found = this.extents.get(name)
    if (!found) throw noSuchLayer('Network.extent', 'name', name, this.layerNames)
    return found
  }

  /** One line on what the network is, for scores and reports. */
  describe(): string {
    const weights = [...this.parameters.values()].reduce((sum, t) => sum + t.size, 0)
    const blocks = describeBlocks(this.config)
    return `${this.config.name}: ${blocks ? `${blocks}; ` : ''}${weights.toLocaleString('en')} weights`
  }

  /**
   * For training. What is only to be read is better asked of {@link features}, {@link infer} and {@link score}, which hold less.
   * @param images f32 [N,C,H,W], or u8 that stands for x / 255
   * @param options training: batch normalisation by the batch, and `saved` for {@link backward}. Default false. watch: told each layer's output
   */
  forward(images: Tensor, options: { training?: boolean; watch?: Watch } = {}): { y: Tensor; saved: Saved[] } {
    refuseUnknown('Network.forward', options, ['training', 'watch'])
    this.check('Network.forward', images)
    const { training = false, watch } = options
    // Below the lowest trained layer no backward pass will look.
    const from = training ? this.sequence.lowestTrained : this.layers.length
    return this.sequence.forward(this.readable(images) ? images : toF32(images), training, watch, from)
  }

  /**
   * Gradients of every parameter that is trained, by name, for the gradient gy of the output.
   * @param saved what {@link forward} gave in training
   */
  backward(saved: Saved[], gy: Tensor): Map<string, Tensor> {
    const gradients = new Map<string, Tensor>()
    this.sequence.backward(saved, gy, false, gradients)
    return gradients
  }

  /**
   * Outputs of layers, in one pass that stops after the last of them and holds no more maps than it takes.
   * @param images f32 [N,C,H,W], or u8 that stands for x / 255
   * @param options at: names of layers
   * @returns by name, each [N,C,H,W] or [N,D]; the caller's to dispose of
   * @throws {OptionError} naming the nearest names when there is no such layer
   */
  async features(images: Tensor, options: { at: readonly string[] }): Promise<Record<string, Tensor>> {
    refuseUnknown('Network.features', options, ['at'])
    if (!Array.isArray(options?.at) || options.at.length === 0)
      throw new OptionError({ op: 'Network.features', argument: 'at', actual: 'empty', expected: 'names of layers' })
    for (const name of options.at) if (!this.extents.has(name)) throw noSuchLayer('Network.features', 'at', name, this.layerNames)
    const { kept } = await this.compute('Network.features', images, new Set(options.at))
    return Object.fromEntries(options.at.map((name) => [name, kept.get(name) as Tensor]))
  }

  /** Outputs of the last layer, [N,D] or [N,C,H,W], as when not training. The caller's to dispose of. */
  async infer(images: Tensor): Promise<Tensor> {
    return (await this.compute('Network.infer', images, new Set())).y
  }

  private async compute(op: string, images: Tensor, names: ReadonlySet<string>): Promise<{ y: Tensor; kept: Pass['kept'] }> {
    this.check(op, images)
    const { channels, image } = this.config
    const input = [channels, ...image]
    const pass = new Pass(images, names, [input, ...this.extents.values()])
    let results: Tensor[] = []
    try {
      const x = this.readable(images) ? images : await pass.make(input, () => toF32(images))
      const y = await this.sequence.infer(x, pass, true)
      results = names.size > 0 ? [...pass.kept.values()] : [y]
      return { y, kept: pass.kept }
    } finally {
      pass.end(results)
    }
  }

  /** Some first layers read bytes themselves; every other one wants numbers. */
  private readable(images: Tensor): boolean {
    return images.dtype !== 'u8' || this.sequence.readsBytes
  }

  private check(op: string, images: Tensor): void {
    const { channels, image } = this.config
    const [, ...one] = images.shape
    if (one.join() === [channels, ...image].join()) return
    throw new ShapeError({ op, argument: 'images', actual: `[${images.shape}]`, expected: `[N,${channels},${image}]` })
  }

  /**
   * Mean loss (nats), wrong images and predicted classes of a batch, by the first softmax head. The caller's to dispose of.
   * @param images f32 [N,C,H,W], or u8 that stands for x / 255
   * @param labels i32 [N]
   * @throws {DataError} when no head is a softmax
   */
  async score(images: Tensor, labels: Tensor): Promise<{ loss: Tensor; errors: Tensor; prediction: Tensor }> {
    const head = this.heads.find(({ loss }) => loss === 'softmax')
    if (!head)
      throw new DataError({
        op: 'Network.score',
        argument: 'network',
        actual: 'without a softmax head',
        expected: 'a classifier',
      })
    const y = await this.infer(images)
    try {
      return scope(() => {
        const logits = headOutput(y, head)
        return { ...softmaxCrossEntropy(logits, labels), prediction: argmax(logits) }
      })
    } finally {
      y.dispose()
    }
  }

  /**
   * Sets buffers to numbers, such as `standardise.mean`.
   * @throws {OptionError} when there is no such buffer, or the numbers are not as many, not finite, or no standard deviations
   */
  setBuffers(values: Readonly<Record<string, ArrayLike<number>>>): void {
    const refuse = (name: string, actual: string, expected: string) =>
      new OptionError({ op: 'Network.setBuffers', argument: name, actual, expected })
    for (const [name, numbers] of Object.entries(values)) {
      const buffer = this.buffers.get(name)
      const known = [...this.buffers.keys()].join(', ') || 'none'
      if (!buffer) throw refuse(name, 'no buffer of the network', `one of ${known}`)
      if (numbers.length !== buffer.size) throw refuse(name, `${numbers.length} numbers`, `${buffer.size}`)
      const spread = /\.(std|variance)$/.test(name)
      if (!Array.from(numbers).every((v) => Number.isFinite(v) && (!spread || v > 0)))
        throw refuse(name, `[${Array.from(numbers)}]`, spread ? 'finite numbers above 0' : 'finite numbers')
    }
    for (const [name, numbers] of Object.entries(values)) overwrite(this.buffers.get(name) as Tensor, Float32Array.from(numbers))
  }

  /**
   * Takes over the numbers of every parameter and buffer that a state has under its name: to begin with another network's lower layers.
   * @returns their names
   * @throws {DataError} when one is of another shape, or there is none of them
   */
  adopt(state: ReadonlyMap<string, Safetensor>): string[] {
    const refuse = (argument: string, actual: string, expected: string) =>
      new DataError({ op: 'Network.adopt', argument, actual, expected })
    const all = [...this.parameters, ...this.buffers].filter(([name]) => state.has(name))
    if (all.length === 0)
      throw refuse('state', `${[...state.keys()].slice(0, 3).join(', ') || 'empty'} ...`, 'names of the network')
    for (const [name, { shape }] of all) {
      const found = state.get(name) as Safetensor
      if (found.dtype !== 'F32' || found.shape.join() !== shape.join())
        throw refuse(name, `${found.dtype} [${found.shape}]`, `F32 [${shape}]`)
    }
    for (const [name, tensor] of all) overwrite(tensor, (state.get(name) as Safetensor).data as Float32Array)
    return all.map(([name]) => name)
  }

  /** Parameters and buffers as they would be saved. */
  async state(): Promise<Map<string, Safetensor>> {
    const entries = [...this.parameters, ...this.buffers].map(async ([name, tensor]) => [name, await hostTensor(tensor)] as const)
    return new Map(await Promise.all(entries))
  }

  /** Writes the network as safetensors: its tensors by name, and its configuration as metadata. */
  async save(path: string): Promise<void> {
    await writeSafetensors(path, await this.state(), { metadata: { [metadataKey]: JSON.stringify(this.config) }, digest: true })
  }

  /**
   * Reads a network that `save` wrote.
   * @throws {DataError} naming the file when it is none
   */
  static async load(path: string, options: { device?: Device | undefined } = {}): Promise<Network> {
    refuseUnknown('loadNetwork', options, ['device'])
    const { tensors, metadata } = await readSafetensors(path)
    const refuse = (actual: string, cause?: unknown) =>
      new DataError({ op: 'loadNetwork', argument: path, actual, expected: 'a network saved by Striate' }, { cause })
    let config: NetworkConfigInput
    try {
      config = JSON.parse(metadata[metadataKey] ?? '')
    } catch (cause) {
      throw refuse('a file without the configuration of a network', cause)
    }
    try {
      return new Network(config, { ...options, state: tensors })
    } catch (cause) {
      if (cause instanceof DataError || cause instanceof OptionError || cause instanceof ShapeError)
        throw refuse(`a file in which ${cause.argument} is ${cause.actual}`, cause)
      throw cause
    }
  }

  dispose(): void {
    for (const layer of this.layers) layer.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/**
 * Reads a network that Striate saved.
 * @param path of the safetensors file
 * @throws {DataError} naming the file when it is none
 */
export const loadNetwork = (path: string, options: { device?: Device | undefined } = {}): Promise<Network> =>
  Network.load(path, options)

/** Other numbers in a tensor's place. */
function overwrite(tensor: Tensor, numbers: Float32Array): void {
  scope(() => {
    const shape = [1, numbers.length]
    copyRows(Tensor.from(numbers, { shape, device: tensor.device }), tensor.reshape(shape))
  })
}

function named(layers: readonly Layer[], group: 'parameters' | 'buffers'): Map<string, Tensor> {
  return new Map(
    layers.flatMap((layer) => Object.entries(layer[group]).map(([short, tensor]) => [`${layer.name}.${short}`, tensor] as const)),
  )
}
