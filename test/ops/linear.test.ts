// What a Gram matrix by `matmul` promises beside its values: half the work, the same bits.
import { describe, expect, it } from 'vitest'
import { testDevice } from '../../lib/device.js'
import { matmul } from '../../lib/ops/index.js'
import { Tensor } from '../../lib/tensor.js'
import { normals } from './proof.js'

const device = testDevice('cpu')

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
      expect(Buffer.compare(Buffer.from(gram.buffer), Buffer.from(full.buffer))).toBe(0)
      const side = Math.sqrt(gram.length)
      expect(Array.from(gram.keys()).filter((i) => gram[i] !== gram[(i % side) * side + Math.floor(i / side)])).toEqual([])
    }
  })
})
