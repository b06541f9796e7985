// The safetensors format: 8 bytes of header length (little-endian), a JSON header, then the tensors' bytes without holes.
import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { z } from 'zod'
import { DataError, OptionError, ShapeError } from '../errors.js'
import { refuseUnknown } from '../options.js'
import type { Tensor } from '../tensor.js'
import { type AtomicSink, largestPiece, writeAtomic } from './atomic.js'
import { describeReadError } from './file_errors.js'
import { fileKind } from './file_kind.js'
import { openFile } from './regular_file.js'

export type SafetensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array

/**
 * One tensor of a file. BF16 data are the raw upper halves of float32 values (`bf16FromFloat32` and `float32FromBf16` convert), F16 data the raw
 * bits of half-precision numbers, BOOL data bytes of 0 and 1, I64 and U64 data big integers.
 */
export interface Safetensor {
  dtype: Dtype
  shape: readonly number[]
  data: SafetensorData
}

export interface SafetensorsFile {
  /** By name, in the order in which the data lie in the file. */
  tensors: Map<string, Safetensor>
  /** Free text by name. */
  metadata: Record<string, string>
  /** Whether the file held a digest of its tensors and metadata, which then fitted. */
  verified: boolean
}

const kinds = {
  F32: Float32Array,
  F64: Float64Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I8: Int8Array,
  I16: Int16Array,
  I32: Int32Array,
  I64: BigInt64Array,
  U8: Uint8Array,
  U16: Uint16Array,
  U32: Uint32Array,
  U64: BigUint64Array,
  BOOL: Uint8Array,
} as const
type Dtype = keyof typeof kinds

// The format's own limit, so that a damaged length cannot ask for any amount of memory.
const maxHeaderBytes = 100_000_000
const op = 'readSafetensors'
/** Under which the metadata hold a digest of everything else in the file. */
const digestKey = 'striate.sha256'

const extent = z.number().int().nonnegative()
const entrySchema = z.strictObject({ dtype: z.string(), shape: z.array(extent), data_offsets: z.tuple([extent, extent]) })
const metadataSchema = z.record(z.string(), z.string())

interface Entry {
  name: string
  dtype: Dtype
  shape: number[]
  begin: number
  end: number
}

/** Rounds float32 values to bf16 (nearest, ties to even; NaN stays NaN). */
export function bf16FromFloat32(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  return Uint16Array.from(bits, (x) =>
    (x & 0x7fffffff) > 0x7f800000 ? (x >>> 16) | 0x40 : (x + 0x7fff + ((x >>> 16) & 1)) >>> 16,
  )
}

/** The float32 values of bf16 bits; exact. */
export function float32FromBf16(bits: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(bits, (x) => x << 16).buffer)
}

function bytesOf(data: SafetensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** SHA-256 of tensors and metadata, whatever their order. */
export function digestOf(
  tensors: Iterable<readonly [name: string, { dtype: Dtype; shape: readonly number[]; data: SafetensorData }]>,
  metadata: Record<string, string>,
): string {
  const sha256 = (bytes: Uint8Array) => {
    const hash = createHash('sha256')
    for (let at = 0; at < bytes.length; at += largestPiece) hash.update(bytes.subarray(at, at + largestPiece))
    return hash.digest('hex')
  }
  const parts = [...tensors].map(([name, { dtype, shape, data }]) => JSON.stringify([name, dtype, shape, sha256(bytesOf(data))]))
  const texts = Object.entries(metadata).map((entry) => JSON.stringify(entry))
  return sha256(Buffer.from([...parts.sort(), ...texts.sort()].join('\n')))
}

/**
 * @internal The padded header of tensors whose data lie one after another in the order given.
 * @throws OptionError when a metadata value is not a string
 */
export function safetensorsHeader(
  tensors: Iterable<readonly [name: string, { dtype: Dtype; shape: readonly number[] }]>,
  metadata: Record<string, string>,
): Uint8Array {
  const entries: [string, unknown][] = []
  for (const [key, value] of Object.entries(metadata))
    if (typeof value !== 'string')
      throw new OptionError({
        op: 'writeSafetensors',
        argument: `metadata.${key}`,
        actual: `a ${typeof value}`,
        expected: 'a string',
      })
  if (Object.keys(metadata).length > 0) entries.push(['__metadata__', metadata])
  let offset = 0
  for (const [name, { dtype, shape }] of tensors) {
    const end = offset + shape.reduce((a, b) => a * b, kinds[dtype].BYTES_PER_ELEMENT)
    entries.push([name, { dtype, shape: [...shape], data_offsets: [offset, end] }])
    offset = end
  }
  // Written entry by entry: an object would move names that look like numbers to the front, and lose `__proto__`.
  const json = Buffer.from(`{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`)
  const padded = Math.ceil(json.length / 8) * 8
  const header = Buffer.alloc(8 + padded, ' ')
  header.writeBigUInt64LE(BigInt(padded))
  header.set(json, 8)
  return header
}

/** Checks the tensors and lays them out: widest type first, then by name, so that all stay aligned. */
function layOut(tensors: ReadonlyMap<string, Safetensor>): [string, Safetensor][] {
  const width = (tensor: Safetensor) => kinds[tensor.dtype]?.BYTES_PER_ELEMENT ?? 0
  const sorted = [...tensors].sort(([a, x], [b, y]) => width(y) - width(x) || (a < b ? -1 : 1))
  for (const [name, { dtype, shape, data }] of sorted) {
    const refuse = (actual: string, expected: string) =>
      new ShapeError({ op: 'writeSafetensors', argument: name, actual, expected })
    if (name === '__metadata__') throw refuse('a reserved name', 'any other name')
    if (!Object.hasOwn(kinds, dtype)) throw refuse(`of dtype ${dtype}`, 'F32, I32, BF16 or U8')
    if (!(data instanceof kinds[dtype])) throw refuse(`held in a ${data.constructor.name}`, `a ${kinds[dtype].name} for ${dtype}`)
    const count = shape.reduce((a, b) => a * b, 1)
    if (data.length !== count) throw refuse(`${data.length} elements`, `${count} for [${shape.join(',')}]`)
  }
  return sorted
}

function asMap(tensors: Readonly<Record<string, Safetensor>> | ReadonlyMap<string, Safetensor>): ReadonlyMap<string, Safetensor> {
  return tensors instanceof Map ? tensors : new Map(Object.entries(tensors))
}

/**
 * Writes a safetensors file, whole or not at all; the header is padded so that the data start 8-byte aligned.
 * @param options metadata: free text by name. digest: adds a SHA-256 of tensors and metadata to these, which `readSafetensors` then checks.
 * Default false
 * @throws ShapeError when a tensor's data do not match its shape or dtype
 * @throws OptionError when a metadata value is not a string
 * @throws DataError when the file cannot be written
 */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, Safetensor>> | ReadonlyMap<string, Safetensor>,
  options: { metadata?: Record<string, string> | undefined; digest?: boolean | undefined } = {},
): Promise<void> {
  refuseUnknown('writeSafetensors', options, ['metadata', 'digest'])
  const ordered = layOut(asMap(tensors))
  const { metadata = {}, digest = false } = options
  const header = safetensorsHeader(ordered, {
    ...metadata,
    ...(digest ? { [digestKey]: digestOf(ordered, metadata) } : {}),
  })
  await writeAtomic(path, async (sink: AtomicSink) => {
    await sink.write(header)
    for (const [, { data }] of ordered) await sink.write(bytesOf(data))
  })
}

/** The header's entries in the order of their data, checked against each other and against the file's size. */
function parseHeader(name: string, json: Uint8Array, dataBytes: number): { entries: Entry[]; metadata: Record<string, string> } {
  const refuse = (actual: string, expected: string, cause?: unknown) =>
    new DataError({ op, argument: name, actual, expected }, { cause })
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json))
  } catch (cause) {
    throw refuse('one whose header is not JSON', 'a safetensors file', cause)
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw refuse('one whose header is not an object', 'a safetensors file')

  let metadata: Record<string, string> = {}
  const entries: Entry[] = []
  for (const [key, value] of Object.entries(header)) {
    // Some writers leave null where they have nothing to say.
    if (key === '__metadata__' && value === null) continue
    if (key === '__metadata__') {
      const parsed = metadataSchema.safeParse(value)
      if (!parsed.success) throw refuse('one whose __metadata__ holds more than strings', 'strings only', parsed.error)
      metadata = parsed.data
      continue
    }
    const tensor = `tensor ${JSON.stringify(key)}`
    const parsed = entrySchema.safeParse(value)
    if (!parsed.success) throw refuse(`one with a malformed entry for ${tensor}`, 'dtype, shape and data_offsets', parsed.error)
    const { dtype, shape, data_offsets } = parsed.data
    const [begin, end] = data_offsets
    if (!Object.hasOwn(kinds, dtype))
      throw refuse(`one with ${tensor} of dtype ${dtype}`, `one of ${Object.keys(kinds).join(', ')}`)
    if (begin > end || end > dataBytes)
      throw refuse(`one with ${tensor} at bytes ${begin} to ${end}`, `a range inside its ${dataBytes} bytes of data`)
    const wanted = shape.reduce((a, b) => a * b, kinds[dtype as Dtype].BYTES_PER_ELEMENT)
    if (end - begin !== wanted)
      throw refuse(`one with ${tensor} in ${end - begin} bytes`, `${wanted} for ${dtype} [${shape.join(',')}]`)
    entries.push({ name: key, dtype: dtype as Dtype, shape, begin, end })
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let covered = 0
  for (const { name: key, begin, end } of entries) {
    if (begin !== covered) {
      const what = begin < covered ? 'overlapping the tensor before it' : `after a hole of ${begin - covered} bytes`
      throw refuse(`one with tensor ${JSON.stringify(key)} ${what}`, 'ranges that follow each other')
    }
    covered = end
  }
  if (covered !== dataBytes) throw refuse(`one with ${dataBytes - covered} bytes after its last tensor`, 'none')
  return { entries, metadata }
}

async function readExactly(file: FileHandle, path: string, into: Uint8Array, position: number): Promise<void> {
  for (let got = 0; got < into.length; ) {
    const { bytesRead } = await file.read(into, got, Math.min(largestPiece, into.length - got), position + got)
    if (bytesRead === 0)
      throw new DataError({
        op,
        argument: path,
        actual: `truncated (${position + got} bytes)`,
        expected: `${position + into.length} or more`,
      })
    got += bytesRead
  }
}

/**
 * Reads a safetensors file, each tensor straight into an array of its own. Everything in the header is checked before
 * any tensor is read; where the metadata hold a digest, it is checked and left out of what is given.
 * @throws DataError naming the file: not safetensors, truncated, unknown dtypes, ranges outside the file, overlapping or with holes, or of other
 * contents than its digest
 */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await openFile(op, path, 'a readable file')
  try {
    const { size } = await file.stat()
    const refuse = (actual: string, expected: string) => new DataError({ op, argument: path, actual, expected })
    if (size < 8) throw refuse(`${size} bytes long`, 'a safetensors file')
    const prefix = Buffer.alloc(8)
    await readExactly(file, path, prefix, 0)
    const headerBytes = Number(prefix.readBigUInt64LE())
    if (headerBytes > maxHeaderBytes || headerBytes > size - 8) {
      const { actual, remedy } = fileKind(prefix, `one with a header of ${headerBytes} bytes`)
      throw refuse(actual, `a safetensors file (at most ${Math.min(maxHeaderBytes, size - 8)} here)${remedy}`)
    }
    const json = new Uint8Array(headerBytes)
    await readExactly(file, path, json, 8)
    const dataBegin = 8 + headerBytes
    const { entries, metadata } = parseHeader(path, json, size - dataBegin)
    const tensors = new Map<string, Safetensor>()
    for (const { name, dtype, shape, begin, end } of entries) {
      const bytes = new Uint8Array(end - begin)
      await readExactly(file, path, bytes, dataBegin + begin)
      tensors.set(name, { dtype, shape, data: new kinds[dtype](bytes.buffer) })
    }
    const { [digestKey]: digest, ...rest } = metadata
    if (digest !== undefined && digest !== digestOf(tensors, rest))
      throw refuse('damaged', `the tensors and metadata whose SHA-256 it holds as ${digestKey}`)
    return { tensors, metadata: rest, verified: digest !== undefined }
  } catch (error) {
    throw error instanceof DataError ? error : describeReadError(op, path, error)
  } finally {
    await file.close()
  }
}

/** A tensor's values for a file. */
export async function hostTensor(tensor: Tensor): Promise<Safetensor> {
  const { data } = await tensor.read()
  const dtype = ({ f32: 'F32', bf16: 'F32', f64: 'F64', i32: 'I32', u8: 'U8' } as const)[tensor.dtype]
  return { dtype, shape: tensor.shape, data }
}
