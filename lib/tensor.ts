import ndarray, { type NdArray } from 'ndarray'
import { cpu, type Device } from './device.js'
import { ShapeError } from './errors.js'
import { addon, type DtypeName, native, opNumbers, type RawTensor, settled } from './native.js'
import { refuseUnknown } from './options.js'

export type Dtype = DtypeName
export type HostData = Float32Array | Int32Array | Uint8Array | Float64Array
/** What `Tensor.from` takes: bf16 numbers come as a Uint16Array of their bits, or as a Float32Array with `dtype: 'bf16'`, rounded. */
export type TensorSource = HostData | Uint16Array | Uint8ClampedArray

export interface TensorOptions {
  /** Sizes, row-major. Default: that of the ndarray, or one axis as long as the data. */
  shape?: readonly number[]
  /** Default: f32 of a Float32Array, f64 of a Float64Array, i32 of an Int32Array, u8 of a Uint8Array, bf16 of a Uint16Array. */
  dtype?: Dtype
  /** Default: `cpu()`. */
  device?: Device
}

let scopes: Set<Tensor>[] = []

/**
 * A contiguous, row-major array on a device. Its memory is freed by `dispose()`, by `using`, by the `scope()` it was made in, or, late,
 * by the garbage collector.
 */
export class Tensor {
  readonly device: Device
  /** @internal */
  readonly raw: RawTensor
  private sizes: readonly number[] | null = null

  /** @internal */
  constructor(raw: RawTensor, device: Device) {
    this.raw = raw
    this.device = device
    scopes.at(-1)?.add(this)
  }

  /** Sizes of the axes, row-major. */
  get shape(): readonly number[] {
    // Asked for only when it is wanted: a call into the addon costs as much as a small op.
    this.sizes ??= addon.tensor.shape(this.raw)
    return this.sizes
  }

  get dtype(): Dtype {
    return addon.tensor.dtype(this.raw)
  }

  /**
   * Copies host data to a device; the data may be changed or reused at once.
   * @param data a typed array (of a SharedArrayBuffer too), or an ndarray (of any strides within its data; it is made contiguous)
   * @throws {ShapeError} when the shape does not fit the data, or the type of array is none of those above
   * @throws {OptionError} of an unknown option or element type
   */
  static from(data: TensorSource | NdArray<TensorSource>, options: TensorOptions = {}): Tensor {
    refuseUnknown('Tensor.from', options, ['shape', 'dtype', 'device'])
    const device = options.device ?? cpu()
    const held = isNdArray(data) ? data.data : data
    const type = arrayTypeOf(held)
    const array = isNdArray(data) ? contiguous(data) : (data as TensorSource)
    const shape = options.shape ?? (isNdArray(data) ? data.shape : [array.length])
    const dtype = options.dtype ?? dtypes[type]
    const source = dtype === 'bf16' && type === 'Float32Array' ? bf16Bits(array as Float32Array) : array
    return new Tensor(
      native(() => addon.tensor.upload(device.raw, source, dtype, shape)),
      device,
    )
  }

  /** A tensor of zeros. Default: f32 on `cpu()`. */
  static zeros(shape: readonly number[], options: Omit<TensorOptions, 'shape'> = {}): Tensor {
    refuseUnknown('Tensor.zeros', options, ['dtype', 'device'])
    const device = options.device ?? cpu()
    return new Tensor(
      native(() => addon.tensor.zeros(device.raw, options.dtype ?? 'f32', shape)),
      device,
    )
  }

  /** A tensor of whatever its memory holds, for what is written whole before it is read: nothing passes over it first. @internal */
  static empty(shape: readonly number[], dtype: Dtype, device: Device): Tensor {
    return new Tensor(
      native(() => addon.tensor.empty(device.raw, dtype, shape)),
      device,
    )
  }

  /** Number of elements. */
  get size(): number {
    return this.shape.reduce((a, b) => a * b, 1)
  }

  get disposed(): boolean {
    return addon.tensor.disposed(this.raw)
  }

  /**
   * Waits for the work that makes this tensor and copies it to the host: a Float32Array for f32 and bf16 (widened exactly), a
   * Float64Array, an Int32Array or a Uint8Array, as an ndarray of the tensor's shape. Rejects with the first error of the device's queue.
   */
  async read(): Promise<NdArray<HostData>> {
    const buffer = await settled(native(() => addon.tensor.read(this.raw)))
    return ndarray(hostArray(buffer, this.dtype), [...this.shape])
  }

  /** The same memory with another shape of as many elements. */
  reshape(shape: readonly number[]): Tensor {
    return new Tensor(
      native(() => addon.tensor.reshape(this.raw, shape)),
      this.device,
    )
  }

  /** A copy on another device (or on the same). */
  to(device: Device): Tensor {
    return new Tensor(
      native(() => addon.tensor.to(this.raw, device?.raw)),
      device,
    )
  }

  /** Lets go of the memory. Queued work that uses it still finishes. May be called again. */
  dispose(): void {
    addon.tensor.dispose(this.raw)
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/**
 * Runs f and disposes of every tensor made meanwhile in this thread that is not part of what f returns (a tensor, or an array or plain
 * object of such, nested). For an async f, keep to one scope at a time: tensors made by other code while it waits fall into it too.
 */
export function scope<T>(f: () => T): T {
  const made = new Set<Tensor>()
  scopes.push(made)
  const leave = (result: unknown): void => {
    scopes = scopes.filter((s) => s !== made)
    const kept = new Set<Tensor>()
    collect(result, kept)
    for (const tensor of made) {
      if (kept.has(tensor)) scopes.at(-1)?.add(tensor)
      else tensor.dispose()
    }
  }
  let result: T
  try {
    result = f()
  } catch (error) {
    leave(undefined)
    throw error
  }
  if (result instanceof Promise) {
    return result.then(
      (value) => {
        leave(value)
        return value
      },
      (error) => {
        leave(undefined)
        throw error
      },
    ) as T
  }
  leave(result)
  return result
}

function collect(value: unknown, into: Set<Tensor>): void {
  if (value instanceof Tensor) into.add(value)
  else if (Array.isArray(value)) for (const item of value) collect(item, into)
  else if (value && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
    for (const item of Object.values(value)) collect(item, into)
}

/** Tensors that the garbage collector had to free in this thread, for want of a `dispose()`. */
export function leakedTensors(): number {
  return addon.leaked()
}

/** @internal */
export function callOp(
  op: string,
  inputs: readonly (Tensor | null | undefined)[],
  options?: object,
  request?: readonly string[],
): (Tensor | null)[] {
  const first = inputs.find((t) => t)
  const raws = native(() =>
    addon.call(
      opNumbers.get(op),
      inputs.map((t) => (t == null ? null : (t.raw ?? t))),
      options,
      request,
    ),
  )
  const device = first?.device as Device
  return raws.map((raw) => (raw ? new Tensor(raw, device) : null))
}

/** The same memory as a batch of one, where it lacks just that of `axes`; anything else as it is, for `callOp` to refuse. @internal */
export function batchOfOne<T extends Tensor | null | undefined>(t: T, axes: number): T {
  const { shape } = t ?? {}
  return (t instanceof Tensor && shape?.length === axes - 1 ? t.reshape([1, ...shape]) : t) as T
}

function isNdArray(data: TensorSource | NdArray<TensorSource>): data is NdArray<TensorSource> {
  return !ArrayBuffer.isView(data) && typeof data === 'object' && data !== null && Array.isArray(data.shape) && 'stride' in data
}

function contiguous(array: NdArray<TensorSource>): TensorSource {
  const { data, shape, stride, offset } = array
  checkWithin(array)
  const size = shape.reduce((a, b) => a * b, 1)
  let expected = 1
  let packed = true
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && stride[axis] !== expected) packed = false
    expected *= shape[axis] ?? 1
  }
  if (packed) return data.subarray(offset, offset + size)
  const copy = new (data.constructor as new (n: number) => TensorSource)(size)
  const index = new Array<number>(shape.length).fill(0)
  for (let i = 0; i < size; i++) {
    let at = offset
    for (let axis = 0; axis < shape.length; axis++) at += (index[axis] as number) * (stride[axis] as number)
    copy[i] = data[at] as number
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1
      if ((index[axis] as number) < (shape[axis] as number)) break
      index[axis] = 0
    }
  }
  return copy
}

/** Refuses an ndarray that is not within its data: strides and offset may be set to anything. */
function checkWithin({ data, shape, stride, offset }: NdArray<TensorSource>): void {
  let [first, last] = [offset, offset]
  for (let axis = 0; axis < shape.length; axis++) {
    const reach = ((shape[axis] as number) - 1) * (stride[axis] as number)
    if (reach < 0) first += reach
    else last += reach
  }
  const whole = [...shape, ...stride, offset].every(Number.isInteger) && shape.every((size) => size >= 1)
  if (whole && stride.length === shape.length && first >= 0 && last < data.length) return
  throw new ShapeError({
    op: 'Tensor.from',
    argument: 'data',
    actual: `an ndarray of shape [${shape}], stride [${stride}] and offset ${offset} on ${data.length} elements`,
    expected: 'one that has elements and lies within its data',
  })
}

const dtypes = {
  Float32Array: 'f32',
  Float64Array: 'f64',
  Int32Array: 'i32',
  Uint8Array: 'u8',
  Uint8ClampedArray: 'u8',
  Uint16Array: 'bf16',
} as const

/** By name rather than `instanceof`, so that arrays of another realm (a vm context, as of Jest) are known. */
function arrayTypeOf(data: unknown): keyof typeof dtypes {
  const name = ArrayBuffer.isView(data) ? Object.prototype.toString.call(data).slice(8, -1) : ''
  if (Object.hasOwn(dtypes, name)) return name as keyof typeof dtypes
  const actual = name ? `a ${name}` : data === null ? 'null' : typeof data
  const expected = 'a Float32Array, Float64Array, Int32Array, Uint8Array, Uint16Array (bf16) or an ndarray of one'
  throw new ShapeError({ op: 'Tensor.from', argument: 'data', actual, expected })
}

function bf16Bits(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  return Uint16Array.from(bits, (b) => ((b & 0x7fffffff) > 0x7f800000 ? (b >>> 16) | 64 : (b + 0x7fff + ((b >>> 16) & 1)) >>> 16))
}

function hostArray(buffer: ArrayBuffer, dtype: Dtype): HostData {
  if (dtype === 'f32') return new Float32Array(buffer)
  if (dtype === 'f64') return new Float64Array(buffer)
  if (dtype === 'i32') return new Int32Array(buffer)
  if (dtype === 'u8') return new Uint8Array(buffer)
  const bits = new Uint16Array(buffer)
  const wide = new Uint32Array(bits.length)
  for (let i = 0; i < bits.length; i++) wide[i] = (bits[i] ?? 0) << 16
  return new Float32Array(wide.buffer)
}

/** Throws what `callOp` would throw for inputs of these types and shapes, without making or running anything. @internal */
export function checkOp(
  op: string,
  inputs: readonly ({ dtype: Dtype; shape: readonly number[] } | null)[],
  options?: object,
): void {
  native(() => addon.check(opNumbers.get(op), inputs, options))
}
