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
    sizes: { rows: size, inner: size, columns: size },
    unit: 'flops',
    units: 2 * size ** 3,
    limit: { kind: 'fma', amount: 4 * size ** 3 },
    peer: true,
    // Products of multiples of 2^-24 add up exactly; the norm that is compared, 2^20 squares in one sum, is off by up to 2^10 * 2^-53.
    tolerance: 1e-13,
    open: (device) => {
      const factor = (seed: number): Tensor =>
        Tensor.from(Float64Array.from(centred(seed, size * size)), { shape: [size, size], device })
      const [a, b] = [factor(1), factor(2)]
      return {
        run: (repetitions) => {
          for (let i = 0; i < repetitions; i++) matmul(a, b).dispose()
        },
        result: async () => {
          const c = matmul(a, b)
          const { data } = await c.read()
          c.dispose()
          return data
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
    peer: true,
    // Float32 sums of so many products: sqrt(4000) * 2^-24 of the largest.
    tolerance: 4e-6,
    open: (device) => {
      const x = Tensor.from(centred(1, rows * width), { shape: [rows, width], device })
      const state = covariance(x)
      return {
        run: (repetitions) => {
          for (let i = 0; i < repetitions; i++) covariance(x, { state })
        },
        // Of this chunk and one of another mean.
        result: async () => {
          using other = Tensor.from(uniform(2, rows * width), { shape: [rows, width], device })
          const fresh = covariance(x)
          const { data } = await covariance(other, { state: fresh }).moments.read()
          for (const t of [fresh.mean, fresh.moments]) t.dispose()
          return data
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
  const rows = 2 * width
  return {
    op: 'eigh',
    name: `${dtype} D=${width}`,
    sizes: { rows, width, bits: dtype === 'f64' ? 64 : 32 },
    unit: 'matrices',
    units: 1,
    // 4/3 D^3 to tridiagonal form, at most 4/3 D^3 in the merges, 2 D^3 back.
    limit: { kind: 'fma', amount: (dtype === 'f64' ? 2 : 1) * (14 / 3) * width ** 3 },
    peer: true,
    // Solvers are right to about sqrt(D) roundings of the largest eigenvalue and at worst to some D (cuSOLVER, D = 1200: 140), 2^-24 each or
    // 2^-53, and each side makes the matrix itself, by sums of 2 D products in its element type: sqrt(D) again.
    tolerance: dtype === 'f64' ? width * 2 ** -53 : 4e-6,
    open: (device) => {
      const values = centred(1, rows * width)
      const x = Tensor.from(dtype === 'f64' ? Float64Array.from(values) : values, { shape: [rows, width], device })
      const a = matmul(x, x, { transposeA: true })
      x.dispose()
      return {
        run: (repetitions) => {
          for (let i = 0; i < repetitions; i++) for (const t of Object.values(eigh(a))) t.dispose()
        },
        result: async () => {
          const { values, vectors } = eigh(a)
          const { data } = await values.read()
          for (const t of [values, vectors]) t.dispose()
          return data
        },
        dispose: () => a.dispose(),
      }
    },
  }
}
