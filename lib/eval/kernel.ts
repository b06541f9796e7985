// Features of images as the regressions want them: centred on the images that they learn from, as inner products of images where features outnumber
// these, else as the features themselves.
import type { Device } from '../device.js'
import { add, centredProducts, matmul, scale, standardise } from '../ops/index.js'
import { scope, Tensor } from '../tensor.js'
import type { Split } from './folds.js'

/** Features of images, one row an image. */
export interface FeatureRows {
  readonly count: number
  /** Numbers an image. */
  readonly size: number
  /** [count, size] */
  readonly data: Float32Array
}

/** Centred on the mean of the training images: the inner products of these and of others with them, or the features of both; f64 on the device. */
export class CentredSplit implements Disposable {
  constructor(
    readonly form: 'products' | 'features',
    /** [training images, training images or features] */
    readonly train: Tensor,
    /** [other images, training images or features] */
    readonly test: Tensor,
  ) {}

  [Symbol.dispose](): void {
    this.train.dispose()
    this.test.dispose()
  }
}

/** Columns that are widened to doubles at a time. */
const stretch = 2048

/** What columns of features are shifted and divided by. */
interface Standard {
  shift: Float64Array
  scale?: Float64Array
}

/** Some columns of some rows (null: of all), standardised, as doubles on the device. `passage` is what they may pass through. */
function widened(
  { size, data }: FeatureRows,
  rows: Int32Array | null,
  [first, count]: readonly [number, number],
  { shift, scale }: Standard,
  device: Device,
  passage?: Float32Array,
): Tensor {
  let chosen = data
  if (rows || count < size) {
    const height = rows?.length ?? data.length / size
    chosen = passage?.subarray(0, height * count) ?? new Float32Array(height * count)
    for (let i = 0; i < height; ++i) {
      const from = (rows ? (rows[i] as number) : i) * size + first
      chosen.set(data.subarray(from, from + count), i * count)
    }
  }
  const columns = (values: Float64Array): Tensor => Tensor.from(values.subarray(first, first + count), { device })
  using narrow = Tensor.from(chosen, { shape: [chosen.length / count, count], device })
  using mean = columns(shift)
  using deviation = scale ? columns(scale) : null
  return standardise(narrow, mean, deviation)
}

function meansOf({ size, data }: FeatureRows, rows: Int32Array): Float64Array {
  const means = new Float64Array(size)
  for (const row of rows) for (let j = 0; j < size; ++j) means[j] = (means[j] as number) + (data[row * size + j] as number)
  return means.map((sum) => sum / rows.length)
}

/** Standard deviations (n - 1) around the means; 1 of a constant feature. */
function deviationsOf({ size, data }: FeatureRows, rows: Int32Array, means: Float64Array): Float64Array {
  const squares = new Float64Array(size)
  for (const row of rows)
    for (let j = 0; j < size; ++j)
      squares[j] = (squares[j] as number) + ((data[row * size + j] as number) - (means[j] as number)) ** 2
  return squares.map((sum) => Math.sqrt(sum / (rows.length - 1)) || 1)
}

/** What regressions ask of features. */
export interface Kernels extends Disposable {
  /** @param options scale: features divided by their standard deviations over the training images */
  split(split: Split, options?: { scale?: boolean }): Promise<CentredSplit>
}

/**
 * The features of several layers beside each other, scaled so that each layer has the same variance over the training images: the mean of theirs.
 * @param parts let go of with what is returned
 */
export const joined = (parts: readonly Kernels[]): Kernels => ({
  async split(split, options) {
    const each: { train: Tensor; test: Tensor; trace: number }[] = []
    try {
      for (const part of parts) {
        using own = await part.split(split, options)
        const of = (images: Tensor): Tensor =>
          own.form === 'products' ? images.reshape(images.shape) : matmul(images, own.train, { transposeB: true })
        const products = { train: of(own.train), test: of(own.test), trace: 0 }
        each.push(products)
        const { data } = await products.train.read()
        for (let i = 0; i < data.length; i += split.train.length + 1) products.trace += data[i] as number
      }
      const mean = each.reduce((sum, { trace }) => sum + trace, 0) / each.length
      const sum = (of: 'train' | 'test'): Tensor =>
        scope(() =>
          each
            .map((part) => scale(part[of], { factor: part.trace > 0 ? mean / part.trace : 0 }))
            .reduce((total, part) => add(total, part)),
        )
      return new CentredSplit('products', sum('train'), sum('test'))
    } finally {
      for (const { train, test } of each) for (const tensor of [train, test]) tensor.dispose()
    }
  },
  [Symbol.dispose]() {
    for (const part of parts) part[Symbol.dispose]()
  },
})

/** The features of one layer. */
export class Kernel implements Kernels {
  private constructor(
    private readonly features: FeatureRows,
    private readonly device: Device,
    /** Of all images, centred near all of them; null where images outnumber features. */
    private readonly products: Tensor | null,
  ) {}

  /** @param features kept, not copied */
  static async of(features: FeatureRows, device: Device): Promise<Kernel> {
    if (features.size <= features.count) return new Kernel(features, device, null)
    // What is taken off here changes no centred product but keeps its digits: the mean of some images is near enough to that of all.
    const some = Int32Array.from({ length: Math.ceil(features.count / 16) }, (_, i) => 16 * i)
    return new Kernel(features, device, await productsOf(features, null, null, { shift: meansOf(features, some) }, device))
  }

  async split({ train, test }: Split, options: { scale?: boolean } = {}): Promise<CentredSplit> {
    const { features, device, products } = this
    if (products && !options.scale) {
      using learned = Tensor.from(train, { device })
      using others = Tensor.from(test, { device })
      return new CentredSplit('products', centredProducts(products, learned, learned), centredProducts(products, others, learned))
    }
    const shift = meansOf(features, train)
    const standard = { shift, ...(options.scale && { scale: deviationsOf(features, train, shift) }) }
    if (!options.scale || features.size <= train.length) {
      const of = (rows: Int32Array) => widened(features, rows, [0, features.size], standard, device)
      return new CentredSplit('features', of(train), of(test))
    }
    const of = (rows: Int32Array) => productsOf(features, rows, train, standard, device)
    return new CentredSplit('products', await of(train), await of(test))
  }

  [Symbol.dispose](): void {
    this.products?.dispose()
  }
}

/** Inner products [a, b] of images (null: of all), summed over stretches of features. */
async function productsOf(
  features: FeatureRows,
  a: Int32Array | null,
  b: Int32Array | null,
  standard: Standard,
  device: Device,
): Promise<Tensor> {
  const most = Math.max(a?.length ?? features.count, b?.length ?? features.count)
  const isWhole = !a && !b && features.size <= stretch
  // Features pass through the same memory to the device: as much anew for each stretch would set the garbage collector to work.
  const passage = isWhole ? undefined : new Float32Array(most * Math.min(stretch, features.size))
  let total: Tensor | null = null
  for (let first = 0; first < features.size; first += stretch) {
    // The device holds one stretch at a time.
    if (first > 0) await device.sync()
    const columns = [first, Math.min(stretch, features.size - first)] as const
    using left = widened(features, a, columns, standard, device, passage)
    using right = a === b ? left : widened(features, b, columns, standard, device, passage)
    const part = matmul(left, right, { transposeB: true })
    if (!total) {
      total = part
      continue
    }
    using before = total
    using own = part
    total = add(before, own)
  }
  return total as Tensor
}
