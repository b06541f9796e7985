// Where a readout's features come from: cached on the device where they fit the memory limit, else recomputed for every stretch of minibatches.
import type { ImageSet } from '../data/index.js'
import type { Device } from '../device.js'
import { OutOfMemoryError } from '../errors.js'
import { featureCount, LocalNet, type LocalNetConfig } from '../models/index.js'
import { add, copyRows, type ReadoutState, readoutLearn, readoutScore, reduce, scale, subtractRow } from '../ops/index.js'
import { Permutation } from '../random.js'
import { uploadImages } from '../run/batches.js'
import { type OnProgress, startPhase } from '../run/progress.js'
import { scope, Tensor } from '../tensor.js'

export interface FeatureRun {
  signal?: AbortSignal
  onProgress?: OnProgress
  /** Told once before features are computed: what they will need. */
  onPlan?: (text: string) => void
}

/** Bytes that a readout needs: features of all images as bf16, and weights with their moments. */
export function readoutMemory(images: number, features: number, classes: number): { cache: number; state: number } {
  return { cache: images * features * 2, state: 3 * classes * (features + 1) * 4 }
}

/** Images whose features give the mean that is taken off all of them. */
const meanImages = 2048

/** The features of an image set under one configuration: cached on the device, or computed as they are needed. */
export class FeatureSource {
  private net: LocalNet | null = null
  private cache: Tensor | null = null
  /** [D], taken off each image's features; null: they stay as they are. It belongs to the source. */
  mean: Tensor | null = null
  private key = ''

  constructor(
    private readonly set: ImageSet,
    private readonly layers: LocalNet,
    private readonly device: Device,
    private readonly memoryLimit: number | null,
    private readonly centre: boolean,
    private readonly run: FeatureRun,
  ) {}

  get features(): number {
    return featureCount((this.net as LocalNet).config)
  }

  async use(config: LocalNetConfig): Promise<void> {
    const key = JSON.stringify(config)
    if (key === this.key) return
    this.release()
    this.key = key
    this.net = new LocalNet({ ...config, classes: [] }, this.layers)
    const [n] = this.set.shape
    const { cache, state } = readoutMemory(n, this.features, config.classes.length)
    const limit = this.memoryLimit ?? defaultMemoryLimit(this.device)
    if (state > limit)
      throw new OutOfMemoryError(
        `trainReadout: a readout of ${this.features} features needs ${gigabytes(state)}, over the limit of ${gigabytes(limit)}; take a larger pool stride`,
      )
    const fits = cache + state <= limit
    this.run.onPlan?.(
      `${describeFeatures(config)}: ${this.features} features an image, ${gigabytes(cache)} for ${n} images as bf16; ` +
        (fits ? 'cached' : `over the limit of ${gigabytes(limit)}, so recomputed in every epoch`),
    )
    if (this.centre) this.mean = await this.meanOf(n)
    if (fits) this.cache = await this.compute(n)
  }

  /** Images whose features are worked on together: in float32 for a moment, and twice while a block is added to the others. */
  private get chunk(): number {
    return Math.max(32, Math.min(256, Math.floor(2 ** 23 / this.features)))
  }

  /** The mean of the features of images that are spread evenly over the set. */
  private async meanOf(n: number): Promise<Tensor> {
    const count = Math.min(n, meanImages)
    const rows = Int32Array.from({ length: count }, (_, i) => Math.floor((i * n) / count))
    let total = Tensor.zeros([this.features], { device: this.device })
    try {
      for (let first = 0; first < count; first += this.chunk) {
        this.run.signal?.throwIfAborted()
        const next = scope(() => {
          const images = uploadImages(this.set, rows.subarray(first, first + this.chunk), this.device)
          return add(total, reduce((this.net as LocalNet).features(images), { over: 'rows' }))
        })
        total.dispose()
        total = next
        await this.device.sync()
      }
      return scale(total, { factor: 1 / count })
    } finally {
      total.dispose()
    }
  }

  private async compute(n: number): Promise<Tensor> {
    const cache = this.rowsOf(n)
    const report = startPhase('features', 'images', n, 0, this.run.onProgress)
    const step = Math.max(this.chunk, 512)
    try {
      for (let first = 0; first < n; first += step) {
        this.run.signal?.throwIfAborted()
        const rows = Int32Array.from({ length: Math.min(step, n - first) }, (_, i) => first + i)
        this.fill(rows, cache, first)
        await this.device.sync()
        report(first + rows.length)
      }
    } catch (error) {
      cache.dispose()
      throw error
    }
    return cache
  }

  private rowsOf(n: number): Tensor {
    return Tensor.zeros([n, this.features], { dtype: 'bf16', device: this.device })
  }

  private featuresOf(rows: Int32Array): Tensor {
    const all = this.rowsOf(rows.length)
    this.fill(rows, all, 0)
    return all
  }

  /** Features of images `rows` of the set, less their mean, over the rows of `to` from `at`. */
  private fill(rows: Int32Array, to: Tensor, at: number): void {
    const net = this.net as LocalNet
    const { mean } = this
    for (let first = 0; first < rows.length; first += this.chunk)
      scope(() => {
        const images = uploadImages(this.set, rows.subarray(first, first + this.chunk), this.device)
        // The mean is taken off before rounding: what is left is smaller, and so is its error.
        const features = mean
          ? subtractRow(net.features(images), mean, { store: 'bf16' })
          : net.features(images, { store: 'bf16' })
        copyRows(features, to, { at: at + first })
      })
  }

  /** One epoch of minibatches over `rows`, in the order that the op's own permutation gives, cached or not. */
  async train(
    targets: Tensor,
    state: ReadoutState,
    rows: Int32Array,
    options: { learningRate: number; weightDecay: number; batch: number; totalSteps: number; seed: number },
    epoch: number,
    batches: number,
    onImages: (done: number) => void,
  ): Promise<{ loss: number; errors: number }> {
    const { batch } = options
    const order = this.cache ? null : new Permutation(rows.length, options.seed, epoch)
    // Short enough to stop soon after Ctrl-C, long enough that the call itself costs nothing.
    const stretch = Math.max(1, Math.floor((this.cache ? 5000 : 1000) / batch))
    const chosen = this.cache ? Tensor.from(rows, { device: this.device }) : null
    let loss = 0
    let errors = 0
    try {
      for (let first = 0; first < batches; first += stretch) {
        this.run.signal?.throwIfAborted()
        const steps = Math.min(stretch, batches - first)
        const part = { ...options, steps, firstStep: epoch * batches + first }
        const [l, e] = await scope(async () => {
          let result: { loss: Tensor; errors: Tensor }
          if (this.cache && chosen) {
            result = readoutLearn(this.cache, targets, state, part, chosen)
          } else {
            const picked = Int32Array.from(
              { length: steps * batch },
              (_, i) => rows[(order as Permutation).at(first * batch + i)] as number,
            )
            const labels = Int32Array.from(picked, (row) => (this.set.labels as Int32Array)[row] as number)
            result = readoutLearn(this.featuresOf(picked), Tensor.from(labels, { device: this.device }), state, {
              ...part,
              shuffle: false,
            })
          }
          return [(await result.loss.read()).data[0] ?? Number.NaN, (await result.errors.read()).data[0] ?? 0] as const
        })
        loss += l * steps
        errors += e
        onImages((first + steps) * batch)
      }
    } finally {
      chosen?.dispose()
    }
    return { loss: loss / batches, errors }
  }

  /** Share of wrong images among `rows`. */
  async errorRate(targets: Tensor, state: ReadoutState, rows: Int32Array): Promise<number> {
    let wrong = 0
    const chunk = this.cache ? rows.length : 512
    for (let first = 0; first < rows.length; first += chunk) {
      this.run.signal?.throwIfAborted()
      const part = rows.subarray(first, first + chunk)
      wrong += await scope(async () => {
        if (this.cache) {
          const { errors } = readoutScore(this.cache, targets, state, Tensor.from(part, { device: this.device }))
          return (await errors.read()).data[0] ?? 0
        }
        const labels = Int32Array.from(part, (row) => (this.set.labels as Int32Array)[row] as number)
        const { errors } = readoutScore(this.featuresOf(part), Tensor.from(labels, { device: this.device }), state)
        return (await errors.read()).data[0] ?? 0
      })
    }
    return wrong / rows.length
  }

  private release(): void {
    this.cache?.dispose()
    this.mean?.dispose()
    this.cache = null
    this.mean = null
  }

  dispose(): void {
    this.release()
  }
}

/** What a cache may take by default: most of the memory that nobody uses, since it is the largest thing that a run holds. */
function defaultMemoryLimit(device: Device): number {
  return device.kind === 'cpu' ? 0.75 * process.availableMemory() : 0.6 * device.memory
}

/** Powers and pool strides of a network's blocks, in words. */
export function describeFeatures({ blocks }: LocalNetConfig): string {
  const all = (values: number[]) => [...new Set(values)].join(', ')
  const power = `power ${all(blocks.map((block) => block.power))}, pool stride ${all(blocks.map((block) => block.pool.stride))}`
  return blocks.length === 1 ? power : `${blocks.length} blocks, ${power}`
}

const gigabytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`
