import { type Case, type Expected, f64, type Host, normals, type Proof, size } from './proof.js'
import { sumError64, U64 } from './rounding.js'

const random = (seed: number, shape: number[]): Host => f64(shape, normals(seed, size(shape)))

const row = ({ shape, data }: Host, i: number): Float64Array => data.subarray(i * shape[1]!, (i + 1) * shape[1]!)

const weighed = (name: string, targets: number, shares: number, k: number): Case => ({
  name,
  inputs: [random(targets, [targets, k]), random(shares + 9, [shares, k])],
})

/** Targets centred, as they are given. */
function centred(seed: number, targets: number, images: number): Host {
  const all = random(seed, [targets, images])
  for (let t = 0; t < targets; t++) {
    const own = row(all, t)
    const mean = own.reduce((a, b) => a + b, 0) / images
    own.forEach((v, i) => {
      own[i] = v - mean
    })
  }
  return all
}

function scored(
  name: string,
  fits: number,
  targets: number,
  images: number,
  rest = false,
  change?: (inputs: Host[]) => void,
): Case {
  const inputs = [
    random(images, [fits * targets, images]),
    centred(images + 1, targets, images),
    f64(
      [fits, images],
      normals(images + 2, fits * images).map((v) => 1 + v * v),
    ),
  ]
  change?.(inputs)
  return { name, inputs, options: { rest } }
}

/** What is predicted for the left-out images by fit l of target t. */
function predicted(c: Case, l: number, t: number): Float64Array {
  const [residual, measured, inverses] = c.inputs as [Host, Host, Host]
  const [m, inverse] = [row(measured, t), row(inverses, l)]
  return row(residual, l * measured.shape[0]! + t).map((e, i) => m[i]! - (c.options?.rest ? e + m[i]! : e) * inverse[i]!)
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, v, i) => sum + v * b[i]!, 0)

function score(values: Float64Array, measured: Float64Array): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  const deviations = values.map((v) => v - mean)
  const square = dot(deviations, deviations)
  const product = dot(deviations, measured)
  if (dot(measured, measured) === 0 || Number.isNaN(product)) return Number.NaN
  if (square <= values.length * (1e-14 * Math.max(...values.map(Math.abs))) ** 2) return 0
  return product / Math.sqrt(square * dot(measured, measured))
}

export const proofs: Proof[] = [
  {
    op: 'weigh_rows',
    cases: [weighed('one number', 1, 1, 1), weighed('[7,13] by [3,13]', 7, 3, 13), weighed('[5,257] by [11,257]', 5, 11, 257)],
    reference: (c) => {
      const [x, shares] = c.inputs as [Host, Host]
      const [targets, k] = x.shape as [number, number]
      const y = [...shares.data.keys()].flatMap((at) => (at % k === 0 ? [Math.floor(at / k)] : []))
      const rows = y.flatMap((l) => Array.from({ length: targets }, (_, t) => row(x, t).map((v, i) => v * row(shares, l)[i]!)))
      return {
        y: f64(
          [rows.length, k],
          rows.flatMap((values) => [...values]),
        ),
      }
    },
    budget: () => 0, // one rounding on either side
    refusals: [
      {
        name: 'shares of other columns',
        inputs: [random(1, [2, 3]), random(2, [2, 4])],
        error: 'ShapeError',
        argument: 'shares',
      },
    ],
  },
  {
    op: 'left_out_scores',
    cases: [
      scored('one image', 1, 1, 1),
      scored('two images', 3, 2, 2),
      scored('3 fits of 7 targets, 31 images', 3, 7, 31),
      scored('2 fits of 13 targets, 67 images, measured added', 2, 13, 67, true),
      scored('5 fits of 5 targets, 640 images', 5, 5, 640),
      scored('a target that is 0', 2, 3, 37, false, ([, measured]) => row(measured!, 1).fill(0)),
      scored('a prediction that is the same for all', 1, 2, 33, false, ([residual, measured, inverses]) => {
        row(inverses!, 0).fill(1)
        row(residual!, 1).set(row(measured!, 1).map((m) => m - 3))
      }),
      scored('NaN', 2, 3, 40, true, ([residual]) => {
        row(residual!, 4)[17] = Number.NaN
      }),
    ],
    reference: (c) => {
      const [measured, inverses] = c.inputs.slice(1) as [Host, Host]
      const [targets, fits] = [measured.shape[0]!, inverses.shape[0]!]
      const r = Array.from({ length: fits * targets }, (_, at) =>
        score(predicted(c, Math.floor(at / targets), at % targets), row(measured, at % targets)),
      )
      return { r: f64([fits, targets], r) }
    },
    // r is p m / (|p| |m|). An element of p, measured less a product, is off by 3 roundings of its parts, and all of p by so many of the norm of
    // these; its mean and the three sums by the errors of sums.
    budget: (_, index, expected: Expected, c) => {
      const measured = c.inputs[1]!
      const [targets, images] = measured.shape as [number, number]
      if (images === 1 || Number.isNaN(expected.r!.data[index]!)) return 0
      const [l, t] = [Math.floor(index / targets), index % targets]
      const values = predicted(c, l, t)
      const [own, inverse] = [row(measured, t), row(c.inputs[2]!, l)]
      const parts = values.map((v, i) => Math.abs(v) + Math.abs(own[i]!) * (1 + Math.abs(inverse[i]!)))
      const mean = values.reduce((a, b) => a + b, 0) / images
      const spread = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0))
      if (spread < 1e-12) return 0
      return (2 * (3 * U64 * Math.sqrt(dot(parts, parts)) + sumError64(images, Math.sqrt(dot(parts, parts))))) / spread
    },
    refusals: [
      {
        name: 'residuals of another number of fits',
        inputs: [random(1, [5, 3]), random(2, [2, 3]), random(3, [2, 3])],
        error: 'ShapeError',
        argument: 'residual',
      },
      {
        name: 'inverses of other images',
        inputs: [random(1, [4, 3]), random(2, [2, 3]), random(3, [2, 4])],
        error: 'ShapeError',
        argument: 'inverses',
      },
    ],
  },
]
