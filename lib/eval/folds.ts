// Which images a score is learned on and which it is measured on.
import { createHash } from 'node:crypto'
import type { Responses } from '../data/index.js'
import { DataError, OptionError } from '../errors.js'
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
  const place = `${folds}${['', '', 'nd', 'rd'][folds] ?? 'th'}`
  const drawn = `${folds} folds, every ${place} ${groups ? 'group of images, which stay together,' : 'image'} of an order drawn by seed ${seed}`
  return repeats === 1 ? drawn : `${drawn}, ${repeats} such orders`
}

/** What is known of images before responses to them are read. */
type About = Pick<Responses, 'name' | 'images' | 'imageNames' | 'groups'>

/**
 * The splits that a score asks for.
 * @param least parts of the images to learn from that every split must have
 * @throws {DataError} where there are too few images; {OptionError} for a split that is none
 */
export function splitsFor(
  op: string,
  about: About,
  {
    test,
    folds,
    repeats,
    seed,
  }: { test?: readonly (number | string)[] | undefined; folds: number; repeats: number; seed: number },
  least: number,
): { given: Split | null; splits: Split[] } {
  const { images, groups } = about
  const given = test ? givenSplit(op, about, test) : null
  const splits = given
    ? [given]
    : Array.from({ length: repeats }, (_, repeat) => foldsOf(op, images, folds, seed, groups, repeat)).flat()
  for (const { train } of splits) checkParts(op, about, train, least)
  return { given, splits }
}

/**
 * One split, of the images that are given for tests and all others.
 * @param test rows of images, or names; a name that is digits alone is a row where no image has such a name
 * @throws {OptionError} for an image that there is not, one that is given twice, no two images left on a side, or a group that lies on both
 */
export function givenSplit(op: string, { name, images, imageNames, groups }: About, test: readonly (number | string)[]): Split {
  const refuse = (actual: string, expected: string) => new OptionError({ op, argument: 'test', actual, expected })
  const named = new Map<string, number[]>()
  imageNames?.forEach((word, row) => {
    const rows = named.get(word)
    if (rows) rows.push(row)
    else named.set(word, [row])
  })
  const isNumbered = imageNames?.some((word) => /^\d+$/.test(word)) ?? false
  const tested = new Set<number>()
  for (const one of test) {
    const row = typeof one === 'number' ? one : !isNumbered && /^\d+$/.test(one) ? Number(one) : -1
    const rows = (typeof one === 'string' ? named.get(one) : undefined) ?? (row >= 0 && row < images ? [row] : [])
    if (rows.length === 0) {
      const range = `numbers from 0 to ${images - 1}`
      const names = imageNames
        ? `names of images of ${name}, such as '${imageNames[0]}'`
        : `images of ${name}, which have no names`
      throw refuse(
        typeof one === 'string' ? `'${one}'` : String(one),
        isNumbered && typeof one === 'string' ? names : `${names}, or ${range}`,
      )
    }
    for (const found of rows) {
      if (tested.has(found)) throw refuse(`${typeof one === 'string' ? `'${one}'` : one} twice`, 'each image once')
      tested.add(found)
    }
  }
  if (tested.size < 2 || images - tested.size < 2)
    throw refuse(`${tested.size} of the ${images} images of ${name}`, 'at least two of them, and two others to learn from')
  const all = Int32Array.from({ length: images }, (_, i) => i)
  const split = { train: all.filter((i) => !tested.has(i)), test: all.filter((i) => tested.has(i)) }
  if (groups) {
    const learned = new Set(Array.from(split.train, (i) => groups[i] as number))
    const parted = split.test.find((i) => learned.has(groups[i] as number))
    if (parted !== undefined) throw refuse(`a part of group ${groups[parted]}`, 'all images of a group, or none')
  }
  return split
}

/** The same split in words. */
export function describeGiven({ train, test }: Split): string {
  const digest = createHash('sha256').update(test).digest('hex').slice(0, 12)
  const first = Array.from(test.subarray(0, 3)).join(', ')
  return `one split, given: ${test.length} images tested (${first}${test.length > 3 ? ` ... ${test.at(-1)}` : ''}; their numbers' SHA-256 begins ${digest}), the other ${train.length} trained on`
}

/**
 * Refuses images to learn from that have too few parts to be left out one after another.
 * @throws {DataError}
 */
export function checkParts(
  op: string,
  { name, groups }: Pick<Responses, 'name' | 'groups'>,
  train: Int32Array,
  least: number,
): void {
  const parts = groups ? new Set(Array.from(train, (i) => groups[i])).size : train.length
  if (parts < least)
    throw new DataError({
      op,
      argument: name,
      actual: `${parts} ${groups ? 'groups of images' : 'images'} to learn from in one of the folds`,
      expected: `at least ${least}, of which each is left out to choose by (fewer folds leave fewer to learn from)`,
    })
}

/** Numbers that are in both ascending lists. */
export function both(a: Int32Array, b: Int32Array): Int32Array {
  const others = new Set(b)
  return a.filter((i) => others.has(i))
}
