// NumPy's .npy files: numbers and truth values of any of its types, orders of bytes and of axes are read; float32, float64, int32 and uint8 written.
import { DataError, ShapeError } from '../errors.js'
import { writeAtomic } from './atomic.js'
import { describeReadError } from './file_errors.js'
import { fileKind } from './file_kind.js'
import { openFile } from './regular_file.js'

export type NpyData = Float32Array | Float64Array | Int32Array | Uint8Array

/** NumPy's names of the element types that are read. */
export type NpyDtype =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'float16'
  | 'float32'
  | 'float64'

/** An array as a .npy file holds it, in C order; `ndarray(data, shape)` wraps it without a copy. */
export interface NpyArray {
  /**
   * Every value as the file has it: bool (0 and 1) and uint8 in bytes, integers of up to 32 bits with a sign or 16 without in an Int32Array,
   * float16 and float32 in a Float32Array, all others in a Float64Array.
   */
  data: NpyData
  shape: number[]
  /** The element type in the file. */
  dtype: NpyDtype
}

/** What can be written: contiguous data with its shape, or an `ndarray`, whose strides are honoured. */
export interface NpySource {
  data: NpyData
  shape: readonly number[]
  stride?: readonly number[] | undefined
  offset?: number | undefined
}

const magic = '\x93NUMPY'
const kinds = {
  '<f4': Float32Array,
  '<f8': Float64Array,
  '<i4': Int32Array,
  '|u1': Uint8Array,
} as const
type Descr = keyof typeof kinds

function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1)
}

/** The elements in C order; copies only where the strides ask for it. */
function packed(source: NpySource): NpyData {
  const { data, shape, offset = 0 } = source
  const count = product(shape)
  const rowMajor = shape.map((_, axis) => product(shape.slice(axis + 1)))
  const stride = source.stride ?? rowMajor
  if (shape.some((extent) => !Number.isSafeInteger(extent) || extent < 0) || stride.length !== shape.length)
    throw new ShapeError({
      op: 'encodeNpy',
      argument: 'shape',
      actual: `[${shape.join(',')}]`,
      expected: 'extents of 0 or more, one stride each',
    })
  if (stride.every((step, axis) => step === rowMajor[axis] || (shape[axis] as number) <= 1)) {
    const whole = source.stride === undefined ? data.length - offset === count : data.length - offset >= count
    if (!whole)
      throw new ShapeError({
        op: 'encodeNpy',
        argument: 'data',
        actual: `${data.length} elements`,
        expected: `${count} for [${shape.join(',')}]`,
      })
    return data.subarray(offset, offset + count)
  }
  const out = new (data.constructor as new (length: number) => NpyData)(count)
  const index = shape.map(() => 0)
  for (let to = 0, from = offset; to < count; ++to) {
    const value = data[from]
    if (value === undefined)
      throw new ShapeError({
        op: 'encodeNpy',
        argument: 'data',
        actual: `${data.length} elements`,
        expected: `element ${from}, by shape and stride`,
      })
    out[to] = value
    for (let axis = shape.length - 1; axis >= 0; --axis) {
      from += stride[axis] as number
      if (++(index[axis] as number) < (shape[axis] as number)) break
      from -= (shape[axis] as number) * (stride[axis] as number)
      index[axis] = 0
    }
  }
  return out
}

/**
 * The bytes of a .npy file: version 1.0 (2.0 where the header is too long for it), C order, data aligned to 64 bytes.
 * @throws ShapeError when data and shape do not match
 */
export function encodeNpy(source: NpySource): Uint8Array {
  const data = packed(source)
  const descr = (Object.keys(kinds) as Descr[]).find((key) => data instanceof kinds[key])
  if (!descr) {
    const expected = 'a Float32Array, Float64Array, Int32Array or Uint8Array'
    throw new ShapeError({ op: 'encodeNpy', argument: 'data', actual: Object.prototype.toString.call(data), expected })
  }
  const header = npyHeader(descr, source.shape)
  const bytes = new Uint8Array(header.length + data.byteLength)
  bytes.set(header)
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), header.length)
  return bytes
}

/** @internal What stands before the data, which it aligns to 64 bytes. */
export function npyHeader(descr: Descr, shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`
  const version = text.length + 11 + 64 > 65_535 ? 2 : 1
  const prefix = version === 1 ? 10 : 12
  const bytes = Buffer.alloc(Math.ceil((prefix + text.length + 1) / 64) * 64, ' ')
  bytes.write(magic, 'latin1')
  bytes.writeUInt16BE(version << 8, 6)
  if (version === 1) bytes.writeUInt16LE(bytes.length - prefix, 8)
  else bytes.writeUInt32LE(bytes.length - prefix, 8)
  bytes.write(text, prefix, 'latin1')
  bytes[bytes.length - 1] = 0x0a
  return bytes
}

/** How the bytes of one element type are read; big-endian ones are turned beforehand. */
interface ElementType {
  name: NpyDtype
  size: 1 | 2 | 4 | 8
  /** @returns null where a value does not fit */
  read(bytes: ArrayBuffer): NpyData | null
}

/** float16 as NumPy has it, IEEE 754's binary16; every value is one of float32. */
function fromHalf(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023]
  const size =
    exponent === 31
      ? fraction
        ? Number.NaN
        : Infinity
      : exponent
        ? (1 + fraction / 1024) * 2 ** (exponent - 15)
        : fraction * 2 ** -24
  return bits & 0x8000 ? -size : size
}

/** Integers of 64 bits as numbers; null when one of them is none. */
function fromBig(values: BigInt64Array | BigUint64Array): Float64Array | null {
  const numbers = new Float64Array(values.length)
  for (let i = 0; i < numbers.length; i++) {
    const value = values[i] as bigint
    numbers[i] = Number(value)
    if (BigInt(numbers[i] as number) !== value) return null
  }
  return numbers
}

const elementTypes: Record<string, ElementType> = {
  b1: { name: 'bool', size: 1, read: (bytes) => new Uint8Array(bytes).map((x) => (x ? 1 : 0)) },
  i1: { name: 'int8', size: 1, read: (bytes) => Int32Array.from(new Int8Array(bytes)) },
  i2: { name: 'int16', size: 2, read: (bytes) => Int32Array.from(new Int16Array(bytes)) },
  i4: { name: 'int32', size: 4, read: (bytes) => new Int32Array(bytes) },
  i8: { name: 'int64', size: 8, read: (bytes) => fromBig(new BigInt64Array(bytes)) },
  u1: { name: 'uint8', size: 1, read: (bytes) => new Uint8Array(bytes) },
  u2: { name: 'uint16', size: 2, read: (bytes) => Int32Array.from(new Uint16Array(bytes)) },
  u4: { name: 'uint32', size: 4, read: (bytes) => Float64Array.from(new Uint32Array(bytes)) },
  u8: { name: 'uint64', size: 8, read: (bytes) => fromBig(new BigUint64Array(bytes)) },
  f2: { name: 'float16', size: 2, read: (bytes) => Float32Array.from(new Uint16Array(bytes), fromHalf) },
  f4: { name: 'float32', size: 4, read: (bytes) => new Float32Array(bytes) },
  f8: { name: 'float64', size: 8, read: (bytes) => new Float64Array(bytes) },
}

/** Element types that are no numbers here, by the letter of their code, in words. */
const refusedTypes: Record<string, string> = {
  O: 'Python objects',
  U: 'text',
  S: 'byte strings',
  a: 'byte strings',
  V: 'raw bytes or records',
  c: 'complex numbers',
  f: 'long floats',
  M: 'dates',
  m: 'times',
}

interface Header {
  /** `[` for records. */
  descr: string
  fortran: boolean
  shape: number[]
}

/** The three entries of the header: a Python dict of literals, in any order and spacing. */
function parseHeader(text: string): Header | null {
  const body = /^\{(.*)\}\s*$/s.exec(text.trim())?.[1]
  if (body === undefined) return null
  const entry =
    /^\s*(['"])(descr|fortran_order|shape)\1\s*:\s*(?:(['"])([^'"]*)\3|(\[).*\]|(True|False)|\(([\d\s,L]*)\))\s*(?:,|$)/s
  const found = new Map<string, string>()
  let rest = body
  while (rest.trim() !== '') {
    const match = entry.exec(rest)
    if (!match || found.has(match[2] as string)) return null
    const [whole, , key, , code, list, truth, tuple] = match
    const value = key === 'descr' ? (code ?? list) : key === 'fortran_order' ? truth : tuple
    if (value === undefined) return null
    found.set(key as string, value)
    rest = rest.slice(whole.length)
  }
  const [descr, fortran, tuple] = [found.get('descr'), found.get('fortran_order'), found.get('shape')]
  if (descr === undefined || fortran === undefined || tuple === undefined) return null
  const parts = tuple.split(',').map((part) => part.trim())
  if (parts.at(-1) === '') parts.pop()
  if (!parts.every((part) => /^\d+L?$/.test(part))) return null
  const shape = parts.map((part) => Number.parseInt(part, 10))
  return shape.every(Number.isSafeInteger) ? { descr, fortran: fortran === 'True', shape } : null
}

/** What lies in the bytes of a .npy file before its data. */
function readHeader(buffer: Buffer, refuse: (actual: string, expected: string) => DataError): Header & { end: number } {
  if (buffer.toString('latin1', 0, 6) !== magic) {
    const { actual, remedy } = fileKind(buffer, 'not a .npy file')
    throw refuse(actual, `one that starts with \\x93NUMPY${remedy}`)
  }
  if (buffer.length < 10) throw refuse(`truncated (${buffer.length} bytes)`, 'a whole header')
  const version = buffer[6] as number
  if (version < 1 || version > 3 || buffer[7] !== 0) throw refuse(`of version ${version}.${buffer[7]}`, 'version 1.0, 2.0 or 3.0')
  const prefix = version === 1 ? 10 : 12
  const end = buffer.length < prefix ? Infinity : prefix + (version === 1 ? buffer.readUInt16LE(8) : buffer.readUInt32LE(8))
  if (end > buffer.length) throw refuse(`truncated (${buffer.length} bytes)`, 'a whole header')
  const header = parseHeader(buffer.toString(version === 3 ? 'utf8' : 'latin1', prefix, end))
  if (!header) throw refuse('one with an unreadable header', 'descr, fortran_order and shape of an array')
  return { ...header, end }
}

/**
 * Reads the bytes of a .npy file, of version 1, 2 or 3, whatever the order of its bytes and axes.
 * @param name what to call it in errors
 * @throws DataError for another kind of file, elements that are no numbers or truth values (objects, text, records, dates, complex numbers),
 * integers that no float64 holds, and bytes too few or too many
 */
export function decodeNpy(bytes: Uint8Array, name = 'bytes'): NpyArray {
  const refuse = (actual: string, expected: string) => new DataError({ op: 'readNpy', argument: name, actual, expected })
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { descr, fortran, shape, end } = readHeader(buffer, refuse)
  const [, order, code] = /^([<>|])([a-zA-Z]\d*)/.exec(descr) ?? []
  const type =
    code !== undefined && descr.length === 1 + code.length && Object.hasOwn(elementTypes, code) ? elementTypes[code] : null
  if (!type || (order === '|' && type.size > 1)) {
    const what =
      descr === '[' ? 'records (a structured type)' : `${refusedTypes[code?.[0] ?? ''] ?? 'an unknown type'} (${descr})`
    throw refuse(`of ${what}`, 'numbers or truth values (bool, int8 to int64, uint8 to uint64, float16 to float64)')
  }
  const wanted = product(shape) * type.size
  const got = buffer.length - end
  if (got !== wanted)
    throw refuse(`${got < wanted ? 'truncated' : 'too long'} (${got} bytes of data)`, `${wanted} for [${shape.join(',')}]`)
  // Copied: the file's data need not lie aligned for its type, nor in this machine's order of bytes.
  const own = Buffer.from(new ArrayBuffer(wanted))
  buffer.copy(own, 0, end)
  if (order === '>' && type.size === 2) own.swap16()
  if (order === '>' && type.size === 4) own.swap32()
  if (order === '>' && type.size === 8) own.swap64()
  const data = type.read(own.buffer)
  if (!data) throw refuse(`of ${type.name} with a value that is no float64`, 'integers that a float64 holds exactly')
  const stride = shape.map((_, axis) => product(shape.slice(0, axis)))
  return { data: fortran ? packed({ data, shape, stride }) : data, shape, dtype: type.name }
}

/** Writes a .npy file, whole or not at all. */
export async function writeNpy(path: string, source: NpySource): Promise<void> {
  await writeAtomic(path, encodeNpy(source))
}

/**
 * Reads a .npy file.
 * @throws DataError naming the file, as decodeNpy
 */
export async function readNpy(path: string): Promise<NpyArray> {
  const file = await openFile('readNpy', path, 'a readable file')
  try {
    const bytes = await file.readFile().catch((error) => {
      throw describeReadError('readNpy', path, error)
    })
    return decodeNpy(bytes, path)
  } finally {
    await file.close()
  }
}
