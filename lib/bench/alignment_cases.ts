// Cases of alignment with responses: regressions in float64, from the features of images to what is predicted for images that were not
// learned from. The limit is that of float32; work in float64 asks twice of it.
import type { Device } from '../device.js'
import type { Split } from '../eval/folds.js'
import { type CentredSplit, type FeatureRows, Kernel } from '../eval/kernel.js'
import { type Matrix, matrix } from '../eval/matrix.js'
import { fitPls } from '../eval/pls.js'
import { ridge } from '../eval/ridge.js'
import type { BenchCase, OpenCase } from './case.js'
import { uniform } from './data.js'

interface AlignmentSizes extends Record<string, number> {
  learned: number
  others: number
  features: number
  targets: number
}

interface AlignmentData {
  features: FeatureRows
  split: Split
  /** Responses to the images that are learned from. */
  y: Matrix
}

/** The variance of features falls as 1 / (1 + j); a target follows two of them, and noise. */
function dataOf({ learned, others, features: size, targets }: AlignmentSizes): AlignmentData {
  const count = learned + others
  const scale = Float32Array.from({ length: size }, (_, j) => 1 / Math.sqrt(1 + j))
  const data = uniform(1, count * size).map((x, i) => (x - 0.5) * (scale[i % size] as number))
  const noise = uniform(2, learned * targets)
  const y = matrix(
    learned,
    targets,
    Float64Array.from(noise, (u, i) => {
      const at = Math.floor(i / targets) * size + (i % targets)
      return (data[at] as number) + (data[at + targets] as number) + (u - 0.5) / 4
    }),
  )
  const rows = (first: number, length: number): Int32Array => Int32Array.from({ length }, (_, i) => first + i)
  return { features: { count, size, data }, split: { train: rows(0, learned), test: rows(learned, others) }, y }
}

function opened(
  device: Device,
  sizes: AlignmentSizes,
  predict: (split: CentredSplit, y: Matrix) => Promise<{ prediction: Matrix }>,
): OpenCase {
  const { features, split, y } = dataOf(sizes)
  const predicted = async (): Promise<Float64Array> => {
    using kernel = await Kernel.of(features, device)
    using centred = await kernel.split(split)
    return (await predict(centred, y)).prediction.data
  }
  return {
    run: async (repetitions) => {
      for (let i = 0; i < repetitions; i++) await predicted()
    },
    result: predicted,
    dispose: () => {},
  }
}

const sizes = { learned: 640, others: 160, features: 2000, targets: 100 } as const
const name = `${sizes.learned} images, ${sizes.features} features, ${sizes.targets} targets`

/** Half of the inner products of the images that are learned from, and all of those of the others with them. */
const products = (sizes.learned ** 2 + 2 * sizes.others * sizes.learned) * sizes.features

/** Ridge regression, its penalty, one of 8, chosen by leaving out each image. */
export function ridgeLeaveOneOut(): BenchCase {
  const lambdas = Array.from({ length: 8 }, (_, i) => 10 ** (i - 4))
  const { learned, others, targets } = sizes
  const decomposition = (14 / 3) * learned ** 3 // as in op eigh
  const leftOut = 2 * learned ** 2 * (targets * (1 + lambdas.length) + lambdas.length)
  const prediction = 2 * learned * targets * (learned + others)
  return {
    op: 'ridge',
    name: `${name}, ${lambdas.length} penalties by leave-one-out`,
    sizes: { ...sizes, lambdas: lambdas.length },
    unit: 'fits',
    units: 1,
    limit: { kind: 'fma', amount: 2 * (products + decomposition + leftOut + prediction) },
    peer: true,
    // The largest square of a feature is some 60 times the penalty that is chosen, 1: 60 sqrt(640) * 2^-53 = 2e-13. The penalties beside it
    // would move a prediction by 0.2.
    tolerance: 1e-12,
    open: (device) => opened(device, sizes, (split, y) => ridge(split, y, { lambdas, lambda: 'shared', groups: null }, device)),
  }
}

/** Partial least squares. */
export function partialLeastSquares(components: number): BenchCase {
  const { learned, others, targets } = sizes
  const settings = { components, scale: false, tolerance: 1e-6, iterations: 500 }
  return {
    op: 'pls',
    name: `${name}, ${components} components`,
    sizes: { ...sizes, components },
    unit: 'fits',
    units: 1,
    // Of each component: a product with the inner products, and what deflates the responses and their images.
    limit: {
      kind: 'fma',
      amount: 2 * (products + 2 * learned ** 2 * (targets + components) + 2 * others * learned * components),
    },
    peer: true,
    // Sums of 2,000 products in float64, sqrt(2000) * 2^-53 = 5e-15, in each of 25 components, which inherit the errors of those before. An
    // iteration that ends one step earlier moves the weights by up to 1e-3.
    tolerance: 1e-12,
    open: (device) => opened(device, sizes, (split, y) => fitPls(split, y, settings, device)),
  }
}
