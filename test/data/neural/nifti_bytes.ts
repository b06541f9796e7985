// Volumes in NIfTI-1 files, as the format is defined.
import { gzipSync } from 'node:zlib'

const types = {
  uint8: [2, 1, (view: DataView, at: number, value: number) => view.setUint8(at, value)],
  int16: [4, 2, (view: DataView, at: number, value: number, little: boolean) => view.setInt16(at, value, little)],
  int32: [8, 4, (view: DataView, at: number, value: number, little: boolean) => view.setInt32(at, value, little)],
  float32: [16, 4, (view: DataView, at: number, value: number, little: boolean) => view.setFloat32(at, value, little)],
  float64: [64, 8, (view: DataView, at: number, value: number, little: boolean) => view.setFloat64(at, value, little)],
  complex: [32, 8, (view: DataView, at: number, value: number, little: boolean) => view.setFloat32(at, value, little)],
} as const

export interface Written {
  type?: keyof typeof types
  isLittle?: boolean
  isPacked?: boolean
  /** Directions of x, y and z; null states none. */
  steps?: readonly [number, number, number] | null
  slope?: number
  intercept?: number
}

/** @param data x changes fastest */
export function niftiBytes(shape: readonly number[], data: ArrayLike<number>, written: Written = {}): Buffer {
  const { type = 'int16', isLittle = true, isPacked = true, steps = [1.8, 1.8, 1.8], slope = 0, intercept = 0 } = written
  const [code, size, write] = types[type]
  const offset = 352
  const bytes = Buffer.alloc(offset + data.length * size)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const short = (at: number, value: number) => view.setInt16(at, value, isLittle)
  const float = (at: number, value: number) => view.setFloat32(at, value, isLittle)
  view.setInt32(0, 348, isLittle)
  short(40, shape.length)
  for (let axis = 0; axis < 7; ++axis) short(42 + 2 * axis, shape[axis] ?? 1)
  short(70, code)
  short(72, 8 * size)
  float(76, 1)
  for (let axis = 0; axis < 3; ++axis) float(80 + 4 * axis, Math.abs(steps?.[axis] ?? 1))
  float(108, offset)
  float(112, slope)
  float(116, intercept)
  if (steps) {
    short(254, 1)
    steps.forEach((step, axis) => {
      float(280 + 16 * axis + 4 * axis, step)
      float(280 + 16 * axis + 12, -10 * step)
    })
  }
  bytes.write('n+1\0', 344, 'latin1')
  for (let i = 0; i < data.length; ++i) write(view, offset + i * size, data[i] as number, isLittle)
  return isPacked ? gzipSync(bytes) : bytes
}
