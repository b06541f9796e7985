// Files of MATLAB, version 5, as its format is defined.
import { deflateSync } from 'node:zlib'

/** Number of each storage type, bytes, and how a value is written. */
const storages = {
  int8: [1, 1, (view: DataView, at: number, value: number) => view.setInt8(at, value)],
  uint8: [2, 1, (view: DataView, at: number, value: number) => view.setUint8(at, value)],
  int16: [3, 2, (view: DataView, at: number, value: number, little: boolean) => view.setInt16(at, value, little)],
  uint16: [4, 2, (view: DataView, at: number, value: number, little: boolean) => view.setUint16(at, value, little)],
  int32: [5, 4, (view: DataView, at: number, value: number, little: boolean) => view.setInt32(at, value, little)],
  uint32: [6, 4, (view: DataView, at: number, value: number, little: boolean) => view.setUint32(at, value, little)],
  single: [7, 4, (view: DataView, at: number, value: number, little: boolean) => view.setFloat32(at, value, little)],
  double: [9, 8, (view: DataView, at: number, value: number, little: boolean) => view.setFloat64(at, value, little)],
} as const

export interface MatSource {
  name: string
  shape: readonly number[]
  /** The first axis fastest. */
  data: ArrayLike<number>
  /** As which numbers are stored; MATLAB stores doubles that are whole in fewer bytes. */
  storage?: keyof typeof storages
  /** 6, double, by default; 4 is text. */
  kind?: number
  isComplex?: boolean
}

interface Written {
  isLittle?: boolean
  isCompressed?: boolean
}

function element(type: number, data: Uint8Array, isLittle: boolean): Buffer {
  const isSmall = data.length > 0 && data.length <= 4
  const bytes = Buffer.alloc(isSmall ? 8 : 8 + Math.ceil(data.length / 8) * 8)
  const word = (value: number, at: number) => (isLittle ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at))
  if (isSmall) word(((data.length << 16) | type) >>> 0, 0)
  else {
    word(type, 0)
    word(data.length, 4)
  }
  bytes.set(data, isSmall ? 4 : 8)
  return bytes
}

function numbers(storage: keyof typeof storages, values: ArrayLike<number>, isLittle: boolean): Buffer {
  const [type, size, write] = storages[storage]
  const view = new DataView(new ArrayBuffer(values.length * size))
  for (let i = 0; i < values.length; ++i) write(view, i * size, values[i] as number, isLittle)
  return element(type, new Uint8Array(view.buffer), isLittle)
}

export function matBytes(arrays: readonly MatSource[], { isLittle = true, isCompressed = false }: Written = {}): Buffer {
  const header = Buffer.alloc(128, ' ')
  header.write('MATLAB 5.0 MAT-file, written by a test', 'latin1')
  if (isLittle) header.writeUInt16LE(0x0100, 124)
  else header.writeUInt16BE(0x0100, 124)
  header.write(isLittle ? 'IM' : 'MI', 126, 'latin1')
  const parts = arrays.map(({ name, shape, data, storage = 'double', kind = 6, isComplex = false }) => {
    const inner = Buffer.concat([
      numbers('uint32', [kind | (isComplex ? 0x0800 : 0), 0], isLittle),
      numbers('int32', shape, isLittle),
      element(1, Buffer.from(name, 'latin1'), isLittle),
      numbers(storage, data, isLittle),
      ...(isComplex ? [numbers(storage, data, isLittle)] : []),
    ])
    const matrix = element(14, inner, isLittle)
    if (!isCompressed) return matrix
    const packed = deflateSync(matrix)
    const tag = Buffer.alloc(8)
    if (isLittle) [15, packed.length].forEach((value, i) => void tag.writeUInt32LE(value, 4 * i))
    else [15, packed.length].forEach((value, i) => void tag.writeUInt32BE(value, 4 * i))
    return Buffer.concat([tag, packed])
  })
  return Buffer.concat([header, ...parts])
}
