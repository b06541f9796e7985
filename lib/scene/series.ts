// The endless series of images that a seed stands for, and what of it one set can hold.
import { OptionError, OutOfMemoryError } from '../errors.js'

/** Images are numbered in 32 bits, and those of a series in 53. */
const mostImages = 2 ** 31 - 1
const lastNumber = Number.MAX_SAFE_INTEGER

/**
 * Refuses a set that no series holds.
 * @throws {OptionError} for more than 2^31 - 1 images, or a first one whose set would end beyond number 2^53 - 1
 */
export function checkSeries(op: string, { first, count }: { first: number; count: number }): void {
  const refuse = (argument: string, actual: number, expected: string) =>
    new OptionError({ op, argument, actual: String(actual), expected })
  if (count > mostImages) throw refuse('count', count, `at most ${mostImages}`)
  if (first > lastNumber - count)
    throw refuse('first', first, `at most ${lastNumber - count}, so that first + count is at most 2^53 - 1`)
}

/** The number of the image `after` places behind a set; after the last one of the series comes the first. */
export function numberAfter({ first, count }: { first: number; count: number }, after: number): number {
  const left = lastNumber - first - count
  return after <= left ? first + count + after : after - left - 1
}

/**
 * Refuses columns of so many images that they would not fit into memory.
 * @param bytes of one image
 * @throws {OutOfMemoryError}
 */
export function checkColumns(op: string, count: number, bytes: number): void {
  const [needed, free] = [count * bytes, process.availableMemory()]
  if (needed <= free) return
  const said = (number: number) => Math.floor(number).toLocaleString('en')
  throw new OutOfMemoryError({
    op,
    argument: 'count',
    actual: `${count}, for whose targets ${said(needed)} bytes are needed`,
    expected: `images for whose targets the ${said(free)} bytes of free memory are enough`,
  })
}
