// One NNL-CONV layer learned locally, its max pool, and a softmax readout (Grinberg, Hopfield, Krotov 2019, figure 2 left).
import { z } from 'zod'
import { cpu, type Device } from '../device.js'
import { DataError, ShapeError } from '../errors.js'
import { readSafetensors, type Safetensor, writeSafetensors } from '../io/index.js'
import { nnlConv, readoutScore } from '../ops/index.js'
import { type HostData, scope, Tensor } from '../tensor.js'
import type { Classifier } from './classifier.js'

const size = z.number().int().positive()

export const localNetConfig = z.strictObject({
  kind: z.literal('local'),
  /** C of the images. */
  channels: size,
  /** Height and width of the images that the readout was trained on. */
  image: z.tuple([size, size]),
  /** W: side of the filters. */
  window: size,
  /** K: filters. */
  units: size,
  /** n of the rectified power. */
  power: z.number().min(1).max(200),
  normalise: z.enum(['patch', 'none']),
  centre: z.boolean(),
  pool: z.strictObject({ size, stride: size }),
  /** Class names of the readout; empty without one. */
  classes: z.array(z.string()),
})

export type LocalNetConfig = z.infer<typeof localNetConfig>

export interface Readout {
  /** [T,D] */
  w: Tensor
  /** [T] */
  b: Tensor
}

const metadataKey = 'striate'

/** A network of one locally learned layer. `filters` and `readout` belong to it; `dispose()` frees them. */
export class LocalNet implements Classifier {
  readonly config: LocalNetConfig
  /** [K,C,W,W], rows of norm 1. */
  readonly filters: Tensor
  readonly readout: Readout | null

  constructor(config: LocalNetConfig, filters: Tensor, readout: Readout | null = null) {
    const expected = [config.units, config.channels, config.window, config.window]
    if (filters.shape.join() !== expected.join())
      throw new ShapeError({ op: 'LocalNet', argument: 'filters', actual: `[${filters.shape}]`, expected: `[${expected}]` })
    if (readout && (readout.w.shape[1] !== featureCount(config) || readout.w.shape[0] !== config.classes.length)) {
      const wanted = `[${config.classes.length},${featureCount(config)}]`
      throw new ShapeError({ op: 'LocalNet', argument: 'readout.w', actual: `[${readout.w.shape}]`, expected: wanted })
    }
    this.config = config
    this.filters = filters
    this.readout = readout
  }

  get device(): Device {
    return this.filters.device
  }

  describe(): string {
    const { units, window, power, pool } = this.config
    return `local: ${units} filters of ${window} x ${window}, power ${power}, pool ${pool.size}/${pool.stride}`
  }

  /**
   * Pooled features of images, [N,D] with D = K x P x Q.
   * @param images u8 or f32 [N,C,H,W] on the network's device
   * @param options store: `bf16` halves the memory. Default `f32`.
   */
  features(images: Tensor, options: { store?: 'f32' | 'bf16' } = {}): Tensor {
    const { power, normalise, centre, pool } = this.config
    return scope(() => {
      const y = nnlConv(images, this.filters, { power, normalise, centre, pool, store: options.store ?? 'f32' })
      return y.reshape([y.shape[0] as number, y.size / (y.shape[0] as number)])
    })
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

  /** Writes the network as safetensors: `filters`, `readout.weight`, `readout.bias`, and its configuration as metadata. */
  async save(path: string): Promise<void> {
    const tensors: Record<string, Safetensor> = { filters: await hostTensor(this.filters) }
    if (this.readout) {
      tensors['readout.weight'] = await hostTensor(this.readout.w)
      tensors['readout.bias'] = await hostTensor(this.readout.b)
    }
    await writeSafetensors(path, tensors, { metadata: { [metadataKey]: JSON.stringify(this.config) } })
  }

  /**
   * Reads a network that `save` wrote.
   * @throws {DataError} naming the file when it is none
   */
  static async load(path: string, options: { device?: Device } = {}): Promise<LocalNet> {
    const device = options.device ?? cpu()
    const { tensors, metadata } = await readSafetensors(path)
    const refuse = (actual: string) =>
      new DataError({ op: 'LocalNet.load', argument: path, actual, expected: 'a network saved by Striate' })
    let config: LocalNetConfig
    try {
      config = localNetConfig.parse(JSON.parse(metadata[metadataKey] ?? ''))
    } catch {
      throw refuse('a file without its configuration')
    }
    const tensor = (name: string): Tensor => {
      const found = tensors.get(name)
      if (found?.dtype !== 'F32') throw refuse(`a file without the float32 tensor ${name}`)
      return Tensor.from(found.data as Float32Array, { shape: found.shape, device })
    }
    const readout = config.classes.length > 0 ? { w: tensor('readout.weight'), b: tensor('readout.bias') } : null
    return new LocalNet(config, tensor('filters'), readout)
  }

  dispose(): void {
    this.filters.dispose()
    this.readout?.w.dispose()
    this.readout?.b.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** D: features of one image. */
export function featureCount(config: Pick<LocalNetConfig, 'image' | 'window' | 'units' | 'pool'>): number {
  const cells = config.image.map((extent) => Math.floor((extent - config.window + 1 - config.pool.size) / config.pool.stride) + 1)
  return config.units * (cells[0] as number) * (cells[1] as number)
}

/** A tensor's values for a file. */
export async function hostTensor(tensor: Tensor): Promise<Safetensor> {
  const { data } = await tensor.read()
  const dtype = data instanceof Float32Array ? 'F32' : data instanceof Int32Array ? 'I32' : 'U8'
  return { dtype, shape: tensor.shape, data: data as HostData }
}
