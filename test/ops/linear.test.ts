// What `matmul` promises beside its values: a Gram matrix is half the work, and the same bits; so are those of any number of threads.
import { describe, expect, it } from 'vitest'
import { setThreads, testDevice, threads } from '../../lib/device.js'
import { matmul } from '../../lib/ops/index.js'
import { Tensor } from '../../lib/tensor.js'
import { normals } from './proof.js'

const device = testDevice('cpu')
const bits = (a: ArrayLike<number> & ArrayBufferView): Buffer => Buffer.from(a.buffer, a.byteOffset, a.byteLength)

describe.each(['f32', 'f64'] as const)('a matrix by its own transpose, %s', (dtype) => {
  // Smaller and larger than a block of rows (112, 120) and of columns (480); more than one block of the depth.
  it.each([
    [1, 3],
    [37, 1200],
    [131, 19],
    [517, 1031],
  ])('[%i,%i] has the bits of a product of two tensors', async (n, d) => {
    const values = normals(n, n * d)
    const data = dtype === 'f32' ? Float32Array.from(values) : Float64Array.from(values)
    const a = Tensor.from(data, { shape: [n, d], device })
    const copy = Tensor.from(data, { shape: [n, d], device })
    for (const options of [{ transposeB: true }, { transposeA: true }]) {
      const gram = (await matmul(a, a, options).read()).data
      const full = (await matmul(a, copy, options).read()).data
      expect(Buffer.compare(bits(gram), bits(full))).toBe(0)
      const side = Math.sqrt(gram.length)
      expect(Array.from(gram.keys()).filter((i) => gram[i] !== gram[(i % side) * side + Math.floor(i / side)])).toEqual([])
    }
  })
})

// A vector and few of them, along and across the rows of a matrix; few rows and few columns, shallow and deep.
it.each([
  [1, 70, 4101],
  [2, 4500, 50],
  [300, 3, 2100],
  [100, 100, 1000],
  [40, 20, 5000],
  [100, 300, 400],
  [200, 50, 300],
])('[%i,%i] of depth %i has the same bits with 1, 2, 3 and 5 threads', async (m, n, depth) => {
  const before = threads()
  for (const transposeA of [false, true])
    for (const transposeB of [false, true]) {
      const a = Tensor.from(Float32Array.from(normals(1, m * depth)), { shape: transposeA ? [depth, m] : [m, depth], device })
      const b = Tensor.from(Float32Array.from(normals(2, n * depth)), { shape: transposeB ? [n, depth] : [depth, n], device })
      const results: Buffer[] = []
      try {
        for (const count of [1, 2, 3, 5]) {
          setThreads(count)
          results.push(bits((await matmul(a, b, { transposeA, transposeB }).read()).data))
        }
      } finally {
        setThreads(before)
      }
      for (const result of results) expect(Buffer.compare(result, results[0] as Buffer)).toBe(0)
    }
})
