// A network of layers that is trained end to end: the twins and baselines of the locally learned ones.
import type { z } from 'zod'
import { cpu, type Device } from '../device.js'
import { DataError, OptionError, ShapeError } from '../errors.js'
import { readSafetensors, type Safetensor, type SafetensorsFile, writeSafetensors } from '../io/index.js'
import { argmax, softmaxCrossEntropy, toF32 } from '../ops/index.js'
import { normals, Permutation, philox, words } from '../random.js'
import { scope, type Tensor } from '../tensor.js'
import type { Classifier } from './classifier.js'
import type { Extent, Initialise, Layer, Saved, Watch } from './layer.js'
import { type NetworkConfig, type NetworkConfigInput, networkConfig } from './layer_spec.js'
import { hostTensor, metadataKey } from './local_net.js'
import { Sequence } from './sequence.js'

export interface NetworkOptions {
  /** Of the initial weights. Default 0. */
  seed?: number
  /** Default `cpu()`. */
  device?: Device
  /**
   * How weights start. `fan-in`: uniform within 1 / sqrt(fan-in), biases too (PyTorch's default for Conv2d and Linear). `he`: normal with
   * variance 2 / fan-in, biases 0 (He et al. 2015). Default `fan-in`.
   */
  init?: 'fan-in' | 'he'
  /** Parameters and buffers by name, as `state()` gives them, in place of initial values. */
  state?: ReadonlyMap<string, Safetensor>
}

export class Network implements Classifier {
  readonly config: NetworkConfig
  readonly device: Device
  readonly layers: readonly Layer[]
  /** Sizes of one example's output, without N. */
  readonly output: Extent
  /** Trained tensors by `layer.name`, in the order of the layers. */
  readonly parameters: ReadonlyMap<string, Tensor>
  /** Running means and variances. */
  readonly buffers: ReadonlyMap<string, Tensor>
  private readonly constants: ReadonlyMap<string, Tensor>
  private readonly sequence: Sequence

  /**
   * @throws {OptionError} for a configuration that is none
   * @throws {ShapeError} naming the layer that does not fit the one before
   * @throws {DataError} naming a tensor that `state` lacks or has in another shape
   */
  constructor(config: NetworkConfigInput, options: NetworkOptions = {}) {
    this.config = parseConfig(config)
    this.device = options.device ?? cpu()
    const { channels, image, classes, layers } = this.config
    const place = { path: '', input: [channels, ...image], device: this.device, initialise: initialiser(options) }
    this.sequence = new Sequence(layers, place)
    this.layers = this.sequence.layers
    this.output = this.sequence.output
    if (classes.length > 0 && this.output.join() !== String(classes.length))
      throw new ShapeError({
        op: 'Network',
        argument: 'the last layer',
        actual: `of [${this.output}]`,
        expected: `[${classes.length}], one output a class`,
      })
    this.parameters = collect(this.layers, 'parameters')
    this.buffers = collect(this.layers, 'buffers')
    this.constants = collect(this.layers, 'constants')
  }

  describe(): string {
    const weights = [...this.parameters.values()].reduce((sum, t) => sum + t.size, 0)
    return `${this.config.name}: ${weights.toLocaleString('en')} weights, trained end to end`
  }

  /**
   * @param images f32 [N,C,H,W], or u8 that stands for x / 255
   * @param options training: batch normalisation by the batch, and `saved` for {@link backward}. Default false.
   */
  forward(images: Tensor, options: { training?: boolean; watch?: Watch } = {}): { y: Tensor; saved: Saved[] } {
    // conv2d and nnl_conv read bytes themselves; every other first layer wants numbers.
    const kind = this.layers[0]?.spec.kind
    const bytes = images.dtype === 'u8' && kind !== 'conv' && kind !== 'nnl_conv' && !this.startsWithConvolutions()
    return this.sequence.forward(bytes ? toF32(images) : images, options.training ?? false, options.watch)
  }

  private startsWithConvolutions(): boolean {
    const { spec } = this.layers[0] as Layer
    return spec.kind === 'parallel' && spec.branches.every(([first]) => first?.kind === 'conv' || first?.kind === 'nnl_conv')
  }

  /** Gradients of every parameter, by name, for the gradient gy of the output. */
  backward(saved: Saved[], gy: Tensor): Map<string, Tensor> {
    const gradients = new Map<string, Tensor>()
    this.sequence.backward(saved, gy, false, gradients)
    return gradients
  }

  score(images: Tensor, labels: Tensor): { loss: Tensor; errors: Tensor; prediction: Tensor } {
    if (this.config.classes.length === 0)
      throw new DataError({ op: 'Network.score', argument: 'network', actual: 'without classes', expected: 'a classifier' })
    return scope(() => {
      const { y } = this.forward(images)
      return { ...softmaxCrossEntropy(y, labels), prediction: argmax(y) }
    })
  }

  /** Parameters and buffers as they would be saved. */
  async state(): Promise<Map<string, Safetensor>> {
    const entries = [...this.parameters, ...this.buffers].map(async ([name, tensor]) => [name, await hostTensor(tensor)] as const)
    return new Map(await Promise.all(entries))
  }

  /** Writes the network as safetensors: its tensors by name, and its configuration as metadata. */
  async save(path: string): Promise<void> {
    await writeSafetensors(path, Object.fromEntries(await this.state()), {
      metadata: { [metadataKey]: JSON.stringify(this.config) },
    })
  }

  /**
   * Reads a network that `save` wrote.
   * @param options file: what `path` holds, where it was read already
   * @throws {DataError} naming the file when it is none
   */
  static async load(path: string, { file, ...options }: NetworkOptions & { file?: SafetensorsFile } = {}): Promise<Network> {
    const { tensors, metadata } = file ?? (await readSafetensors(path))
    try {
      return new Network(JSON.parse(metadata[metadataKey] ?? '') as NetworkConfigInput, { ...options, state: tensors })
    } catch (cause) {
      const actual =
        cause instanceof DataError ? `a file in which ${cause.argument} is ${cause.actual}` : 'a file without its configuration'
      throw new DataError({ op: 'Network.load', argument: path, actual, expected: 'a network saved by Striate' }, { cause })
    }
  }

  dispose(): void {
    for (const tensors of [this.parameters, this.buffers, this.constants]) for (const tensor of tensors.values()) tensor.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

function parseConfig(config: NetworkConfigInput): NetworkConfig {
  const parsed = networkConfig.safeParse(config)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0] as z.core.$ZodIssue
  throw new OptionError({
    op: 'Network',
    argument: issue.path.join('.') || 'config',
    actual: 'not usable',
    expected: issue.message.replace(/^Invalid input: expected /, ''),
  })
}

function collect(layers: readonly Layer[], group: 'parameters' | 'buffers' | 'constants'): Map<string, Tensor> {
  const found = new Map<string, Tensor>()
  const visit = (layer: Layer): void => {
    for (const [name, tensor] of Object.entries(layer[group])) found.set(`${layer.path}.${name}`, tensor)
    layer.children.forEach(visit)
  }
  layers.forEach(visit)
  return found
}

/** Initial values: given ones, or numbers of its own for each parameter, numbered in the order of the layers. */
function initialiser({ seed = 0, init = 'fan-in', state }: NetworkOptions): Initialise {
  let drawn = 0
  return ({ name, shape, role, fanIn }) => {
    if (state) {
      const found = state.get(name)
      if (found?.dtype === 'F32' && found.shape.join() === shape.join()) return found.data as Float32Array
      const actual = found ? `${found.dtype} [${found.shape}]` : 'missing'
      throw new DataError({ op: 'Network', argument: name, actual, expected: `F32 [${shape}]` })
    }
    const count = shape.reduce((a, b) => a * b, 1)
    if (role === 'one') return new Float32Array(count).fill(1)
    if (role === 'zero' || (role === 'bias' && init === 'he')) return new Float32Array(count)
    const number = drawn++
    if (init === 'he') {
      const values = normals(new Permutation(2 ** 48, seed, number).at(number), count)
      const spread = Math.sqrt(2 / fanIn)
      return values.map((v) => v * spread)
    }
    const bound = 1 / Math.sqrt(fanIn)
    const key = words(seed, 'seed')
    const values = new Float32Array(count)
    for (let i = 0; i < count; i += 4)
      philox([i / 4, number, 0x696e6974, 0], key).forEach((word, j) => {
        if (i + j < count) values[i + j] = bound * ((2 * (word + 0.5)) / 2 ** 32 - 1)
      })
    return values
  }
}
