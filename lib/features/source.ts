// Where a readout's features come from: the outputs of a network's layer, cached on the device where they fit the memory limit, else computed
// again for every stretch of minibatches.
import { ahead, type Images } from '../data/index.js'
import type { Device } from '../device.js'
import { OutOfMemoryError } from '../errors.js'
import type { Safetensor } from '../io/index.js'
import { cutAt, type Extent, featureBlocks, Network, type NetworkConfig } from '../models/index.js'
import { add, copyRows, type ReadoutState, readoutLearn, readoutScore, reduce, scale, subtractRow } from '../ops/index.js'
import { Permutation } from '../random.js'
import type { RunOptions } from '../run/options.js'
import { duration, memoryText, startPhase, trialSeconds } from '../run/progress.js'
import { scope, Tensor } from '../tensor.js'

/** Bytes that a readout needs: features of all images as bf16, and weights with their moments. */
export function readoutMemory(images: number, features: number, classes: number): { cache: number; state: number } {
  return { cache: images * features * 2, state: 3 * classes * (features + 1) * 4 }
}

/** Images whose features give the mean that is taken off all of them. */
const meanImages = 2048

const count = (extent: Extent): number => extent.reduce((a, b) => a * b, 1)
const range = (from: number, to: number): Int32Array => Int32Array.from({ length: to - from }, (_, i) => from + i)

export interface FeatureSettings {
  /** Name of the layer. */
  at: string
  /** Bytes; null: most of what is free. */
  memoryLimit: number | null
  /** Take each feature's mean off. */
  centre: boolean
  classes: number
}

/** What {@link FeatureSource.train} is told of an epoch. */
export interface EpochSettings {
  learningRate: number
  weightDecay: number
  batch: number
  totalSteps: number
  seed: number
}

/** The features of images under one configuration of a network: cached on the device, or computed as they are needed. */
export class FeatureSource {
  private net: Network | null = null
  private cache: Tensor | null = null
  /** [D], taken off each image's features; zeros where they stay as they are. It belongs to the source. */
  mean: Tensor | null = null
  private key = ''

  /**
   * @param labels class of each image
   * @param state of the layers, the same under all configurations
   */
  constructor(
    private readonly images: Images,
    private readonly labels: Int32Array,
    private readonly state: ReadonlyMap<string, Safetensor>,
    private readonly device: Device,
    private readonly settings: FeatureSettings,
    private readonly run: RunOptions,
  ) {}

  get features(): number {
    return count((this.net as Network).extent(this.settings.at))
  }

  async use(config: NetworkConfig): Promise<void> {
    const key = JSON.stringify(config)
    if (key === this.key) return
    this.release()
    this.key = key
    const { at, memoryLimit, classes } = this.settings
    this.net = new Network(cutAt(config, at), { device: this.device, state: this.state })
    const [n] = this.images.shape
    const { cache, state } = readoutMemory(n, this.features, classes)
    const limit = checkMemory(this.features, classes, memoryLimit, this.device)
    const fits = cache + state <= limit
    const { onPlan } = this.run
    if (onPlan)
      onPlan(
        `${describeFeatures(config)}: ${this.features} features an image, ${memoryText(cache)} for ${n} images as bf16; ` +
          `about ${duration(n * (await this.secondsEach()))} to compute; ` +
          (fits ? 'cached' : `over the limit of ${memoryText(limit)}, so recomputed in every epoch`),
      )
    this.mean = this.settings.centre ? await this.meanOf(n) : Tensor.zeros([this.features], { device: this.device })
    if (fits) this.cache = await this.compute(n)
  }

  /**
   * Images whose features are worked on together: in float32 for a moment, and twice while a block is added to the others. A processor has
   * them in its cache; a GPU waits for the host after each.
   */
  private get chunk(): number {
    const [most, numbers] = this.device.kind === 'cpu' ? [256, 2 ** 23] : [1024, 2 ** 26]
    return Math.max(32, Math.min(most, Math.floor(numbers / this.features)))
  }

  /** Images in pieces of {@link chunk}, read ahead. */
  private pieces(rows: Int32Array) {
    const pieces: Int32Array[] = []
    for (let first = 0; first < rows.length; first += this.chunk) pieces.push(rows.subarray(first, first + this.chunk))
    return ahead(this.images, pieces, this.run.signal ? { signal: this.run.signal } : {})
  }

  /** Seconds that the features of an image take, by a trial. */
  private async secondsEach(): Promise<number> {
    const images = Math.min(8, this.chunk)
    const [, ...image] = this.images.shape
    const pixels = new Uint8Array(images * count(image))
    return (await trialSeconds(this.device, async () => (await this.featuresOf(pixels)).dispose())) / images
  }

  /** f32 [n,D] of n images' pixels; the caller's. */
  private async featuresOf(pixels: Uint8Array): Promise<Tensor> {
    const { at } = this.settings
    const [, ...image] = this.images.shape
    const n = pixels.length / count(image)
    using batch = Tensor.from(pixels, { shape: [n, ...image], device: this.device })
    const y = (await (this.net as Network).features(batch, { at: [at] }))[at] as Tensor
    if (y.shape.length === 2) return y
    const flat = y.reshape([n, this.features])
    y.dispose()
    return flat
  }

  /** The mean of the features of images that are spread evenly over the set. */
  private async meanOf(n: number): Promise<Tensor> {
    const some = Math.min(n, meanImages)
    const rows = Int32Array.from({ length: some }, (_, i) => Math.floor((i * n) / some))
    let total = Tensor.zeros([this.features], { device: this.device })
    try {
      for await (const { pixels } of this.pieces(rows)) {
        using features = await this.featuresOf(pixels)
        const next = scope(() => add(total, reduce(features, { over: 'rows' })))
        total.dispose()
        total = next
        await this.device.sync()
      }
      return scale(total, { factor: 1 / some })
    } finally {
      total.dispose()
    }
  }

  private async compute(n: number): Promise<Tensor> {
    const cache = this.rowsOf(n)
    const report = startPhase('features', 'images', n, 0, this.run.onProgress)
    try {
      await this.fill(range(0, n), cache, report)
    } catch (error) {
      cache.dispose()
      throw error
    }
    return cache
  }

  private rowsOf(n: number): Tensor {
    return Tensor.empty([n, this.features], 'bf16', this.device)
  }

  /** Features of images, less their mean, over the rows of `to`. */
  private async fill(rows: Int32Array, to: Tensor, report?: (done: number) => void): Promise<void> {
    let at = 0
    for await (const { rows: piece, pixels } of this.pieces(rows)) {
      using features = await this.featuresOf(pixels)
      // The mean is taken off before rounding: what is left is smaller, and so is its error.
      scope(() => copyRows(subtractRow(features, this.mean as Tensor, { store: 'bf16' }), to, { at }))
      at += piece.length
      await this.device.sync()
      report?.(at)
    }
  }

  /** One epoch of minibatches over `rows`, in the order that the op's own permutation gives, cached or not. */
  async train(
    state: ReadoutState,
    rows: Int32Array,
    settings: EpochSettings,
    epoch: number,
    batches: number,
    onImages: (done: number) => void,
  ): Promise<{ loss: number; errors: number }> {
    const { batch, seed } = settings
    const order = new Permutation(rows.length, seed, epoch)
    // Short enough to stop soon after Ctrl-C and to hold few features, long enough that the call itself costs nothing.
    const stretch = Math.max(1, Math.floor((this.cache ? 5000 : 1000) / batch))
    let loss = 0
    let errors = 0
    using targets = this.cache ? Tensor.from(this.labels, { device: this.device }) : null
    using chosen = this.cache ? Tensor.from(rows, { device: this.device }) : null
    for (let first = 0; first < batches; first += stretch) {
      this.run.signal?.throwIfAborted()
      const steps = Math.min(stretch, batches - first)
      const part = { ...settings, steps, firstStep: epoch * batches + first }
      let result: { loss: Tensor; errors: Tensor }
      if (this.cache && chosen && targets) {
        result = readoutLearn(this.cache, targets, state, part, chosen)
      } else {
        const picked = Int32Array.from({ length: steps * batch }, (_, i) => rows[order.at(first * batch + i)] as number)
        using features = this.rowsOf(picked.length)
        await this.fill(picked, features)
        using labels = this.labelsOf(picked)
        result = readoutLearn(features, labels, state, { ...part, shuffle: false })
      }
      using l = result.loss
      using e = result.errors
      loss += ((await l.read()).data[0] ?? Number.NaN) * steps
      errors += (await e.read()).data[0] ?? 0
      onImages((first + steps) * batch)
    }
    return { loss: loss / batches, errors }
  }

  private labelsOf(rows: Int32Array): Tensor {
    return Tensor.from(
      Int32Array.from(rows, (row) => this.labels[row] as number),
      { device: this.device },
    )
  }

  /** Share of wrong images among `rows`. */
  async errorRate(state: ReadoutState, rows: Int32Array): Promise<number> {
    let wrong = 0
    const chunk = this.cache ? rows.length : 512
    for (let first = 0; first < rows.length; first += chunk) {
      this.run.signal?.throwIfAborted()
      const part = rows.subarray(first, first + chunk)
      using features = this.cache ? null : this.rowsOf(part.length)
      if (features) await this.fill(part, features)
      const errors = scope(() => {
        if (features) return readoutScore(features, this.labelsOf(part), state).errors
        const targets = Tensor.from(this.labels, { device: this.device })
        return readoutScore(this.cache as Tensor, targets, state, Tensor.from(part, { device: this.device })).errors
      })
      wrong += (await errors.read()).data[0] ?? 0
      errors.dispose()
    }
    return wrong / rows.length
  }

  private release(): void {
    for (const held of [this.net, this.cache, this.mean]) held?.dispose()
    this.net = null
    this.cache = null
    this.mean = null
  }

  dispose(): void {
    this.release()
  }
}

/**
 * The bytes that a readout may take, which must hold its weights at least.
 * @param asked null: most of what is free
 * @throws {OutOfMemoryError} when they do not
 */
export function checkMemory(features: number, classes: number, asked: number | null, device: Device): number {
  const limit = asked ?? defaultMemoryLimit(device)
  const { state } = readoutMemory(0, features, classes)
  if (state <= limit) return limit
  throw new OutOfMemoryError(
    `trainReadout: a readout of ${features} features needs ${memoryText(state)}, over the limit of ${memoryText(limit)}; take a larger memory limit or pool stride`,
  )
}

/** What a cache may take by default: most of the memory that nobody uses, since it is the largest thing that a run holds. */
function defaultMemoryLimit(device: Device): number {
  return device.kind === 'cpu' ? 0.75 * process.availableMemory() : 0.6 * device.memory
}

/** Powers and pool strides of a network's blocks, in words; the network's name where it has no such blocks. */
export function describeFeatures(config: NetworkConfig): string {
  const blocks = featureBlocks(config)
  if (blocks.length === 0) return config.name
  const all = (values: number[]) => [...new Set(values)].join(', ')
  const strides = blocks.flatMap(({ pool }) => (pool ? [pool.stride] : []))
  const power = `power ${all(blocks.map((block) => block.power))}${strides.length > 0 ? `, pool stride ${all(strides)}` : ''}`
  return blocks.length === 1 ? power : `${blocks.length} blocks, ${power}`
}
