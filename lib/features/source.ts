// Where a readout's features come from: the outputs of a network's layer, cached on the device. Those of the images that do not fit the memory
// limit are computed again for every stretch of minibatches, into rows that the cache has to spare.
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

/** Images whose features are made at once where they are not cached; or as many as a minibatch has, if that is more. */
const spareRows = 1000

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
  /** Images of a minibatch. */
  batch: number
}

/** What {@link FeatureSource.train} is told of an epoch. */
export interface EpochSettings {
  learningRate: number
  weightDecay: number
  batch: number
  totalSteps: number
  seed: number
}

/** Rows of the cache, i32, and the classes of all of its rows. */
class Held {
  constructor(
    readonly rows: Tensor,
    readonly labels: Tensor,
  ) {}
  [Symbol.dispose](): void {
    this.rows.dispose()
    this.labels.dispose()
  }
}

/** The features of images under one configuration of a network: cached on the device, or computed as they are needed. */
export class FeatureSource {
  private net: Network | null = null
  /** Of the first images, and rows to spare where those are not all. */
  private cache: Tensor | null = null
  private cached = 0
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
    const { at, memoryLimit, classes, batch } = this.settings
    this.net = new Network(cutAt(config, at), { device: this.device, state: this.state })
    const [n] = this.images.shape
    const { cache, state } = readoutMemory(n, this.features, classes)
    const limit = checkMemory(this.features, classes, memoryLimit, this.device)
    const each = cache / n
    const spare = Math.min(n, Math.max(spareRows, batch))
    const fits = cache + state <= limit
    this.cached = fits ? n : Math.max(0, Math.floor((limit - state) / each) - spare)
    const share = Math.floor((100 * this.cached) / n)
    const { onPlan } = this.run
    if (onPlan)
      onPlan(
        `${describeFeatures(config)}: ${this.features} features an image, ${memoryText(cache)} for ${n} images as bf16; ` +
          `about ${duration(n * (await this.secondsEach()))} to compute; ` +
          (fits
            ? 'cached'
            : `over the limit of ${memoryText(limit)}, so ${share} % are cached and the others recomputed in every epoch`),
      )
    this.mean = this.settings.centre ? await this.meanOf(n) : Tensor.zeros([this.features], { device: this.device })
    this.cache = this.rowsOf(fits ? n : this.cached + spare)
    if (this.cached === 0) return
    const report = startPhase('features', 'images', this.cached, 0, this.run.onProgress)
    await this.fill(range(0, this.cached), 0, report)
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

  private rowsOf(n: number): Tensor {
    return Tensor.empty([n, this.features], 'bf16', this.device)
  }

  /** Features of images, less their mean, into the cache from row `at` on. */
  private async fill(rows: Int32Array, at: number, report?: (done: number) => void): Promise<void> {
    let done = 0
    for await (const { rows: piece, pixels } of this.pieces(rows)) {
      using features = await this.featuresOf(pixels)
      // The mean is taken off before rounding: what is left is smaller, and so is its error.
      const to = { at: at + done }
      scope(() => copyRows(subtractRow(features, this.mean as Tensor, { store: 'bf16' }), this.cache as Tensor, to))
      done += piece.length
      await this.device.sync()
      report?.(done)
    }
  }

  /** Rows of the cache that hold the features of images, and its labels; those that it lacks are computed. The caller's. */
  private async hold(images: Int32Array): Promise<Held> {
    const missing = images.filter((image) => image >= this.cached)
    let next = this.cached
    const rows = images.map((image) => (image < this.cached ? image : next++))
    await this.fill(missing, this.cached)
    const labels = new Int32Array((this.cache as Tensor).shape[0] as number)
    labels.set(this.labels.subarray(0, this.cached))
    labels.set(
      missing.map((image) => this.labels[image] as number),
      this.cached,
    )
    return new Held(Tensor.from(rows, { device: this.device }), Tensor.from(labels, { device: this.device }))
  }

  private get holdsAll(): boolean {
    return this.cached === this.images.shape[0]
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
    const cache = this.cache as Tensor
    const order = new Permutation(rows.length, seed, epoch)
    // Short enough to stop soon after Ctrl-C and to hold few features, long enough that the call itself costs nothing.
    const stretch = Math.max(1, Math.floor((this.holdsAll ? 5000 : spareRows) / batch))
    let loss = 0
    let errors = 0
    using all = this.holdsAll ? await this.hold(rows) : null
    for (let first = 0; first < batches; first += stretch) {
      this.run.signal?.throwIfAborted()
      const steps = Math.min(stretch, batches - first)
      const part = { ...settings, steps, firstStep: epoch * batches + first, shuffle: all !== null }
      const picked = () => Int32Array.from({ length: steps * batch }, (_, i) => rows[order.at(first * batch + i)] as number)
      using own = all ? null : await this.hold(picked())
      const held = all ?? (own as Held)
      const result = readoutLearn(cache, held.labels, state, part, held.rows)
      using l = result.loss
      using e = result.errors
      loss += ((await l.read()).data[0] ?? Number.NaN) * steps
      errors += (await e.read()).data[0] ?? 0
      onImages((first + steps) * batch)
    }
    return { loss: loss / batches, errors }
  }

  /** Share of wrong images among `rows`. */
  async errorRate(state: ReadoutState, rows: Int32Array): Promise<number> {
    let wrong = 0
    const chunk = this.holdsAll ? rows.length : spareRows
    for (let first = 0; first < rows.length; first += chunk) {
      this.run.signal?.throwIfAborted()
      using held = await this.hold(rows.subarray(first, first + chunk))
      const errors = scope(() => readoutScore(this.cache as Tensor, held.labels, state, held.rows).errors)
      wrong += (await errors.read()).data[0] ?? 0
      errors.dispose()
    }
    return wrong / rows.length
  }

  private release(): void {
    for (const held of [this.net, this.cache, this.mean]) held?.dispose()
    this.net = null
    this.cache = null
    this.cached = 0
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
