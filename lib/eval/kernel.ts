// Features of images as the regressions want them: centred on the images that they learn from, as inner products of images where features outnumber
// these, else as the features themselves.
import type { Device } from '../device.js'
import { matmul, standardise } from '../ops/index.js'
import { Tensor } from '../tensor.js'
import type { Split } from './folds.js'
import { columnMeans, columnsOf, download, type Matrix, matrix, product, rowMeans, rowsOf, withoutRow } from './matrix.js'

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
    // What is taken off here changes no centred product but keeps its digits: the mean of some images is near enough to that of all.
    const some = Int32Array.from({ length: Math.ceil(features.count / 16) }, (_, i) => 16 * i)
    const standard = { shift: meansOf(features, some) }
    if (features.size <= features.count) return new Kernel(features, device, null, await wholly(features, null, standard, device))
    return new Kernel(features, device, await productsOf(features, null, null, standard, device), null)
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
    const shift = meansOf(features, train)
    const standard = { shift, scale: deviationsOf(features, train, shift) }
    if (features.size <= train.length) {
      const of = (rows: Int32Array) => wholly(features, rows, standard, device)
      return { form: 'features', train: await of(train), test: await of(test) }
    }
    return {
      form: 'products',
      train: await productsOf(features, train, train, standard, device),
      test: await productsOf(features, test, train, standard, device),
    }
  }
}

/** All columns of some rows, or of all. */
async function wholly(features: FeatureRows, rows: Int32Array | null, standard: Standard, device: Device): Promise<Matrix> {
  using wide = widened(features, rows, [0, features.size], standard, device)
  return download(wide)
}

/** Inner products [a, b] of images (null: of all), summed over stretches of features. */
async function productsOf(
  features: FeatureRows,
  a: Int32Array | null,
  b: Int32Array | null,
  standard: Standard,
  device: Device,
): Promise<Matrix> {
  let out: Matrix | null = null
  const most = Math.max(a?.length ?? features.count, b?.length ?? features.count)
  const isWhole = !a && !b && features.size <= stretch
  // Features pass through the same memory to the device: as much anew for each stretch would set the garbage collector to work.
  const passage = isWhole ? undefined : new Float32Array(most * Math.min(stretch, features.size))
  for (let first = 0; first < features.size; first += stretch) {
    const columns = [first, Math.min(stretch, features.size - first)] as const
    using left = widened(features, a, columns, standard, device, passage)
    using right = a === b ? left : widened(features, b, columns, standard, device, passage)
    using products = matmul(left, right, { transposeB: true })
    const part = await download(products)
    if (out) add(out.data, part.data)
    else out = part
  }
  return out as Matrix
}

function add(to: Float64Array, from: Float64Array): void {
  for (let i = 0; i < to.length; ++i) to[i] = (to[i] as number) + (from[i] as number)
}

/** Inner products of training images among themselves, and of others with them, moved to the mean of the training images, in place. */
function centred(train: Matrix, test: Matrix): { train: Matrix; test: Matrix } {
  const means = rowMeans(train)
  const mean = means.reduce((sum, value) => sum + value, 0) / means.length
  const move = ({ columns, data }: Matrix, own: Float64Array): void => {
    for (let i = 0, at = 0; i < own.length; ++i) {
      const mine = own[i] as number
      for (let j = 0; j < columns; ++j, ++at) data[at] = (data[at] as number) - (mine + (means[j] as number)) + mean
    }
  }
  move(test, rowMeans(test))
  move(train, means)
  return { train, test }
}
