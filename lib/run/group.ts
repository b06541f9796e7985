// The processes that work on one run together: those that `mpirun` or `srun` started, or this one alone. What they share are sums over their
// images; each reads its own part of them. MPI carries the numbers, through an addon that is built where mpicc is.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { root } from '#root'
import { DataError, DeviceError } from '../errors.js'
import type { Safetensor } from '../io/index.js'

interface RawMpi {
  open(): { rank: number; size: number }
  sum(data: Float32Array | Float64Array): Promise<void>
  gather(bytes: Uint8Array): Promise<Uint8Array>
  broadcast(bytes: Uint8Array, from: number): Promise<void>
  close(): void
}

export interface Group {
  /** Number of this process, from 0. */
  readonly rank: number
  /** How many there are. */
  readonly size: number
  /** Adds up the arrays of all processes, in place. */
  sum(data: Float32Array | Float64Array): Promise<void>
  /** The text of every process, in order of rank. */
  texts(own: string): Promise<string[]>
  /** Bytes of process `from`, in place; of one length everywhere. */
  broadcast(bytes: Uint8Array, from: number): Promise<void>
}

const alone: Group = {
  rank: 0,
  size: 1,
  sum: async () => undefined,
  texts: async (own) => [own],
  broadcast: async () => undefined,
}

/** Under what names launchers tell a process how many there are: Open MPI, MPICH and Intel MPI, and PMIx under srun. */
const sizes = ['OMPI_COMM_WORLD_SIZE', 'PMI_SIZE', 'MPI_LOCALNRANKS']

const ranks = ['OMPI_COMM_WORLD_RANK', 'PMI_RANK']

/** Number of this process among those that a launcher started, as it says itself; 0 of one alone. */
export const processNumber = (): number => Math.max(0, ...ranks.map((name) => Number(process.env[name] ?? 0)))

/** How many processes a launcher started, as it says itself. */
export const processCount = (): number => Math.max(1, ...sizes.map((name) => Number(process.env[name] ?? 1)))

let opened: Group | null = null

/**
 * The processes of this run.
 * @throws {DeviceError} when a launcher started several, and there is no MPI for Striate to reach the others by
 */
export function processGroup(): Group {
  opened ??= open()
  return opened
}

function open(): Group {
  const count = processCount()
  if (!(count > 1)) return alone
  const file = join(root, 'build', 'Release', 'mpi', 'striate_mpi.node')
  let mpi: RawMpi
  let world: { rank: number; size: number }
  try {
    mpi = createRequire(file)(file) as RawMpi
    world = mpi.open()
  } catch (cause) {
    const [reason] = String(cause instanceof Error ? cause.message : cause).split('\n')
    throw new DeviceError(
      `started as one of ${count} processes, but Striate has no MPI to reach the others by (${reason}); install Open MPI ` +
        'with its compiler (Debian: openmpi-bin and libopenmpi-dev) and run `npm run build:native` in the package',
      { cause },
    )
  }
  if (world.size === 1)
    throw new DeviceError(
      `started as one of ${count} processes, but MPI knows of one alone: start them with the mpirun of the MPI that Striate was built with`,
    )
  const { rank, size } = world
  // MPI wants to be told of an end in order; after a fault it must not wait for the others.
  process.once('exit', (code) => {
    if (code === 0) mpi.close()
  })
  return {
    rank,
    size,
    sum: (data) => mpi.sum(data),
    broadcast: (bytes, from) => mpi.broadcast(bytes, from),
    texts: async (own) => {
      const text = new TextEncoder().encode(own)
      const lengths = new Uint32Array((await mpi.gather(new Uint8Array(Uint32Array.of(text.length).buffer))).slice().buffer)
      const longest = Math.max(...lengths)
      const bytes = new Uint8Array(longest)
      bytes.set(text)
      const all = await mpi.gather(bytes)
      return Array.from(lengths, (length, i) => new TextDecoder().decode(all.subarray(i * longest, i * longest + length)))
    },
  }
}

/**
 * Refuses processes that were not asked for the same.
 * @param what is compared: the images, the settings
 */
export async function agree(group: Group, op: string, what: string, own: string): Promise<void> {
  const texts = await group.texts(own)
  const other = texts.findIndex((text) => text !== texts[0])
  if (other < 0) return
  throw new DataError({
    op,
    argument: what,
    actual: `different in process ${other} and process 0`,
    expected: 'the same in all processes',
  })
}

/** A promise that ends early when the signal fires: while another process is waited for that may be gone. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** The processes of this run, waited for until the signal fires. */
export function watchedGroup(signal: AbortSignal | undefined): Group {
  const group = processGroup()
  if (group.size === 1) return group
  return {
    rank: group.rank,
    size: group.size,
    sum: (data) => unlessAborted(group.sum(data), signal),
    texts: (own) => unlessAborted(group.texts(own), signal),
    broadcast: (bytes, from) => unlessAborted(group.broadcast(bytes, from), signal),
  }
}

/** A text and tensors of float32. */
interface Message {
  text: string
  tensors: ReadonlyMap<string, Safetensor>
}

/** What process 0 has to say, in every process; what the others give is left aside. */
export async function fromFirst(group: Group, { text, tensors }: Message): Promise<Message> {
  if (group.size === 1) return { text, tensors }
  const names = [...tensors].map(([name, { shape }]) => ({ name, shape }))
  const [first = ''] = await group.texts(group.rank === 0 ? JSON.stringify({ text, names }) : '')
  const told = JSON.parse(first) as { text: string; names: typeof names }
  const received = new Map<string, Safetensor>()
  for (const { name, shape } of told.names) {
    const size = shape.reduce((a, b) => a * b, 1)
    const data = group.rank === 0 ? (tensors.get(name)?.data as Float32Array) : new Float32Array(size)
    await group.broadcast(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 0)
    received.set(name, { dtype: 'F32', shape, data })
  }
  return { text: told.text, tensors: received }
}

/** This process's part of some images, of which each is in the part of one. */
export function shareOf(rows: Int32Array, { rank, size }: Group): Int32Array {
  return rows.subarray(Math.floor((rank * rows.length) / size), Math.floor(((rank + 1) * rows.length) / size))
}
