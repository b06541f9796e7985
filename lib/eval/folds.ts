// Which images a score is learned on and which it is measured on.
import { DataError } from '../errors.js'
import { shuffled } from '../random.js'

/** Image numbers of both sides, each ascending. */
export interface Split {
  train: Int32Array
  test: Int32Array
}

const stream = 0x666f6c64

/**
 * Splits by folds: the images, or their groups where there are any, in a drawn order; fold f tests every k-th of them from f on.
 * @param groups a number for each image; images of one are tested together
 * @param repeat which of a seed's orders
 * @throws {DataError} when there are fewer images or groups than folds
 */
export function foldsOf(
  op: string,
  count: number,
  folds: number,
  seed: number,
  groups: ArrayLike<number> | null,
  repeat = 0,
): Split[] {
  const members = new Map<number, number[]>()
  for (let i = 0; i < count; ++i) {
    const group = groups ? (groups[i] as number) : i
    const list = members.get(group)
    if (list) list.push(i)
    else members.set(group, [i])
  }
  if (members.size < folds)
    throw new DataError({
      op,
      argument: 'images',
      actual: `${members.size} ${groups ? 'groups of them' : 'of them'}`,
      expected: `at least one for each of ${folds} folds`,
    })
  const order = shuffled([...members.values()], repeat, stream, seed)
  const fold = new Int32Array(count)
  order.forEach((list, place) => {
    for (const i of list) fold[i] = place % folds
  })
  const all = Int32Array.from({ length: count }, (_, i) => i)
  return Array.from({ length: folds }, (_, f) => ({
    train: all.filter((i) => fold[i] !== f),
    test: all.filter((i) => fold[i] === f),
  }))
}

/** The same folds in words. */
export function describeFolds(folds: number, repeats: number, seed: number, groups: ArrayLike<number> | null): string {
  const drawn = `${folds} folds, every ${folds}th ${groups ? 'group of images, which stay together,' : 'image'} of an order drawn by seed ${seed}`
  return repeats === 1 ? drawn : `${drawn}, ${repeats} such orders`
}
