// Inputs that this process and a Python peer make alike from a seed (bench/peers/data.py is the other half), and what is compared.

/** Numbers in [0, 1), multiples of 2^-24: element i is the 32-bit mix of i + seed * 2654435769. */
export function uniform(seed: number, count: number): Float32Array {
  const values = new Float32Array(count)
  const start = Math.imul(seed, 0x9e3779b9)
  for (let i = 0; i < count; i++) {
    let x = (i + start) >>> 0
    x ^= x >>> 16
    x = Math.imul(x, 0x85ebca6b)
    x ^= x >>> 13
    x = Math.imul(x, 0xc2b2ae35)
    x ^= x >>> 16
    values[i] = (x >>> 8) * 2 ** -24
  }
  return values
}

/** Rate of learning while timing: weights stay as they are however many steps are timed. */
export const still = 1e-6

/** The same rows with length 1, in place. */
export function unitRows(values: Float32Array, columns: number): Float32Array {
  for (let row = 0; row < values.length; row += columns) {
    let sum = 0
    for (let i = row; i < row + columns; i++) sum += (values[i] as number) ** 2
    const length = Math.sqrt(sum)
    for (let i = row; i < row + columns; i++) values[i] = (values[i] as number) / length
  }
  return values
}

/** What two sides compare of a result: its size, Euclidean norm, and 64 elements, evenly spread. */
export interface Summary {
  size: number
  norm: number
  sample: number[]
}

export function summarise(values: ArrayLike<number>): Summary {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) ** 2
  const sample = Array.from({ length: 64 }, (_, i) => values[Math.floor((i * values.length) / 64)] as number)
  return { size: values.length, norm: Math.sqrt(sum), sample }
}

/** Largest difference of two summaries, as a share of the expected result's largest sampled element (or of its norm). */
export function difference(actual: Summary, expected: Summary): number {
  if (actual.size !== expected.size) return Number.POSITIVE_INFINITY
  const scale = Math.max(...expected.sample.map(Math.abs), expected.norm / Math.sqrt(expected.size))
  const worst = Math.max(...expected.sample.map((x, i) => Math.abs(x - (actual.sample[i] as number)))) / scale
  const result = Math.max(worst, Math.abs(actual.norm - expected.norm) / expected.norm)
  return Number.isNaN(result) ? Number.POSITIVE_INFINITY : result
}
