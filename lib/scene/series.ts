// The endless series of images that a seed stands for, and what of it one set can hold.
import { OptionError, OutOfMemoryError } from '../errors.js'

const lastNumber = Number.MAX_SAFE_INTEGER

/**
 * Refuses a set that no series holds.
 * @throws {OptionError} for a first image whose set would end beyond number 2^53 - 1
 */
export function checkSeries(op: string, { first, count }: { first: number; count: number }): void {
  const expected = `at most ${lastNumber - count}, so that first + count is at most 2^53 - 1`
  if (first > lastNumber - count) throw new OptionError({ op, argument: 'first', actual: String(first), expected })
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
