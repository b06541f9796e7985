// Volumes of NIfTI files (.nii, .nii.gz): one number a voxel, as masks, labels and maps of the brain are stored.
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { NIFTI1, NIFTI2 } from 'nifti-reader-js'
import { DataError } from '../../errors.js'
import { fileKind } from '../../io/file_kind.js'
import { readWhole } from '../files.js'

export interface Volume {
  readonly path: string
  /** [X,Y,Z]. */
  readonly shape: readonly [number, number, number]
  /** X changes fastest: voxel (x,y,z) is at x + X (y + Y z), as in an array [Z,Y,X] whose last axis changes fastest. */
  readonly data: Float64Array
  /** Where the axes point, such as `RAS`: to the right, to the front and upwards; null where the file does not say. */
  readonly orientation: string | null
}

const expected = 'a NIfTI file of one volume of real numbers'
/** Bytes of the largest volume that is unpacked. */
const mostBytes = 2 ** 30

type Read = (view: DataView, at: number, isLittle: boolean) => number
/** Bits and reading of each type of voxels, by its code. */
const types: Record<number, readonly [bits: number, read: Read]> = {
  2: [8, (view, at) => view.getUint8(at)],
  4: [16, (view, at, isLittle) => view.getInt16(at, isLittle)],
  8: [32, (view, at, isLittle) => view.getInt32(at, isLittle)],
  16: [32, (view, at, isLittle) => view.getFloat32(at, isLittle)],
  64: [64, (view, at, isLittle) => view.getFloat64(at, isLittle)],
  256: [8, (view, at) => view.getInt8(at)],
  512: [16, (view, at, isLittle) => view.getUint16(at, isLittle)],
  768: [32, (view, at, isLittle) => view.getUint32(at, isLittle)],
  1024: [64, (view, at, isLittle) => Number(view.getBigInt64(at, isLittle))],
  1280: [64, (view, at, isLittle) => Number(view.getBigUint64(at, isLittle))],
}

/**
 * Reads a volume, its slope and intercept applied.
 * @throws {DataError} naming the file: no NIfTI file, of several volumes, of another type, or cut off
 */
export async function readVolume(op: string, path: string): Promise<Volume> {
  const refuse = (actual: string, cause?: unknown) => new DataError({ op, argument: path, actual, expected }, { cause })
  const packed = await readWhole(op, path, expected)
  const isPacked = packed[0] === 0x1f && packed[1] === 0x8b
  const bytes = isPacked
    ? await promisify(gunzip)(packed, { maxOutputLength: mostBytes }).catch((cause: Error) => {
        throw refuse(`not to be unpacked (${cause.message})`, cause)
      })
    : packed
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  const { isNIFTI, readHeader } = await import('nifti-reader-js')
  if (buffer.byteLength < 352 || !isNIFTI(buffer)) throw refuse(fileKind(bytes, 'no NIfTI file').actual)
  const header = readHeader(buffer)
  const [axes = 0, ...extents] = header.dims
  const [x = 0, y = 0, z = 0] = extents
  const others = extents.slice(3, axes)
  if (axes < 3 || x < 1 || y < 1 || z < 1 || others.some((extent) => extent > 1))
    throw refuse(`of shape [${extents.slice(0, axes)}]`)
  const [bits = 0, read] = types[header.datatypeCode] ?? []
  if (!read) throw refuse(`of type ${header.datatypeCode}`)
  const count = x * y * z
  const size = bits / 8
  const offset = header.vox_offset
  if (offset + count * size > buffer.byteLength) throw refuse(`cut off (${buffer.byteLength} bytes for [${x},${y},${z}])`)
  const view = new DataView(buffer, offset)
  const { littleEndian } = header
  // A slope of 0 says that there is none.
  const [slope, intercept] = header.scl_slope ? [header.scl_slope, header.scl_inter] : [1, 0]
  const data = Float64Array.from({ length: count }, (_, i) => slope * read(view, i * size, littleEndian) + intercept)
  return { path, shape: [x, y, z], data, orientation: orientationOf(header) }
}

const ends = [
  ['L', 'R'],
  ['P', 'A'],
  ['I', 'S'],
] as const

/** For each axis of the array, the direction of the body that it follows most. */
function orientationOf(header: NIFTI1 | NIFTI2): string | null {
  if (header.qform_code < 1 && header.sform_code < 1) return null
  const letters = [0, 1, 2].map((axis) => {
    const steps = header.affine.slice(0, 3).map((row) => row[axis] ?? 0)
    const most = Math.max(...steps.map(Math.abs))
    const along = steps.findIndex((step) => Math.abs(step) === most)
    return ends[along]?.[(steps[along] ?? 0) > 0 ? 1 : 0] ?? '?'
  })
  return letters.join('')
}
