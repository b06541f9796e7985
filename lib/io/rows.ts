// Rows that come piece by piece, as one array in a file, which may be larger than the memory.
import { extname } from 'node:path'
import { OptionError } from '../errors.js'
import { writeAtomic } from './atomic.js'
import { npyHeader } from './npy.js'
import { type Safetensor, safetensorsHeader } from './safetensors.js'

/** A float32 array that is made piece by piece. */
export interface RowsSource {
  /** Of the whole. */
  shape: readonly number[]
  /** Its elements in order. */
  pieces: AsyncIterable<Float32Array>
}

/** What else a safetensors file of rows holds; a .npy file holds one array and nothing else. */
export interface RowsBeside {
  /** Name of the array. */
  name: string
  /** By name; of four bytes an element. */
  tensors: ReadonlyMap<string, Safetensor & { dtype: 'F32' | 'I32' }>
  metadata: Record<string, string>
}

/**
 * Says by its name how a file of rows is written.
 * @throws {OptionError} for a name of another ending
 */
export function rowsFormat(op: string, path: string): 'npy' | 'safetensors' {
  const ending = extname(path).slice(1)
  if (ending === 'npy' || ending === 'safetensors') return ending
  throw new OptionError({ op, argument: 'path', actual: `'${path}'`, expected: 'a name that ends with .npy or .safetensors' })
}

/**
 * Writes rows as they come, the file whole or not at all.
 * @param path that ends with .npy or .safetensors
 * @throws {DataError} naming the path when it cannot be written; whatever `pieces` throws
 */
export async function writeRows(op: string, path: string, { shape, pieces }: RowsSource, beside: RowsBeside): Promise<void> {
  const { name, tensors, metadata } = beside
  const isNpy = rowsFormat(op, path) === 'npy'
  const others = isNpy ? [] : [...tensors]
  const header = isNpy ? npyHeader('<f4', shape) : safetensorsHeader([[name, { dtype: 'F32', shape }], ...others], metadata)
  const bytesOf = ({ buffer, byteOffset, byteLength }: Safetensor['data']) => new Uint8Array(buffer, byteOffset, byteLength)
  await writeAtomic(path, async (sink) => {
    await sink.write(header)
    for await (const piece of pieces) await sink.write(bytesOf(piece))
    for (const [, { data }] of others) await sink.write(bytesOf(data))
  })
}
