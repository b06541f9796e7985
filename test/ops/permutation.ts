// The seeded permutation of native/core/random.h, written again for the references of readout_learn.

const mask = 0xffffffffn

/** Philox4x32-10 of the counter (low, high) under a key, all of 64 bits. */
function philox(low: bigint, high: bigint, key: bigint): number[] {
  let [c0, c1, c2, c3] = [low & mask, low >> 32n, high & mask, high >> 32n] as [bigint, bigint, bigint, bigint]
  let [k0, k1] = [key & mask, key >> 32n] as [bigint, bigint]
  for (let round = 0; round < 10; round++) {
    const p0 = 0xd2511f53n * c0
    const p1 = 0xcd9e8d57n * c2
    ;[c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, p1 & mask, (p0 >> 32n) ^ c3 ^ k1, p0 & mask]
    k0 = (k0 + 0x9e3779b9n) & mask
    k1 = (k1 + 0xbb67ae85n) & mask
  }
  return [c0, c1, c2, c3].map(Number)
}

function mix(value: number): number {
  let x = value >>> 0
  x ^= x >>> 16
  x = Math.imul(x, 0x7feb352d)
  x ^= x >>> 15
  x = Math.imul(x, 0x846ca68b)
  return (x ^ (x >>> 16)) >>> 0
}

/** Where place `index` of epoch `epoch` points to: a bijection of [0, count). */
export function permutation(count: number, seed: number, epoch: number): (index: number) => number {
  let columns = 1 // the largest odd number whose square is at most count
  while ((columns + 2) ** 2 <= count) columns += 2
  const rows = Math.ceil(count / columns)
  const keys = [0x7065726dn, 0x7065726en].flatMap((stream) => philox(BigInt(epoch), stream, BigInt(seed)))
  const add = (value: number, hash: number, modulus: number) => {
    const sum = value + Number((BigInt(hash) * BigInt(modulus)) >> 32n)
    return sum >= modulus ? sum - modulus : sum
  }
  return (start) => {
    let index = start
    do {
      let left = Math.floor(index / columns)
      let right = index % columns
      for (let round = 0; round < 8; round += 2) {
        left = add(left, mix(right + (keys[round] as number)), rows)
        right = add(right, mix(left + (keys[round + 1] as number)), columns)
      }
      index = left * columns + right
    } while (index >= count)
    return index
  }
}
