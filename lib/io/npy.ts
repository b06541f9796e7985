// NumPy's .npy files, versions 1 and 2: little-endian f4, f8, i4 and u1, C order.
import { readFile } from 'node:fs/promises'
import { DataError, ShapeError } from '../errors.js'
import { writeAtomic } from './atomic.js'
import { describeReadError } from './file_errors.js'

export type NpyData = Float32Array | Float64Array | Int32Array | Uint8Array

/** An array as a .npy file holds it; `ndarray(data, shape)` wraps it without a copy. */
export interface NpyArray {
  data: NpyData
  shape: number[]
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

/** The three entries of the header: a Python dict of literals, in any order and spacing. */
function parseHeader(text: string): { descr: string; fortran: boolean; shape: number[] } | null {
  const body = /^\{(.*)\}\s*$/s.exec(text.trim())?.[1]
  if (body === undefined) return null
  const entry = /^\s*(['"])(descr|fortran_order|shape)\1\s*:\s*(?:(['"])([^'"]*)\3|(True|False)|\(([\d\s,L]*)\))\s*(?:,|$)/
  const found = new Map<string, string>()
  let rest = body
  while (rest.trim() !== '') {
    const match = entry.exec(rest)
    if (!match || found.has(match[2] as string)) return null
    const [whole, , key, , descr, truth, tuple] = match
    if ((key === 'descr') !== (descr !== undefined) || (key === 'fortran_order') !== (truth !== undefined)) return null
    found.set(key as string, (descr ?? truth ?? tuple) as string)
    rest = rest.slice(whole.length)
  }
  const [descr, fortran, tuple] = [found.get('descr'), found.get('fortran_order'), found.get('shape')]
  if (descr === undefined || fortran === undefined || tuple === undefined) return null
  const parts = tuple.split(',').map((part) => part.trim())
  if (parts.at(-1) === '') parts.pop()
  if (!parts.every((part) => /^\d+L?$/.test(part))) return null
  return { descr, fortran: fortran === 'True', shape: parts.map((part) => Number.parseInt(part, 10)) }
}

/**
 * Reads the bytes of a .npy file.
 * @param name what to call it in errors
 * @throws DataError for another kind of file, element types other than f4, f8, i4, u1, Fortran order, and bytes too few or too many
 */
export function decodeNpy(bytes: Uint8Array, name = 'bytes'): NpyArray {
  const refuse = (actual: string, expected: string) => new DataError({ op: 'readNpy', argument: name, actual, expected })
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (buffer.length < 10 || buffer.toString('latin1', 0, 6) !== magic)
    throw refuse('not a .npy file', 'one that starts with \\x93NUMPY')
  const version = buffer[6] as number
  if ((version !== 1 && version !== 2) || buffer[7] !== 0)
    throw refuse(`of version ${version}.${buffer[7]}`, 'version 1.0 or 2.0')
  const prefix = version === 1 ? 10 : 12
  const headerEnd = buffer.length < prefix ? Infinity : prefix + (version === 1 ? buffer.readUInt16LE(8) : buffer.readUInt32LE(8))
  if (headerEnd > buffer.length) throw refuse(`truncated (${buffer.length} bytes)`, 'a whole header')
  const header = parseHeader(buffer.toString('latin1', prefix, headerEnd))
  if (!header) throw refuse('one with an unreadable header', 'descr, fortran_order and shape of a plain array')
  const descr = header.descr === '<u1' || header.descr === '>u1' ? '|u1' : header.descr
  if (!Object.hasOwn(kinds, descr)) throw refuse(`of element type ${header.descr}`, '<f4, <f8, <i4 or |u1')
  const { shape } = header
  if (header.fortran && shape.filter((extent) => extent > 1).length > 1)
    throw refuse('in Fortran order', 'C order (numpy.ascontiguousarray)')
  const kind = kinds[descr as Descr]
  const dataBytes = product(shape) * kind.BYTES_PER_ELEMENT
  const got = buffer.length - headerEnd
  if (got !== dataBytes)
    throw refuse(`${got < dataBytes ? 'truncated' : 'too long'} (${got} bytes of data)`, `${dataBytes} for [${shape.join(',')}]`)
  // Copied: the file's data need not lie aligned for its type.
  const data = new kind(product(shape))
  new Uint8Array(data.buffer).set(buffer.subarray(headerEnd))
  return { data, shape }
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
  const bytes = await readFile(path).catch((error) => {
    throw describeReadError('readNpy', path, error)
  })
  return decodeNpy(bytes, path)
}
