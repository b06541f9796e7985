// Networks of locally learned NNL-CONV layers with a softmax readout (Grinberg, Hopfield, Krotov 2019, figure 2 left and middle).
import { cpu, type Device } from '../device.js'
import { DataError, ShapeError } from '../errors.js'
import { readSafetensors, type Safetensor, type SafetensorsFile, writeSafetensors } from '../io/index.js'
import { conv2d, copyColumns, nnlConv, readoutScore } from '../ops/index.js'
import { scope, Tensor } from '../tensor.js'
import type { Classifier } from './classifier.js'
import {
  blockFeatures,
  checkLocalConfig,
  featureCount,
  filterShape,
  type LocalBlock,
  type LocalNetConfig,
  type MapShape,
  parseLocalConfig,
  poolText,
  trunkShapes,
} from './local_config.js'

/** The tensors of one block. */
export interface BlockWeights {
  /** [K,C,W,W], rows of norm 1; [K,D,1,1] of a whitened block. */
  filters: Tensor
  /** Of a whitened block: weight [D,C,W,W] and bias [D] of the projection. */
  whitening?: { weight: Tensor; bias: Tensor }
}

export interface LocalWeights {
  /** Of the trunk's blocks. Default: no trunk. */
  trunk?: readonly BlockWeights[]
  blocks: readonly BlockWeights[]
}

export interface Readout {
  /** [T,D] */
  w: Tensor
  /** [T] */
  b: Tensor
}

/** Under which a file's metadata hold a network's configuration. */
export const metadataKey = 'striate'

/**
 * A network of locally learned blocks side by side, if wanted on a trunk of such blocks, with a softmax readout of all of their pooled
 * responses. The tensors given to it belong to it; `dispose()` frees them.
 */
export class LocalNet implements Classifier {
  readonly config: LocalNetConfig
  readonly trunk: readonly BlockWeights[]
  readonly blocks: readonly BlockWeights[]
  readonly readout: Readout | null

  /** @throws {ShapeError} {OptionError} when tensors and configuration do not fit each other */
  constructor(config: LocalNetConfig, weights: LocalWeights, readout: Readout | null = null) {
    const { trunk = [], blocks } = weights
    checkLocalConfig(config)
    const expect = (argument: string, tensor: Tensor | undefined, shape: readonly number[]) => {
      if (tensor?.shape.join() === shape.join()) return
      const actual = tensor ? `[${tensor.shape}]` : 'missing'
      throw new ShapeError({ op: 'LocalNet', argument, actual, expected: `[${shape}]` })
    }
    const check = (path: string, block: LocalBlock, [channels]: MapShape, own: BlockWeights | undefined) => {
      expect(`${path}.filters`, own?.filters, filterShape(block, channels))
      if (!block.whitened) return
      expect(`${path}.whitening.weight`, own?.whitening?.weight, [block.whitened, channels, block.window, block.window])
      expect(`${path}.whitening.bias`, own?.whitening?.bias, [block.whitened])
    }
    const inputs = trunkShapes(config)
    for (const [i, block] of config.trunk.entries()) check(`trunk.${i}`, block, inputs[i] as MapShape, trunk[i])
    for (const [i, block] of config.blocks.entries()) check(`blocks.${i}`, block, inputs.at(-1) as MapShape, blocks[i])
    if (readout) expect('readout.w', readout.w, [config.classes.length, featureCount(config)])
    this.config = config
    this.trunk = trunk
    this.blocks = blocks
    this.readout = readout
  }

  get device(): Device {
    return (this.blocks[0] as BlockWeights).filters.device
  }

  describe(): string {
    const one = ({ units, window, power, pool, whitened }: LocalBlock) =>
      `${units} filters of ${window} x ${window}${whitened ? `, whitened to ${whitened}` : ''}, power ${power}, ${poolText(pool)}`
    const { trunk, blocks } = this.config
    const side = blocks.length === 1 ? blocks.map(one).join() : `${blocks.length} blocks: ${blocks.map(one).join('; ')}`
    return `local: ${[...trunk.map((block) => `${one(block)}; then `)].join('')}${side}`
  }

  /**
   * Pooled features of images, [N,D]: those of each block, K x P x Q of them, one block after another.
   * @param images u8 or f32 [N,C,H,W] on the network's device
   * @param options store: `bf16` halves the memory. Default `f32`.
   */
  features(images: Tensor, options: { store?: 'f32' | 'bf16' } = {}): Tensor {
    const store = options.store ?? 'f32'
    return scope(() => {
      const map = this.trunkMap(images)
      const n = map.shape[0] as number
      const flat = (i: number): Tensor => {
        const y = respond(map, this.config.blocks[i] as LocalBlock, this.blocks[i] as BlockWeights, store)
        return y.reshape([n, y.size / n])
      }
      if (this.blocks.length === 1) return flat(0)
      const counts = blockFeatures(this.config)
      const all = Tensor.zeros([n, counts.reduce((a, b) => a + b, 0)], { dtype: store, device: this.device })
      let at = 0
      for (const [i, count] of counts.entries()) {
        // One block's map at a time: they are large.
        scope(() => copyColumns(flat(i), all, { at }))
        at += count
      }
      return all
    })
  }

  /** The map [N,C,P,Q] that the trunk gives for images, f32; the images themselves (no copy) without a trunk. */
  trunkMap(images: Tensor): Tensor {
    return respondInTurn(images, this.config.trunk, this.trunk)
  }

  /**
   * Loss, wrong images and predicted classes of a batch.
   * @throws {DataError} when the network has no readout
   */
  score(images: Tensor, labels: Tensor): { loss: Tensor; errors: Tensor; prediction: Tensor } {
    const readout = this.requireReadout('LocalNet.score')
    return scope(() => readoutScore(this.features(images), labels, readout))
  }

  /**
   * The readout.
   * @throws {DataError} when the network has none
   */
  requireReadout(op: string): Readout {
    if (this.readout) return this.readout
    throw new DataError({ op, argument: 'network', actual: 'without a readout', expected: 'one trained with labels' })
  }

  /** All tensors by the names that they have in a file: `blocks.0.filters`, `trunk.0.filters`, `readout.weight`, `readout.bias`. */
  tensors(): Map<string, Tensor> {
    const named = new Map<string, Tensor>()
    for (const part of ['trunk', 'blocks'] as const)
      for (const [i, { filters, whitening }] of this[part].entries()) {
        named.set(`${part}.${i}.filters`, filters)
        if (whitening) {
          named.set(`${part}.${i}.whitening.weight`, whitening.weight)
          named.set(`${part}.${i}.whitening.bias`, whitening.bias)
        }
      }
    if (this.readout) {
      named.set('readout.weight', this.readout.w)
      named.set('readout.bias', this.readout.b)
    }
    return named
  }

  /** Writes the network as safetensors: {@link tensors}, and its configuration as metadata. */
  async save(path: string): Promise<void> {
    const tensors: Record<string, Safetensor> = {}
    for (const [name, tensor] of this.tensors()) tensors[name] = await hostTensor(tensor)
    await writeSafetensors(path, tensors, { metadata: { [metadataKey]: JSON.stringify(this.config) } })
  }

  /**
   * Reads a network that `save` wrote, also one of Striate 0.1, whose only block was the tensor `filters`.
   * @param options file: what `path` holds, where it was read already
   * @throws {DataError} naming the file when it is none
   */
  static async load(path: string, options: { device?: Device; file?: SafetensorsFile } = {}): Promise<LocalNet> {
    const device = options.device ?? cpu()
    const { tensors, metadata } = options.file ?? (await readSafetensors(path))
    const refuse = (actual: string) =>
      new DataError({ op: 'LocalNet.load', argument: path, actual, expected: 'a network saved by Striate' })
    let config: LocalNetConfig
    try {
      config = parseLocalConfig(metadata[metadataKey] ?? '')
    } catch {
      throw refuse('a file without its configuration')
    }
    const one = tensors.get('filters')
    if (one) tensors.set('blocks.0.filters', one)
    const tensor = (name: string): Tensor => {
      const found = tensors.get(name)
      if (found?.dtype !== 'F32') throw refuse(`a file without the float32 tensor ${name}`)
      return Tensor.from(found.data as Float32Array, { shape: found.shape, device })
    }
    const weights = (part: 'trunk' | 'blocks'): BlockWeights[] =>
      config[part].map(({ whitened }, i) => ({
        filters: tensor(`${part}.${i}.filters`),
        ...(whitened
          ? { whitening: { weight: tensor(`${part}.${i}.whitening.weight`), bias: tensor(`${part}.${i}.whitening.bias`) } }
          : {}),
      }))
    const readout = config.classes.length > 0 ? { w: tensor('readout.weight'), b: tensor('readout.bias') } : null
    return new LocalNet(config, { trunk: weights('trunk'), blocks: weights('blocks') }, readout)
  }

  /** The same network on a device, with tensors of its own, with another configuration of the same shapes, or with a readout. */
  copy(change: { config?: LocalNetConfig; device?: Device; readout?: Readout | null } = {}): LocalNet {
    const { config = this.config, device = this.device, readout = null } = change
    const weights = ({ filters, whitening }: BlockWeights): BlockWeights => ({
      filters: filters.to(device),
      ...(whitening ? { whitening: { weight: whitening.weight.to(device), bias: whitening.bias.to(device) } } : {}),
    })
    return new LocalNet(config, { trunk: this.trunk.map(weights), blocks: this.blocks.map(weights) }, readout)
  }

  dispose(): void {
    for (const tensor of this.tensors().values()) tensor.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** The map [N,C,P,Q] of blocks one after another, f32; the images themselves (no copy) without any. @internal */
export function respondInTurn(images: Tensor, blocks: readonly LocalBlock[], weights: readonly BlockWeights[]): Tensor {
  return scope(() => {
    let map = images
    for (const [i, block] of blocks.entries()) {
      const next = respond(map, block, weights[i] as BlockWeights, 'f32')
      if (map !== images) map.dispose()
      map = next
    }
    return map
  })
}

/** One block's pooled map [N,K,P,Q]. */
function respond(map: Tensor, block: LocalBlock, weights: BlockWeights, store: 'f32' | 'bf16'): Tensor {
  const { power, normalise, centre, pool } = block
  return scope(() => {
    const { filters, whitening } = weights
    const input = whitening ? conv2d(map, whitening.weight, { bias: whitening.bias }) : map
    return nnlConv(input, filters, { power, normalise, centre, pool, store })
  })
}

/** A tensor's values for a file. */
export async function hostTensor(tensor: Tensor): Promise<Safetensor> {
  const { data } = await tensor.read()
  const dtype = ({ f32: 'F32', bf16: 'F32', f64: 'F64', i32: 'I32', u8: 'U8' } as const)[tensor.dtype]
  return { dtype, shape: tensor.shape, data }
}
