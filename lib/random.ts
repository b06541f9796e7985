// The counter-based random numbers of native/core/random.h, bit for bit, for what is random on the host: initial weights, data
// splits, test references. Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
import { refuseUnknown } from './options.js'

const TWO_32 = 2 ** 32

/** The upper 32 bits of the 64-bit product of two unsigned 32-bit numbers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  // Each partial sum is below 2^33: exact in a double.
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const cross = aLow * bHigh + (middle % 0x10000)
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(cross / 0x10000)) >>> 0
}

export type Words2 = readonly [number, number]
export type Words4 = readonly [number, number, number, number]

/**
 * Philox4x32-10: four unsigned 32-bit numbers that are a fixed, well mixed function of a counter and a key.
 * @param counter four unsigned 32-bit words, the lowest first
 * @param key two unsigned 32-bit words, the lowest first
 */
export function philox([c0, c1, c2, c3]: Words4, [k0, k1]: Words2): [number, number, number, number] {
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0)
    const low0 = Math.imul(0xd2511f53, c0) >>> 0
    const high1 = multiplyHigh(0xcd9e8d57, c2)
    const low1 = Math.imul(0xcd9e8d57, c2) >>> 0
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c1 = low1
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c3 = low0
    k0 = (k0 + 0x9e3779b9) >>> 0
    k1 = (k1 + 0xbb67ae85) >>> 0
  }
  return [c0, c1, c2, c3]
}

/** Low and high word of a whole number from 0 to 2^53 - 1. */
export function words(value: number, name: string): Words2 {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`${name} is ${value}; expected a whole number from 0 to 2^53 - 1`)
  return [value % TWO_32, Math.floor(value / TWO_32)]
}

function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
  return (x ^ (x >>> 16)) >>> 0
}

/**
 * A shuffled order of 0 ... count - 1 without a list: a bijection that depends on a seed and an epoch, the one by which
 * `hebbianLearn` visits the windows of its images. A mixed-radix Feistel network on index = left * columns + right.
 */
export class Permutation {
  readonly count: number
  private readonly rows: number
  private readonly columns: number
  private readonly keys: number[]

  /**
   * @param count from 1 to 2^52
   * @param seed whole number from 0 to 2^53 - 1
   * @param epoch whole number; taken modulo 2^32
   * @throws RangeError
   */
  constructor(count: number, seed: number, epoch = 0) {
    if (!Number.isSafeInteger(count) || count < 1 || count > 2 ** 52)
      throw new RangeError(`count is ${count}; expected a whole number from 1 to 2^52`)
    this.count = count
    // The largest number whose square is at most count: squares near 2^53 are compared in doubles, which err only far beyond any count.
    let side = 0
    for (let bit = 2 ** 31; bit >= 1; bit /= 2) if ((side + bit) ** 2 <= count) side += bit
    this.columns = side
    this.rows = Math.ceil(count / side)
    const key = words(seed, 'seed')
    const low = words(epoch, 'epoch')[0]
    this.keys = [...philox([low, 0, 0x7065726d, 0], key), ...philox([low, 0, 0x7065726e, 0], key)]
  }

  /** The number at place `index` of the order, from 0 to count - 1. */
  at(index: number): number {
    if (!Number.isInteger(index) || index < 0 || index >= this.count)
      throw new RangeError(`index is ${index}; expected a whole number from 0 to ${this.count - 1}`)
    const { rows, columns, keys } = this
    do {
      let left = Math.floor(index / columns)
      let right = index % columns
      for (let round = 0; round < 8; round += 2) {
        left = (left + multiplyHigh(mix((right + (keys[round] as number)) >>> 0), rows)) % rows
        right = (right + multiplyHigh(mix((left + (keys[round + 1] as number)) >>> 0), columns)) % columns
      }
      index = left * columns + right
    } while (index >= this.count)
    return index
  }
}

/**
 * Numbers from the normal distribution (mean 0, variance 1), rounded to float32: Box-Muller on Philox. Counter i under the key `seed`
 * gives numbers 4i ... 4i + 3, so that a longer array begins with the shorter one. With a and b the words of a pair,
 * sqrt(-2 ln((a + 1) / 2^32)) times the cosine, then the sine, of 2 pi b / 2^32; none is beyond 6.67.
 * @param seed whole number from 0 to 2^53 - 1
 * @param count how many
 * @param options first: place of the first number in the series, a multiple of 4, default 0; stream: 32 bits that choose one of a seed's series
 */
export function normals(seed: number, count: number, options: { first?: number; stream?: number } = {}): Float32Array {
  refuseUnknown('normals', options, ['first', 'stream'])
  const { first = 0, stream = 0x6e6f726d } = options
  const key = words(seed, 'seed')
  words(count, 'count')
  if (first % 4 !== 0) throw new RangeError(`first is ${first}; expected a multiple of 4`)
  const out = new Float32Array(count)
  for (let i = 0; i < count; i += 4) {
    const [low, high] = words((first + i) / 4, 'counter')
    const word = philox([low, high, stream, 0], key)
    for (let pair = 0; pair < 4; pair += 2) {
      const radius = Math.sqrt(-2 * Math.log(((word[pair] as number) + 1) / TWO_32))
      const angle = (2 * Math.PI * (word[pair + 1] as number)) / TWO_32
      if (i + pair < count) out[i + pair] = radius * Math.cos(angle)
      if (i + pair + 1 < count) out[i + pair + 1] = radius * Math.sin(angle)
    }
  }
  return out
}
/** Four random unsigned 32-bit numbers: a fixed function of a counter, a stream and a seed (whole numbers; the stream below 2^32). */
export function draw(counter: number, stream: number, seed: number): Words4 {
  const [low, high] = words(counter, 'counter')
  return philox([low, high, stream, 0], words(seed, 'seed'))
}

/** The items in a drawn order (Fisher and Yates; at most 2^32 of them, evenly to within items / 2^32). */
export function shuffled<T>(items: readonly T[], counter: number, stream: number, seed: number): T[] {
  const order = [...items]
  for (let last = order.length - 1; last > 0; --last) {
    const other = Math.floor((draw(counter, stream + last, seed)[0] / 2 ** 32) * (last + 1))
    ;[order[last], order[other]] = [order[other] as T, order[last] as T]
  }
  return order
}
