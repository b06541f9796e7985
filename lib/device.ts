import { DeviceError } from './errors.js'
import { addon, type DeviceUse, native, type RawDevice, type RawTensor, settled } from './native.js'

export type { DeviceUse } from './native.js'
export type DeviceKind = 'cpu' | 'cuda'

/** A device and its ordered queue of work. Made by {@link cpu} and {@link cuda}; one for each kind and index in a thread of JavaScript. */
export class Device {
  /** `cpu`, `cuda`, or `cuda-sim` in Striate's own tests. */
  readonly kind: string
  readonly index: number
  /** Name of the processor. */
  readonly name: string
  /** Instruction set or libraries that its kernels use. */
  readonly libraries: string
  /** Bytes of memory. */
  readonly memory: number
  /** @internal */
  readonly raw: RawDevice

  /** @internal */
  constructor(raw: RawDevice) {
    this.raw = raw
    this.kind = raw.kind
    this.index = raw.index
    this.name = raw.name
    this.libraries = raw.libraries
    this.memory = raw.memory
  }

  /** Waits until all work queued so far is done. Rejects with the first error among it. */
  sync(): Promise<void> {
    return settled(this.raw.sync())
  }

  /** Memory in use. */
  use(): DeviceUse {
    return this.raw.use()
  }

  /** Gives pooled memory back to the system. */
  trim(): void {
    this.raw.trim()
  }

  toString(): string {
    return `${this.kind}:${this.index} (${this.name})`
  }
}

function open(kind: string, index: number, guard = false, path?: string): Device {
  const key = `${kind}:${index}:${guard}:${path ?? ''}`
  addon.opened ??= new Map()
  const opened = addon.opened as Map<string, Device>
  let device = opened.get(key)
  if (!device) {
    device = new Device(native(() => new addon.Device(kind, index, guard, path)))
    opened.set(key, device)
  }
  return device
}

/** The processor's cores. Always there. */
export function cpu(): Device {
  return open('cpu', 0)
}

/**
 * An NVIDIA GPU.
 * @param index as CUDA numbers them. Default 0.
 * @throws {DeviceError} with the reason and the remedy when it cannot be used.
 */
export function cuda(index = 0): Device {
  if (!Number.isInteger(index) || index < 0)
    throw new DeviceError({ op: 'cuda', argument: 'index', actual: String(index), expected: 'a whole number of at least 0' })
  return open('cuda', index)
}

/**
 * A device of its own for tests: with guard bytes around every buffer, and of any back end, `cuda-sim` (CUDA kernels run on the CPU, from
 * the library at `path`) included.
 * @internal
 */
export function testDevice(kind: string, path?: string): Device {
  return open(kind, 0, true, path)
}

/** Sums with the devices of other processes, as native/binding/sums.h has them, for lib/run. @internal */
export const deviceSums = ({ raw }: Device) => ({
  /** Of a GPU on the bus of its host; empty on the CPU. */
  address: raw.address,
  library: () => native(() => addon.sums.library(raw)),
  key: () => native(() => addon.sums.key(raw)),
  join: (key: Uint8Array, { rank, size }: { rank: number; size: number }) => settled(addon.sums.join(raw, key, rank, size)),
  add: (tensors: readonly { raw: RawTensor }[]) =>
    native(() =>
      addon.sums.add(
        raw,
        tensors.map((tensor) => tensor.raw),
      ),
    ),
  breakOff: (reason: string) => addon.sums.breakOff(raw, reason),
  watch: () => addon.sums.watch(raw),
})

export interface DeviceReport {
  kind: DeviceKind
  /** Index among the devices of its kind; -1 for a kind of which none can be used. */
  index: number
  usable: boolean
  name?: string
  /** Bytes. */
  memory?: number
  libraries?: string
  /** Why it cannot be used and what to do, in one sentence. */
  reason?: string
}

/** Every device seen; for CUDA that cannot be used, one entry that says why. */
export function devices(): DeviceReport[] {
  const list: DeviceReport[] = [report(cpu())]
  const probe = addon.probe('cuda')
  for (let i = 0; i < probe.count; i++) {
    try {
      list.push(report(cuda(i)))
    } catch (error) {
      list.push({ kind: 'cuda', index: i, usable: false, reason: (error as Error).message })
    }
  }
  if (probe.count === 0) list.push({ kind: 'cuda', index: -1, usable: false, reason: probe.reason })
  return list
}

function report(device: Device): DeviceReport {
  const { index, name, memory } = device
  // LAPACK is opened only when something needs it, or here.
  const libraries = device.kind === 'cpu' ? `${device.libraries}, ${addon.lapack()}` : device.libraries
  return { kind: device.kind as DeviceKind, index, usable: true, name, memory, libraries }
}

/** The device of a name such as `cpu`, `cuda` or `cuda:1`. */
export function deviceOf(name: string): Device {
  const match = /^(cpu|cuda)(?::(\d+))?$/.exec(String(name))
  if (!match || (match[1] === 'cpu' && match[2]))
    throw new DeviceError({ op: '', argument: 'device', actual: `'${String(name)}'`, expected: "'cpu', 'cuda' or 'cuda:1'" })
  return match[1] === 'cpu' ? cpu() : cuda(Number(match[2] ?? 0))
}

/**
 * Threads that CPU kernels use, in this process. Default: STRIATE_THREADS, or else one for each core that the process may use, by its
 * affinity and by the CPU quota of its cgroup.
 * @throws {OptionError} when STRIATE_THREADS is no whole number from 1 to 1024
 */
export function threads(): number {
  return native(() => addon.threads())
}

/** Sets the number of threads of CPU kernels. Results do not depend on it, bit for bit. */
export function setThreads(count: number): void {
  if (!Number.isInteger(count) || count < 1 || count > 1024)
    throw new DeviceError({
      op: 'setThreads',
      argument: 'count',
      actual: String(count),
      expected: 'a whole number from 1 to 1024',
    })
  native(() => addon.threads(count))
}

export interface MachineLimits {
  /** Float32 multiply-adds, two operations each, in 1e9 a second. */
  fmaGflops: number
  /** Memory read, in 1e9 bytes a second. */
  readGbs: number
  /** Memory copied, bytes read plus bytes written, in 1e9 a second. */
  copyGbs: number
}

/**
 * Measures what a device (default: the processor, with the current number of threads) can do at most, each limit for `seconds`
 * (default 0.3). Nothing else may use the device meanwhile.
 */
export async function limits(seconds = 0.3, device: Device = cpu()): Promise<MachineLimits> {
  const measured = await settled(native(() => addon.limits(device.raw, seconds)))
  const [fmaGflops, readGbs, copyGbs] = new Float64Array(measured) as unknown as number[]
  return { fmaGflops: fmaGflops ?? 0, readGbs: readGbs ?? 0, copyGbs: copyGbs ?? 0 }
}

/** Name of the instruction set whose CPU kernels are in use. */
export const instructionSet: string = addon.instructionSet
