// A Python process that does the same work in PyTorch and NumPy (bench/peers/peer.py), asked line by line.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { z } from 'zod'
import { root } from '#root'
import { type Device, type DeviceKind, instructionSet, setThreads, threads } from '../device.js'
import { OptionError } from '../errors.js'
import { version } from '../version.js'
import type { BenchCase } from './case.js'
import type { Summary } from './data.js'
import type { Burst } from './timing.js'

export interface PeerVersions {
  python: string
  torch: string
  numpy: string
  threads: number
  /** `cpu`, or the GPU's name. */
  device: string
  /** What the tuned forms ask PyTorch for, of which its float32 products keep their accuracy here. */
  precision: string
  /** Settings of the peer's process that change its speed. */
  environment: Record<string, string>
}

export interface PeerTimes {
  forms: Record<string, Burst>
  /** Forms that cannot run here, with the reason. */
  failed: Record<string, string>
  /** Forms that do less than the work. */
  lighter: string[]
}

export interface PeerCheck {
  /** Largest error of each form, as a share of the largest element. */
  forms: Record<string, number>
  /** The float64 result. */
  reference: Summary
}

/** What the peer says of the whole job. */
export interface PeerJob {
  /** Seconds of each. */
  phases: Record<string, number>
  /** The form of a phase that was fastest. */
  forms: Record<string, string>
  testError: number
}

export const peerOptions = z.strictObject({
  peers: z.boolean().default(true).describe('compare with PyTorch and NumPy where they are installed'),
  python: z
    .string()
    .optional()
    .describe('a Python that must have PyTorch and NumPy (default: STRIATE_PYTHON or python3, and no peer without them)'),
})

/** Why there is no peer, in one sentence. */
export class NoPeer extends Error {}

/**
 * The peer's environment: what makes PyTorch slow for no fault of its own is put right. Preset choices of OpenBLAS kernels are dropped;
 * memory once used is kept by the process rather than given back and faulted in again at each large result; OpenMP threads sleep at barriers;
 * oneDNN is held to instructions that keep float32's accuracy, as with AMX and bfloat16 ones its products do not.
 */
function fairEnvironment(threads: number): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
  delete env.OPENBLAS_CORETYPE
  delete env.OPENBLAS_L2_SIZE
  env.MALLOC_MMAP_MAX_ = '0'
  env.MALLOC_TRIM_THRESHOLD_ = String(2 ** 34)
  env.OMP_WAIT_POLICY = 'passive'
  env.ONEDNN_MAX_CPU_ISA = 'AVX512_CORE'
  for (const name of ['OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS']) env[name] = String(threads)
  return env
}

export class Peer {
  versions!: PeerVersions
  readonly #child: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>
  readonly #reader: Interface
  #stderr = ''

  private constructor(python: string, threads: number, signal?: AbortSignal) {
    this.#child = spawn(python, [join(root, 'bench', 'peers', 'peer.py')], {
      env: fairEnvironment(threads),
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(signal && { signal }),
    })
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4000)
    })
    this.#child.stdin.on('error', () => {}) // a dead child shows in the answer that never comes
    this.#reader = createInterface({ input: this.#child.stdout })
    this.#lines = this.#reader[Symbol.asyncIterator]()
  }

  /** Starts one. @throws {NoPeer} when Python, NumPy or PyTorch is missing. */
  static async start(python: string, threads: number, device: 'cpu' | 'cuda', signal?: AbortSignal): Promise<Peer> {
    const peer = new Peer(python, threads, signal)
    const failed = once(peer.#child, 'error').then(([error]) => {
      throw signal?.aborted ? signal.reason : new NoPeer(`${python} cannot be started (${(error as NodeJS.ErrnoException).code})`)
    })
    try {
      peer.versions = await Promise.race([peer.#ask<PeerVersions>({ action: 'hello', threads, device }), failed])
    } catch (error) {
      await peer.close()
      if (signal?.aborted || error instanceof NoPeer) throw error
      const text = (error as Error).message
      const missing = /No module named '?([\w.]+)/.exec(text)?.[1]
      throw new NoPeer(missing ? `${python} has no ${missing === 'torch' ? 'PyTorch' : missing}` : `${python}: ${text}`)
    }
    failed.catch(() => {}) // after an abort the answer that never comes reports it
    return peer
  }

  /** One burst of each form; the first call of a case builds and warms them up. */
  time(c: BenchCase, forms?: string[]): Promise<PeerTimes> {
    return this.#ask({ action: 'time', op: c.op, case: c.name, sizes: c.sizes, ...(forms && { forms }) })
  }

  check(c: BenchCase): Promise<PeerCheck> {
    return this.#ask({ action: 'check', op: c.op, case: c.name, sizes: c.sizes })
  }

  /** The whole single-block job, on sets that lie in .npy files. */
  job(request: { work: object; classes: number; train: object; test: object }): Promise<PeerJob> {
    return this.#ask({ action: 'job', ...request })
  }

  /** Gives the memory of a case back. */
  forget(c: BenchCase): Promise<unknown> {
    return this.#ask({ action: 'close', op: c.op, case: c.name, sizes: c.sizes })
  }

  async close(): Promise<void> {
    this.#reader.close()
    this.#child.stdin.end()
    const running = this.#child.exitCode === null && this.#child.signalCode === null && this.#child.pid !== undefined
    if (running) {
      this.#child.kill()
      await once(this.#child, 'exit').catch(() => {})
    }
  }

  async #ask<T>(request: object): Promise<T> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`)
    const { value, done } = await this.#lines.next()
    if (done) throw new Error(`the peer's process ended: ${this.#stderr.trim().split('\n').at(-1) || 'no message'}`)
    const answer = JSON.parse(value) as T & { error?: string }
    if (answer.error) throw new Error(`the peer failed: ${answer.error}`)
    return answer
  }
}

/** What both benchmarks ask of their surroundings. */
export interface Sides extends z.output<typeof peerOptions> {
  threads: number
  kind: 'cpu' | 'cuda'
  signal?: AbortSignal | undefined
}

/**
 * Works with so many threads, beside a peer where one is wanted and found; else it is told why there is none. Threads are set back and the
 * peer ended afterwards.
 * @throws {OptionError} for a Python that was asked for and has none; the signal's reason once it fires
 */
export async function besidePeer<T>(
  { peers, python, threads: count, kind, signal }: Sides,
  work: (peer: Peer | null, note: string | undefined) => Promise<T>,
): Promise<T> {
  const wrong = (actual: string, expected: string) => new OptionError({ op: 'bench', argument: 'python', actual, expected })
  if (!peers && python !== undefined) throw wrong('given without peers', 'one of them')
  const before = threads()
  let peer: Peer | null = null
  let note: string | undefined
  try {
    setThreads(count)
    signal?.throwIfAborted()
    if (peers)
      try {
        peer = await Peer.start(python ?? (process.env.STRIATE_PYTHON || 'python3'), count, kind, signal)
      } catch (error) {
        if (!(error instanceof NoPeer)) throw error
        if (python !== undefined)
          throw wrong(error.message, `a Python 3 with NumPy and PyTorch${kind === 'cuda' ? ' for CUDA' : ''}`)
        note = `no peer: ${error.message}`
      }
    return await work(peer, note)
  } catch (error) {
    throw signal?.aborted ? signal.reason : error
  } finally {
    await peer?.close()
    setThreads(before)
  }
}

/** The head of a report. */
export interface Provenance {
  date: string
  striate: string
  node: string
  machine: { processor: string; cores: number; instructionSet: string; kind: DeviceKind; device: string; libraries: string }
}

export const provenance = ({ kind, name, libraries }: Device): Provenance => ({
  date: new Date().toISOString(),
  striate: version,
  node: process.version,
  machine: {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    instructionSet,
    kind: kind as DeviceKind,
    device: name,
    libraries,
  },
})
