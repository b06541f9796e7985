// Loads the addon and types its raw surface. The other files of lib use only what is exported here.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { root } from '#root'
import {
  DataError,
  DeviceError,
  DisposedError,
  type ErrorDetail,
  OptionError,
  OutOfMemoryError,
  ShapeError,
  StriateError,
} from './errors.js'

export type DtypeName = 'f32' | 'bf16' | 'i32' | 'u8' | 'f64'

declare const handle: unique symbol
/** A tensor's handle, for {@link RawTensors} alone. */
export interface RawTensor {
  readonly [handle]: true
}

interface RawTensors {
  upload(device: RawDevice, data: ArrayBufferView, dtype: DtypeName, shape: readonly number[]): RawTensor
  zeros(device: RawDevice, dtype: DtypeName, shape: readonly number[]): RawTensor
  empty(device: RawDevice, dtype: DtypeName, shape: readonly number[]): RawTensor
  shape(tensor: RawTensor): number[]
  dtype(tensor: RawTensor): DtypeName
  disposed(tensor: RawTensor): boolean
  read(tensor: RawTensor): Promise<ArrayBuffer>
  reshape(tensor: RawTensor, shape: readonly number[]): RawTensor
  to(tensor: RawTensor, device: RawDevice): RawTensor
  dispose(tensor: RawTensor): void
}

export interface DeviceUse {
  /** Bytes held by live tensors and queued work. */
  liveBytes: number
  /** Bytes that the pool keeps for the next tensors. */
  pooledBytes: number
  /** Live buffers. */
  buffers: number
  /** Calls of the back end's allocator so far. */
  allocations: number
  /** Overwritten guard bytes found so far (guard mode only). */
  guardFaults: number
}

export interface RawDevice {
  readonly kind: string
  readonly index: number
  readonly name: string
  readonly libraries: string
  readonly memory: number
  /** Of a GPU on the bus of its host; empty on the CPU. */
  readonly address: string
  sync(): Promise<void>
  use(): DeviceUse
  checkGuards(): void
  trim(): void
}

export interface ArgumentDescription {
  name: string
  /** Axis letters joined by commas; `...` for any shape. */
  axes: string
  dtypes: DtypeName[]
  optional: boolean
  inPlace: boolean
}

export interface OptionDescription {
  name: string
  kind: 'real' | 'integer' | 'flag' | 'choice'
  default: number | boolean | string
  low?: number
  high?: number
  words?: string[]
}

export interface OpDescription {
  name: string
  signature: string
  inputs: ArgumentDescription[]
  outputs: ArgumentDescription[]
  options: OptionDescription[]
}

/** Sums over the devices of several processes; native/binding/sums.h says what each call does. */
interface RawSums {
  library(device: RawDevice): { library: string; reason: string }
  key(device: RawDevice): Uint8Array
  join(device: RawDevice, key: Uint8Array, rank: number, size: number): Promise<void>
  add(device: RawDevice, tensors: readonly RawTensor[]): void
  breakOff(device: RawDevice, reason: string): void
  watch(device: RawDevice): void
}

interface RawAddon {
  Device: new (kind: string, index: number, guard: boolean, path?: string) => RawDevice
  readonly tensor: RawTensors
  /** Devices that are open in this thread. The addon is one whatever copies of this file there are: its devices are theirs together. */
  opened?: Map<string, unknown>
  /** Names of the ops, each at its number. */
  readonly ops: readonly string[]
  call(
    op: number | undefined,
    inputs: readonly (RawTensor | null | undefined)[],
    options?: object,
    request?: readonly string[],
  ): (RawTensor | null)[]
  check(
    op: number | undefined,
    inputs: readonly ({ dtype: DtypeName; shape: readonly number[] } | null)[],
    options?: object,
  ): void
  describe(): OpDescription[]
  probe(kind: string, path?: string): { count: number; built: boolean; reason: string }
  limits(device: RawDevice, seconds: number): Promise<ArrayBuffer>
  readonly sums: RawSums
  threads(count?: number): number
  usableCores(root?: string): number
  leaked(): number
  /** What large eigenproblems on the CPU go to. The first call opens it. */
  lapack(): string
  readonly instructionSet: string
}

interface RawError extends Error, ErrorDetail {
  kind: string
}

const classes: Record<string, new (detail: ErrorDetail | string, options?: ErrorOptions) => StriateError> = {
  shape: ShapeError,
  option: OptionError,
  device: DeviceError,
  disposed: DisposedError,
  outOfMemory: OutOfMemoryError,
  data: DataError,
  internal: StriateError,
}

/** Gives an error of the addon its class; passes any other on. */
export function classify(error: unknown): unknown {
  // Not `instanceof Error`: within a vm context, as of Jest, the addon's Error is another than this file's.
  const raw = error as RawError
  const Class = typeof error === 'object' && error !== null && typeof raw.kind === 'string' ? classes[raw.kind] : undefined
  if (!Class) return error
  return raw.argument ? new Class(raw, { cause: error }) : new Class(raw.message, { cause: error })
}

/** Runs a call into the addon. */
export function native<T>(f: () => T): T {
  try {
    return f()
  } catch (error) {
    throw classify(error)
  }
}

/** Awaits a promise of the addon. */
export async function settled<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise
  } catch (error) {
    throw classify(error)
  }
}

function load(): RawAddon {
  const require = createRequire(join(root, 'package.json'))
  try {
    const path = process.env.STRIATE_ADDON
    return (path ? require(path) : (require('node-gyp-build') as (root: string) => RawAddon)(root)) as RawAddon
  } catch (cause) {
    throw new DeviceError(
      `striate's native addon could not be loaded for ${process.platform}-${process.arch} (${firstLine(cause)}); ` +
        'run `npm run build:native` in the package (needs cmake and a C++20 compiler) or reinstall it with install scripts allowed',
      { cause },
    )
  }
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0] ?? ''
}

export const addon: RawAddon = load()

/** The number by which the addon knows an op. */
export const opNumbers: ReadonlyMap<string, number> = new Map(addon.ops.map((name, i) => [name, i]))
