// How tensors of the processes of one run are added up: on their GPUs by NCCL, in the order of each one's queue, where every process has a GPU
// of its own and the same NCCL; else on the host by MPI. All of them decide it together, before the work.
import { hostname } from 'node:os'
import { type Device, deviceSums } from '../device.js'
import { hostTensor } from '../io/index.js'
import { scale } from '../ops/index.js'
import { scope, Tensor } from '../tensor.js'
import { type Group, unlessAborted } from './group.js'

export interface TensorSums {
  /** What adds up, with its version where bits may depend on that. */
  readonly library: string
  /** Why that is not NCCL, among GPUs; else empty. */
  readonly reason: string
  /** Means over the processes of float32 tensors, which they all give in one order. What was given holds nothing of use any more. */
  means(tensors: readonly Tensor[]): Promise<Tensor[]>
}

/** Who adds up, in words. */
export const sumsText = ({ library, reason }: TensorSums): string => library + (reason && `: ${reason}`)

/** Milliseconds that the others have, once this process is told to stop, to do their part of the sums that it waits for. */
const patience = 500

/** Devices that have joined those of the other processes, which they do once. */
const joined = new WeakSet<Device>()

/** Makes the sums of a run, with all its processes at once. */
export async function tensorSums(group: Group, device: Device, signal: AbortSignal | undefined): Promise<TensorSums> {
  const sums = deviceSums(device)
  if (device.kind === 'cpu') return { library: 'MPI', reason: '', means: hostMeans(group) }
  const own = { host: hostname(), address: sums.address, ...sums.library() }
  const places = (await group.texts(JSON.stringify(own))).map((text) => JSON.parse(text) as typeof own)
  const reason = obstacle(places)
  if (reason) return { library: 'MPI', reason, means: hostMeans(group) }
  if (!joined.has(device)) {
    const key = group.rank === 0 ? sums.key() : new Uint8Array(128)
    await group.broadcast(key, 0)
    await unlessAborted(sums.join(key, group), signal)
    joined.add(device)
    // NCCL tells of a process that is gone only when it is asked, and its kernels wait for ever.
    setInterval(sums.watch, 1000).unref()
  }
  signal?.addEventListener('abort', () => void leave(device), { once: true })
  return {
    library: own.library,
    reason: '',
    means: async (tensors) => {
      sums.add(tensors)
      return tensors.map((sum) => scale(sum, { factor: 1 / group.size }))
    },
  }
}

/** What keeps NCCL from adding up among these processes; empty where nothing does. */
function obstacle(places: readonly { host: string; address: string; library: string; reason: string }[]): string {
  const without = places.findIndex(({ library }) => library === '')
  if (without >= 0) return `process ${without} has no NCCL (${places[without]?.reason})`
  const other = places.findIndex(({ library }) => library !== places[0]?.library)
  if (other >= 0) return `process ${other} has ${places[other]?.library} and process 0 ${places[0]?.library}`
  for (const [i, { host, address }] of places.entries()) {
    const first = places.findIndex((place) => place.host === host && place.address === address)
    if (first < i)
      return `processes ${first} and ${i} share the GPU ${address} of ${host}; CUDA_VISIBLE_DEVICES gives each its own`
  }
  return ''
}

/** By one sum of everything on the host. */
const hostMeans = (group: Group) => async (tensors: readonly Tensor[]) => {
  const host = await Promise.all(tensors.map(hostTensor))
  const sums = new Float32Array(host.reduce((size, { data }) => size + data.length, 0))
  let at = 0
  for (const { data } of host) {
    sums.set(data as Float32Array, at)
    at += data.length
  }
  await group.sum(sums)
  at = 0
  return tensors.map(({ shape, size, device }) => {
    const sum = sums.subarray(at, at + size)
    at += size
    return scope(() => scale(Tensor.from(sum, { shape, device }), { factor: 1 / group.size }))
  })
}

/** Waits a while for the sums that are queued. Those of processes that are gone are broken off, so that this one can end. */
async function leave(device: Device): Promise<void> {
  const { breakOff } = deviceSums(device)
  const timer = setTimeout(() => breakOff('this process was stopped while it waited for the others'), patience)
  await device.sync().catch(({ message }: Error) => breakOff(message))
  clearTimeout(timer)
}
