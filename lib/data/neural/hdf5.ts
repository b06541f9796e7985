// HDF5 files, and so netCDF-4 ones: opened where they lie and read slab by slab.
import type { Dataset, File } from 'h5wasm/node'
import { DataError } from '../../errors.js'
import { fileKind, kindBytes } from '../../io/file_kind.js'
import { openFile, statFile } from '../files.js'

/** From and to of each axis; null is all of it. */
export type Slab = readonly (readonly [from: number, to: number] | null)[]
/** Numbers as they are stored; integers of 64 bits as doubles. */
export type Hdf5Numbers =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array

type Library = typeof import('h5wasm/node')
let library: Promise<Library> | null = null

/** The library takes a tenth of a second and 50 MB: only those who open such a file wait for it. It then throws what it would print. */
const loaded = (): Promise<Library> => {
  library ??= import('h5wasm/node').then(async (found) => {
    const module = await found.ready
    module.activate_throwing_error_handler()
    return found
  })
  return library
}

/** What the library says went wrong: the innermost line of its report. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  const innermost = text.split('\n').findLast((line) => /^\s*#\d+:/.test(line))
  const reason = (innermost?.replace(/^.*?\(\): /, '') ?? text).trim()
  // The path is named by whoever refuses it.
  return reason.replace(/: name = .*/s, '').replace(/: eof = .*/s, '')
}

/** What a file that is not to be opened is. */
async function kindOf(op: string, path: string) {
  await using file = await openFile(op, path, 'a readable file')
  const { bytesRead, buffer } = await file.read(Buffer.alloc(kindBytes), 0, kindBytes, 0)
  return fileKind(buffer.subarray(0, bytesRead), 'no HDF5 file')
}

/** A text that the file calls ASCII, of which the library makes each byte a character; h5py and xarray write the bytes of UTF-8 as such. */
function fromBytes(text: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'latin1'))
  } catch {
    return text
  }
}

/** An open HDF5 file. */
export class Hdf5File {
  private constructor(
    readonly op: string,
    readonly path: string,
    private readonly file: File,
    private readonly DatasetClass: Library['Dataset'],
  ) {}

  /**
   * Opens a file for reading; nothing but its outline is read.
   * @throws {DataError} naming the file when it is none, damaged or cut off
   */
  static async open(op: string, path: string, expected = 'an HDF5 file'): Promise<Hdf5File> {
    await statFile(op, path, expected)
    const { Dataset, File } = await loaded()
    try {
      return new Hdf5File(op, path, new File(path, 'r'), Dataset)
    } catch (cause) {
      const { what, actual, remedy } = await kindOf(op, path)
      const isDamaged = what === null || what === 'an HDF5 file'
      const reason = isDamaged ? `not to be opened (${reasonOf(cause)})` : actual
      throw new DataError({ op, argument: path, actual: reason, expected: expected + remedy }, { cause })
    }
  }

  /** Names of what lies in its root. */
  names(): string[] {
    return this.attempt(this.path, () => this.file.keys())
  }

  /** A dataset, or null where there is none of this name. */
  find(name: string): Hdf5Dataset | null {
    const found = this.attempt(this.path, () => this.file.get(name))
    return found instanceof this.DatasetClass ? new Hdf5Dataset(this, name, found) : null
  }

  /**
   * A dataset.
   * @param axes how many it must have, where that matters
   * @throws {DataError} naming the file when it has no such dataset
   */
  dataset(name: string, axes?: number): Hdf5Dataset {
    const found = this.find(name)
    const wanted = axes === undefined ? `dataset '${name}'` : `dataset '${name}' of ${axes} axes`
    if (!found) throw this.refuse(`without dataset '${name}'`, wanted)
    if (axes !== undefined && found.shape.length !== axes)
      throw this.refuse(`one whose '${name}' is of shape [${found.shape}]`, wanted)
    return found
  }

  close(): void {
    this.file.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  refuse(actual: string, expected: string, cause?: unknown): DataError {
    return new DataError({ op: this.op, argument: this.path, actual, expected }, { cause })
  }

  /** What the library does, with a DataError in place of its own. */
  attempt<T>(what: string, work: () => T): T {
    try {
      return work()
    } catch (cause) {
      throw this.refuse(`not to be read (${what}: ${reasonOf(cause)})`, 'a sound HDF5 file', cause)
    }
  }
}

/** A dataset of an open file. */
export class Hdf5Dataset {
  readonly shape: readonly number[]

  constructor(
    private readonly file: Hdf5File,
    readonly name: string,
    private readonly data: Dataset,
  ) {
    this.shape = file.attempt(name, () => data.shape) ?? []
  }

  /**
   * Numbers of a slab as they are stored, the last axis fastest.
   * @throws {DataError} for a dataset that holds none, or cannot be read
   */
  numbers(slab: Slab = this.shape.map(() => null)): Hdf5Numbers {
    const found = this.values(slab)
    const isWide = found instanceof BigInt64Array || found instanceof BigUint64Array
    if (isWide) return Float64Array.from(found, Number)
    if (!ArrayBuffer.isView(found)) throw this.file.refuse(`one whose '${this.name}' holds no numbers`, 'numbers in it')
    return found as Hdf5Numbers
  }

  /**
   * Numbers of a slab by the conventions of netCDF (CF): what equals `_FillValue` or a `missing_value` is NaN, the rest times `scale_factor` plus
   * `add_offset`. A dataset without these attributes gives its numbers as they are stored.
   * @throws {DataError} for a dataset that holds no numbers, or an attribute of these that is none
   */
  unpacked(slab?: Slab): Hdf5Numbers {
    const stored = this.numbers(slab)
    const missing = [...this.attribute('_FillValue'), ...this.attribute('missing_value')]
    const [[scale = 1], [offset = 0]] = [this.attribute('scale_factor'), this.attribute('add_offset')]
    if (missing.length === 0 && scale === 1 && offset === 0) return stored
    // Written as a double, a fill value of floats is none of them until it is rounded as they were.
    const fills = new Set(stored instanceof Float32Array ? missing.map(Math.fround) : missing)
    return Float64Array.from(stored, (value) => (fills.has(value) ? Number.NaN : value * scale + offset))
  }

  /** Numbers of an attribute; none where there is no such attribute. */
  private attribute(name: string): readonly number[] {
    const found = this.file.attempt(this.name, () => (name in this.data.attrs ? this.data.get_attribute(name, false) : null))
    if (found === null) return []
    const values: readonly unknown[] = ArrayBuffer.isView(found) ? Array.from(found as Hdf5Numbers) : [found].flat()
    const numbers = values.map((value) => (typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value)))
    if (values.every((value, i) => !Number.isNaN(numbers[i]) || /^\s*nan\s*$/i.test(String(value)))) return numbers
    throw this.file.refuse(`one whose '${this.name}' has the ${name} '${values.join(', ')}'`, 'a number there')
  }

  /** All of its texts; those of netCDF's NC_CHAR lie a character a place along a last axis. */
  texts(): string[] {
    const found = this.values(this.shape.map(() => null))
    if (Array.isArray(found) && found.every((text) => typeof text === 'string')) {
      const [texts = 0, length] = this.shape
      const whole =
        length === undefined ? found : Array.from({ length: texts }, (_, i) => found.slice(i * length, (i + 1) * length).join(''))
      return this.textType?.[0] === 'A' ? whole.map(fromBytes) : whole
    }
    throw this.file.refuse(`one whose '${this.name}' holds no text`, 'text in it')
  }

  get isText(): boolean {
    return this.textType !== null
  }

  /** Of its types of text, the library names those of ASCII A and those of UTF-8 S, with their length. */
  private get textType(): string | null {
    const type = this.file.attempt(this.name, () => this.data.dtype)
    return typeof type === 'string' && /^[AS]\d*$/.test(type) ? type : null
  }

  /** Names of the scales, which are netCDF's dimensions, of each axis. */
  dimensions(): (string | null)[] {
    return this.file.attempt(this.name, () =>
      this.shape.map((_, axis) => this.data.get_attached_scales(axis)[0]?.replace(/^.*\//, '') ?? null),
    )
  }

  /** Whether it is the scale of an axis and no variable of its own: netCDF keeps dimensions without values so. */
  get isBareDimension(): boolean {
    const name = this.file.attempt(this.name, () => this.data.get_scale_name())
    return name?.startsWith('This is a netCDF dimension but not a netCDF variable') ?? false
  }

  private values(slab: Slab): unknown {
    const count = this.shape.reduce((product, extent, axis) => {
      const [from, to] = slab[axis] ?? [0, extent]
      if (from < 0 || to > extent || from > to) throw new RangeError(`'${this.name}' has no ${from} to ${to} of ${extent}`)
      return product * (to - from)
    }, 1)
    const ranges = slab.map((range) => (range ? [...range] : []) as [number, number])
    const found = this.file.attempt(this.name, () => this.data.slice(ranges))
    const length = (found as { length?: number } | null)?.length
    if (length !== count && this.shape.length > 0)
      throw this.file.refuse(`one whose '${this.name}' gives ${length} values where ${count} lie`, 'a sound HDF5 file')
    return found
  }
}
