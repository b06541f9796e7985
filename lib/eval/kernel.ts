// Features of images as the regressions want them: centred on the images that they learn from, as inner products of images where features outnumber
// these, else as the features themselves.
import type { Device } from '../device.js'
import type { Split } from './folds.js'
import { columnMeans, columnsOf, type Matrix, matrix, product, rowsOf, withoutRow } from './matrix.js'

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

/** Some columns of features as doubles, shifted by `shift` and divided by `scale`. */
function widened(
  { size, data }: FeatureRows,
  rows: Int32Array,
  first: number,
  count: number,
  shift: Float64Array,
  scale?: Float64Array,
): Matrix {
  const out = matrix(rows.length, count)
  for (let i = 0, to = 0; i < rows.length; ++i) {
    const from = (rows[i] as number) * size + first
    for (let j = 0; j < count; ++j, ++to) {
      const value = (data[from + j] as number) - (shift[first + j] as number)
      out.data[to] = scale ? value / (scale[first + j] as number) : value
    }
  }
  return out
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
    const shift = meansOf(features, all)
    // What is taken off here changes no centred product but keeps its digits.
    if (features.size <= features.count)
      return new Kernel(features, device, null, widened(features, all, 0, features.size, shift))
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
    return { form: 'products', ...centred(columnsOf(rowsOf(all, train), train), columnsOf(rowsOf(all, test), train)) }
  }

  private async scaledSplit(train: Int32Array, test: Int32Array): Promise<CentredSplit> {
    const { features, device } = this
    const means = meansOf(features, train)
    const scale = deviationsOf(features, train, means)
    if (features.size <= train.length) {
      const of = (rows: Int32Array) => widened(features, rows, 0, features.size, means, scale)
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
  const out = matrix(a.length, b.length)
  for (let first = 0; first < features.size; first += stretch) {
    const count = Math.min(stretch, features.size - first)
    const left = widened(features, a, first, count, shift, scale)
    const right = a === b ? left : widened(features, b, first, count, shift, scale)
    const part = await product(left, right, device, { transposeB: true })
    for (let i = 0; i < out.data.length; ++i) out.data[i] = (out.data[i] as number) + (part.data[i] as number)
  }
  return out
}

/** Inner products of training images among themselves, and of others with them, moved to the mean of the training images. */
function centred(train: Matrix, test: Matrix): { train: Matrix; test: Matrix } {
  const means = columnMeans(train)
  const mean = means.reduce((sum, value) => sum + value, 0) / means.length
  const shifted = (from: Matrix, rowMeans: Float64Array): Matrix => {
    const out = matrix(from.rows, from.columns)
    for (let i = 0, at = 0; i < from.rows; ++i)
      for (let j = 0; j < from.columns; ++j, ++at)
        out.data[at] = (from.data[at] as number) - ((rowMeans[i] as number) + (means[j] as number)) + mean
    return out
  }
  const rowMeans = Float64Array.from(
    { length: test.rows },
    (_, i) => test.data.subarray(i * test.columns, (i + 1) * test.columns).reduce((sum, value) => sum + value, 0) / test.columns,
  )
  return { train: shifted(train, means), test: shifted(test, rowMeans) }
}
