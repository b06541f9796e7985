// Values that a network's tensors start with.
import { DataError } from '../errors.js'
import type { Safetensor } from '../io/index.js'
import { normals, Permutation, philox, words } from '../random.js'
import { volume } from './extent.js'
import type { Initialise } from './layer.js'

/** Given values. */
export function fromState(state: ReadonlyMap<string, Safetensor>): Initialise {
  return ({ name, shape }) => {
    const found = state.get(name)
    if (found?.dtype === 'F32' && found.shape.join() === shape.join()) return found.data as Float32Array
    const actual = found ? `${found.dtype} [${found.shape}]` : 'missing'
    throw new DataError({ op: 'Network', argument: name, actual, expected: `F32 [${shape}]` })
  }
}

/** Numbers of its own for each parameter, numbered in the order of the layers. See `networkConfig` for the two ways. */
export function fromSeed(seed: number, init: 'fan-in' | 'he'): Initialise {
  let drawn = 0
  return ({ shape, role, fanIn }) => {
    const count = volume(shape)
    if (role === 'one') return new Float32Array(count).fill(1)
    if (role === 'zero' || (role === 'bias' && init === 'he')) return new Float32Array(count)
    const number = drawn++
    if (init === 'he') {
      const values = normals(new Permutation(2 ** 48, seed, number).at(number), count)
      const spread = Math.sqrt(2 / fanIn)
      return values.map((v) => v * spread)
    }
    const bound = 1 / Math.sqrt(fanIn)
    const key = words(seed, 'seed')
    const values = new Float32Array(count)
    for (let i = 0; i < count; i += 4)
      philox([i / 4, number, 0x696e6974, 0], key).forEach((word, j) => {
        if (i + j < count) values[i + j] = bound * ((2 * (word + 0.5)) / 2 ** 32 - 1)
      })
    return values
  }
}
