import { philox, type Words4, words } from '../random.js'

/** Four random unsigned 32-bit numbers: a fixed function of a counter, a stream and a seed (whole numbers; the stream below 2^32). */
export function draw(counter: number, stream: number, seed: number): Words4 {
  return philox([...words(counter, 'counter'), stream, 0], words(seed, 'seed'))
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
