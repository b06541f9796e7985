// Features of images as the regressions want them: centred on the images that they learn from, as inner products of images where features outnumber
// these, else as the features themselves.
import type { Device } from '../device.js'
import { matmul } from '../ops/index.js'
import type { Tensor } from '../tensor.js'
import type { Split } from './folds.js'
import { columnMeans, columnsOf, download, type Matrix, matrix, product, rowsOf, upload, withoutRow } from './matrix.js'

/** Features of images, one row an image. */
export interface FeatureRows {
  readonly count: number
  /** Numbers an image. */
  readonly size: number
  /** [count, size] */
  readonly data: Float32Array
}

/** Centred on the mean of the training images: their inner products, or the features themselves. */
export type CentredSplit = { form: 'products'; train: Matrix; test: Matrix } | { form: 'features'; train: Matrix; test: Matrix }

/** Columns that are widened to doubles at a time. */
const stretch = 2048

/** Some columns of features as doubles, shifted by `shift` and divided by `scale`, in `wide` where that is given. */
function widened(
  { size, data }: FeatureRows,
  rows: Int32Array,
  [first, count]: readonly [number, number],
  shift: Float64Array,
  scale?: Float64Array,
  wide = new Float64Array(rows.length * count),
): Matrix {
  const end = first + count
  for (let i = 0, to = 0; i < rows.length; ++i) {
    const from = (rows[i] as number) * size
    if (scale)
      for (let j = first; j < end; ++j, ++to)
        wide[to] = ((data[from + j] as number) - (shift[j] as number)) / (scale[j] as number)
    else for (let j = first; j < end; ++j, ++to) wide[to] = (data[from + j] as number) - (shift[j] as number)
  }
  return matrix(rows.length, count, wide)
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
export interface Kernels {
  /** @param options scale: features divided by their standard deviations over the training images */
  split(split: Split, options?: { scale?: boolean }): Promise<CentredSplit>
}

/** The features of several layers beside each other, scaled so that each layer has the same variance over the training images: the mean of theirs. */
export const joined = (parts: readonly Kernels[], device: Device): Kernels => ({
  async split(split, options) {
    const each: { train: Matrix; test: Matrix; trace: number }[] = []
    for (const part of parts) {
      const { form, ...own } = await part.split(split, options)
      const train = form === 'products' ? own.train : await product(own.train, own.train, device, { transposeB: true })
      const test = form === 'products' ? own.test : await product(own.test, own.train, device, { transposeB: true })
      let trace = 0
      for (let i = 0; i < train.rows; ++i) trace += train.data[i * (train.rows + 1)] as number
      each.push({ train, test, trace })
    }
    const mean = each.reduce((sum, { trace }) => sum + trace, 0) / each.length
    const sum = (of: 'train' | 'test'): Matrix => {
      const { rows, columns } = (each[0] as (typeof each)[number])[of]
      const out = matrix(rows, columns)
      for (const part of each) {
        const factor = part.trace > 0 ? mean / part.trace : 0
        for (let at = 0; at < out.data.length; ++at)
          out.data[at] = (out.data[at] as number) + factor * (part[of].data[at] as number)
      }
      return out
    }
    return { form: 'products', train: sum('train'), test: sum('test') }
  },
})

/** The features of one layer. */
export class Kernel implements Kernels {
  private constructor(
    private readonly features: FeatureRows,
    private readonly device: Device,
    /** Of all images, centred on all of them; null where images outnumber features. */
    private readonly products: Matrix | null,
    private readonly whole: Matrix | null,
  ) {}

  /** @param features kept, not copied */
  static async of(features: FeatureRows, device: Device): Promise<Kernel> {
    const all = Int32Array.from({ length: features.count }, (_, i) => i)
    // What is taken off here changes no centred product but keeps its digits: the mean of some images is near enough to that of all.
    const shift = meansOf(
      features,
      all.filter((i) => i % 16 === 0),
    )
    if (features.size <= features.count)
      return new Kernel(features, device, null, widened(features, all, [0, features.size], shift))
    return new Kernel(features, device, await productsOf(features, all, all, device, shift), null)
  }

  async split({ train, test }: Split, options: { scale?: boolean } = {}): Promise<CentredSplit> {
    if (options.scale) return this.scaledSplit(train, test)
    if (this.whole) {
      const learned = rowsOf(this.whole, train)
      const means = columnMeans(learned)
      return { form: 'features', train: withoutRow(learned, means), test: withoutRow(rowsOf(this.whole, test), means) }
    }
    const all = this.products as Matrix
    return { form: 'products', ...centred(columnsOf(all, train, train), columnsOf(all, train, test)) }
  }

  private async scaledSplit(train: Int32Array, test: Int32Array): Promise<CentredSplit> {
    const { features, device } = this
    const means = meansOf(features, train)
    const scale = deviationsOf(features, train, means)
    if (features.size <= train.length) {
      const of = (rows: Int32Array) => widened(features, rows, [0, features.size], means, scale)
      return { form: 'features', train: of(train), test: of(test) }
    }
    return {
      form: 'products',
      train: await productsOf(features, train, train, device, means, scale),
      test: await productsOf(features, test, train, device, means, scale),
    }
  }
}

/** Inner products [a, b] of images, summed over stretches of features. */
async function productsOf(
  features: FeatureRows,
  a: Int32Array,
  b: Int32Array,
  device: Device,
  shift: Float64Array,
  scale?: Float64Array,
): Promise<Matrix> {
  let out: Matrix | null = null
  // Features pass through the same memory to the device: as much anew for each stretch would set the garbage collector to work.
  const passage = new Float64Array(Math.max(a.length, b.length) * Math.min(stretch, features.size))
  for (let first = 0; first < features.size; first += stretch) {
    const count = Math.min(stretch, features.size - first)
    const uploaded = (rows: Int32Array): Tensor =>
      upload(widened(features, rows, [first, count], shift, scale, passage.subarray(0, rows.length * count)), device)
    using left = uploaded(a)
    using right = a === b ? left : uploaded(b)
    using products = matmul(left, right, { transposeB: true })
    const part = await download(products)
    if (out) add(out.data, part.data)
    else out = part
  }
  return out ?? matrix(a.length, b.length)
}

function add(to: Float64Array, from: Float64Array): void {
  for (let i = 0; i < to.length; ++i) to[i] = (to[i] as number) + (from[i] as number)
}

/** Inner products of training images among themselves, and of others with them, moved to the mean of the training images, in place. */
function centred(train: Matrix, test: Matrix): { train: Matrix; test: Matrix } {
  const means = columnMeans(train)
  const mean = means.reduce((sum, value) => sum + value, 0) / means.length
  for (const { rows, columns, data } of [train, test])
    for (let i = 0; i < rows; ++i) {
      const [from, end] = [i * columns, (i + 1) * columns]
      let sum = 0
      for (let at = from; at < end; ++at) sum += data[at] as number
      const own = sum / columns
      for (let at = from, j = 0; at < end; ++at, ++j) data[at] = (data[at] as number) - (own + (means[j] as number)) + mean
    }
  return { train, test }
}
