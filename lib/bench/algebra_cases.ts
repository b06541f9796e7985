// Cases of linear algebra: float64 products, covariances and eigenvalues. The limit is that of float32; work in float64 asks twice of it.
import { covariance } from '../ops/covariance.js'
import { eigh } from '../ops/eigh.js'
import { matmul } from '../ops/linear.js'
import { Tensor } from '../tensor.js'
import type { BenchCase } from './case.js'
import { uniform } from './data.js'

const centred = (seed: number, count: number): Float32Array => uniform(seed, count).map((x) => x - 0.5)

export function gemm64(size: number): BenchCase {
  return {
    op: 'gemm_f64',
    name: `${size} x ${size} x ${size}`,
    sizes: { size },
    unit: 'flops',
    units: 2 * size ** 3,
    limit: { kind: 'fma', amount: 4 * size ** 3 },
    peer: false,
    tolerance: 0,
    open: (device) => {
      const factor = (seed: number): Tensor =>
        Tensor.from(Float64Array.from(centred(seed, size * size)), { shape: [size, size], device })
      const [a, b] = [factor(1), factor(2)]
      return {
        run: (repetitions) => {
          for (let i = 0; i < repetitions; i++) matmul(a, b).dispose()
        },
        dispose: () => {
          a.dispose()
          b.dispose()
        },
      }
    },
  }
}

/** A stream of chunks of rows. */
export function covarianceStream(rows: number, width: number): BenchCase {
  return {
    op: 'covariance',
    name: `D=${width}, chunks of ${rows}`,
    sizes: { rows, width },
    unit: 'rows',
    units: rows,
    limit: { kind: 'fma', amount: rows * width ** 2 }, // half of the products
    peer: false,
    tolerance: 0,
    open: (device) => {
      const x = Tensor.from(centred(1, rows * width), { shape: [rows, width], device })
      const state = covariance(x)
      return {
        run: (repetitions) => {
          for (let i = 0; i < repetitions; i++) covariance(x, { state })
        },
        dispose: () => {
          for (const t of [x, state.mean, state.moments]) t.dispose()
        },
      }
    },
  }
}

/** All values and vectors of a Gram matrix. */
export function eigenvectors(width: number, dtype: 'f32' | 'f64'): BenchCase {
  return {
    op: 'eigh',
    name: `${dtype} D=${width}`,
    sizes: { width },
    unit: 'matrices',
    units: 1,
    // 4/3 D^3 to tridiagonal form, at most 4/3 D^3 in the merges, 2 D^3 back.
    limit: { kind: 'fma', amount: (dtype === 'f64' ? 2 : 1) * (14 / 3) * width ** 3 },
    peer: false,
    tolerance: 0,
    open: (device) => {
      const values = centred(1, 2 * width * width)
      const x = Tensor.from(dtype === 'f64' ? Float64Array.from(values) : values, { shape: [2 * width, width], device })
      const a = matmul(x, x, { transposeA: true })
      x.dispose()
      return {
        run: (repetitions) => {
          for (let i = 0; i < repetitions; i++) for (const t of Object.values(eigh(a))) t.dispose()
        },
        dispose: () => a.dispose(),
      }
    },
  }
}
