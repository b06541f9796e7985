// Arrays of numbers from MATLAB's files of version 5 (those of `save` without -v7.3), with or without compression.
import { constants, inflateSync } from 'node:zlib'
import { DataError } from '../../errors.js'
import { fileKind } from '../../io/file_kind.js'
import { readWhole } from '../files.js'

/** An array as MATLAB holds it. */
export interface MatArray {
  readonly shape: readonly number[]
  /** The first axis changes fastest. */
  readonly data: Float64Array
}

const expected = 'a MAT file of version 5'
const headerBytes = 128
const matrix = 14
const compressed = 15

/** Bytes and reading of the storage types of numbers, by their number. */
const storage: Record<number, readonly [bytes: number, read: (view: DataView, at: number, isLittle: boolean) => number]> = {
  1: [1, (view, at) => view.getInt8(at)],
  2: [1, (view, at) => view.getUint8(at)],
  3: [2, (view, at, isLittle) => view.getInt16(at, isLittle)],
  4: [2, (view, at, isLittle) => view.getUint16(at, isLittle)],
  5: [4, (view, at, isLittle) => view.getInt32(at, isLittle)],
  6: [4, (view, at, isLittle) => view.getUint32(at, isLittle)],
  7: [4, (view, at, isLittle) => view.getFloat32(at, isLittle)],
  9: [8, (view, at, isLittle) => view.getFloat64(at, isLittle)],
  12: [8, (view, at, isLittle) => Number(view.getBigInt64(at, isLittle))],
  13: [8, (view, at, isLittle) => Number(view.getBigUint64(at, isLittle))],
}
/** Classes of arrays that hold numbers, one a place: double, single, and integers of 8 to 64 bits. */
const isNumeric = (kind: number): boolean => kind >= 6 && kind <= 15
const complexFlag = 0x08

interface Element {
  type: number
  data: Buffer
  /** Where the next one starts. */
  next: number
}

/** The elements of a file or of a matrix. */
class Elements {
  constructor(
    private readonly bytes: Buffer,
    private readonly isLittle: boolean,
    private readonly damaged: (what: string) => DataError,
  ) {}

  private word(at: number): number {
    if (at + 4 > this.bytes.length) throw this.damaged(`cut off after ${this.bytes.length} bytes`)
    return this.isLittle ? this.bytes.readUInt32LE(at) : this.bytes.readUInt32BE(at)
  }

  at(position: number): Element {
    const first = this.word(position)
    // What has room in four bytes lies beside its type and size.
    const isSmall = first >>> 16 !== 0
    const type = isSmall ? first & 0xffff : first
    const size = isSmall ? first >>> 16 : this.word(position + 4)
    const begin = position + (isSmall ? 4 : 8)
    if (begin + size > this.bytes.length || (isSmall && size > 4)) throw this.damaged(`cut off in an element of ${size} bytes`)
    const data = this.bytes.subarray(begin, begin + size)
    const end = isSmall ? position + 8 : begin + size
    return { type, data, next: type === compressed ? end : Math.ceil(end / 8) * 8 }
  }

  *all(from: number): Generator<Element, void, void> {
    for (let at = from; at < this.bytes.length; ) {
      const element = this.at(at)
      yield element
      at = element.next
    }
  }
}

/**
 * Reads arrays of numbers by their names; what else the file holds is passed over.
 * @throws {DataError} naming the file: no MAT file of version 5, damaged, or without one of the arrays
 */
export async function readMat<Name extends string>(
  op: string,
  path: string,
  names: readonly Name[],
): Promise<Record<Name, MatArray>> {
  const bytes = await readWhole(op, path, expected)
  const refuse = (actual: string, wanted = expected, cause?: unknown) =>
    new DataError({ op, argument: path, actual, expected: wanted }, { cause })
  const text = bytes.subarray(0, 116).toString('latin1')
  if (text.startsWith('MATLAB 7.3')) throw refuse('a MAT file of version 7.3, which is HDF5', `${expected} (save it with '-v7')`)
  const mark = bytes.subarray(126, headerBytes).toString('latin1')
  const isLittle = mark === 'IM'
  const version = mark === 'IM' || mark === 'MI' ? (isLittle ? bytes.readUInt16LE(124) : bytes.readUInt16BE(124)) : 0
  if (version !== 0x0100) {
    const { what, actual, remedy } = fileKind(bytes, 'no MAT file')
    throw refuse(what === 'a MAT file' ? 'a MAT file of another version' : actual, expected + remedy)
  }
  const damaged = (what: string, cause?: unknown) => refuse(`damaged (${what})`, expected, cause)
  const inflate = (data: Buffer): Buffer => {
    try {
      return inflateSync(data, { finishFlush: constants.Z_SYNC_FLUSH })
    } catch (cause) {
      throw damaged((cause as Error).message, cause)
    }
  }

  const found = new Map<string, MatArray>()
  for (const outer of new Elements(bytes, isLittle, damaged).all(headerBytes)) {
    const element = outer.type === compressed ? new Elements(inflate(outer.data), isLittle, damaged).at(0) : outer
    if (element.type !== matrix) continue
    const [name, array] = readMatrix(new Elements(element.data, isLittle, damaged), isLittle, names, damaged)
    if (array) found.set(name, array)
  }
  for (const name of names)
    if (!found.has(name)) throw refuse(`without an array of real numbers called '${name}'`, `one with ${names.join(', ')}`)
  return Object.fromEntries(found) as Record<Name, MatArray>
}

/** A matrix's name and, where it is one of those wanted and made of real numbers, what it holds. */
function readMatrix(
  parts: Elements,
  isLittle: boolean,
  names: readonly string[],
  damaged: (what: string) => DataError,
): [name: string, array: MatArray | null] {
  const flags = parts.at(0)
  const extents = parts.at(flags.next)
  const label = parts.at(extents.next)
  const name = label.data.toString('latin1')
  if (flags.data.length < 8 || extents.type !== 5) throw damaged('a matrix without its class and extents')
  const word = isLittle ? flags.data.readUInt32LE(0) : flags.data.readUInt32BE(0)
  if (!names.includes(name) || !isNumeric(word & 0xff) || (word >>> 8) & complexFlag) return [name, null]
  const numbers = ({ type, data }: Element): Float64Array => {
    const [size, read] = storage[type] ?? []
    if (!size || !read) throw damaged(`'${name}' of unknown type ${type}`)
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
    return Float64Array.from({ length: data.length / size }, (_, i) => read(view, i * size, isLittle))
  }
  const shape = Array.from(numbers(extents))
  const data = numbers(parts.at(label.next))
  const count = shape.reduce((product, extent) => product * extent, 1)
  if (data.length !== count) throw damaged(`'${name}' of ${data.length} numbers for [${shape}]`)
  return [name, { shape, data }]
}
