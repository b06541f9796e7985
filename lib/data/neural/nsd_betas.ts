// Responses of single trials of the Natural Scenes Dataset, read voxel by voxel as they are stored, and what becomes of them.
import type { LoadControl } from '../images.js'
import { type Hdf5Dataset, Hdf5File, type Slab } from './hdf5.js'
import { trialsPerSession } from './nsd_design.js'
import type { Extents } from './nsd_voxels.js'

/** Stored are percents of signal change, this many times. */
const scale = 300
/** Bytes of single trials that are worked on at a time. */
const usualBytes = 2 ** 26
/** Voxels between two wanted ones of a row that are read with them: a read costs as much as some of them. */
const gap = 4

export interface BetaRequest {
  op: string
  /** A file a session, in the order of the sessions. */
  files: readonly string[]
  extents: Extents
  /** x + X (y + Y z), ascending. */
  places: Int32Array
  /** Which row of the images each trial showed, session after session. */
  rows: Int32Array
  images: number
  zScore: boolean
  /** Whether single trials are kept. */
  trials: boolean
  /** Bytes of single trials that are worked on at a time; 64 MiB by default. */
  workingBytes?: number
}

export interface Betas {
  /** Positions, in the list of places, of the voxels that are not constant in any session. */
  kept: Int32Array
  /** [images, kept]. */
  mean: Float64Array
  /** [images, kept, repeats], in the order in which they were shown; NaN where there is none. */
  trials: Float64Array | null
  repeats: number
  /** Signal to noise of each voxel, from the trials of images that were shown more than once; NaN without z-scores. */
  ncsnr: Float64Array
}

/**
 * The shape of the betas of some sessions, as [X,Y,Z]: all of them are looked into.
 * @throws {DataError} naming the file that holds no betas of a session, or of another shape than the first
 */
export async function extentsOf(op: string, paths: readonly string[]): Promise<Extents> {
  let extents: Extents | null = null
  for (const path of paths) {
    using file = await openBetas(op, path, extents)
    const betas = file.dataset('betas', 4)
    const [, z = 0, y = 0, x = 0] = betas.shape
    extents ??= [x, y, z]
    if (x * y * z > 0)
      integersOf(file, betas, [
        [0, 1],
        [0, 1],
        [0, 1],
        [0, 1],
      ])
  }
  return extents as Extents
}

/** @param extents what they must be; null of the first session */
async function openBetas(op: string, path: string, extents: Extents | null): Promise<Hdf5File> {
  const file = await Hdf5File.open(op, path, 'an HDF5 file of betas [750, Z, Y, X]')
  try {
    const [trials, z, y, x] = file.dataset('betas', 4).shape
    if (trials !== trialsPerSession) throw file.refuse(`one of ${trials} trials`, `${trialsPerSession}, those of a session`)
    if (extents && (x !== extents[0] || y !== extents[1] || z !== extents[2]))
      throw file.refuse(`one of ${x} x ${y} x ${z} voxels`, `${extents.join(' x ')}, as session 1`)
    return file
  } catch (error) {
    file.close()
    throw error
  }
}

function integersOf(file: Hdf5File, betas: Hdf5Dataset, slab: Slab): Int16Array {
  const read = betas.numbers(slab)
  if (read instanceof Int16Array) return read
  throw file.refuse('one of another element type', 'betas as 16-bit integers')
}

/** Bytes of responses that reading holds, beside 64 MiB of trials that are worked on. */
export const betaBytes = (images: number, voxels: number, repeats: number): number => 8 * images * voxels * (1 + repeats)

/**
 * Reads responses and averages them over repeats. Trials are held for so many voxels at a time that they take 64 MiB, whatever the number of voxels.
 * @param control `onProgress` counts voxels
 * @throws {DataError} naming the file that is damaged, of another shape, or no integers
 */
export async function readBetas(request: BetaRequest, { signal, onProgress }: LoadControl = {}): Promise<Betas> {
  const { places, rows, images, zScore, workingBytes = usualBytes } = request
  const counts = new Int32Array(images)
  const turns = rows.map((row) => (counts[row] as number)++)
  const repeats = counts.reduce((a, b) => Math.max(a, b), 0)
  const voxels = places.length
  const mean = new Float64Array(images * voxels)
  const trials = request.trials ? new Float64Array(images * voxels * repeats).fill(Number.NaN) : null
  const ncsnr = new Float64Array(voxels).fill(Number.NaN)
  const kept: number[] = []
  const sums = new Float64Array(images)
  const squares = new Float64Array(images)
  const step = Math.max(1, Math.floor(workingBytes / (8 * rows.length)))
  for (let first = 0; first < voxels; first += step) {
    const some = places.subarray(first, first + step)
    const data = await readTrials(request, some, signal)
    for (let i = 0; i < some.length; ++i) {
      const own = data.subarray(i * rows.length, (i + 1) * rows.length)
      if (!standardise(own, zScore)) continue
      const voxel = first + i
      kept.push(voxel)
      sums.fill(0)
      squares.fill(0)
      own.forEach((value, trial) => {
        const row = rows[trial] as number
        sums[row] = (sums[row] as number) + value
        squares[row] = (squares[row] as number) + value * value
        if (trials) trials[(row * voxels + voxel) * repeats + (turns[trial] as number)] = value
      })
      for (let image = 0; image < images; ++image)
        mean[image * voxels + voxel] = (sums[image] as number) / (counts[image] as number)
      if (zScore) ncsnr[voxel] = signalToNoise(sums, squares, counts)
    }
    onProgress?.({ done: Math.min(voxels, first + step), total: voxels })
  }
  const list = Int32Array.from(kept)
  return {
    kept: list,
    mean: compact(mean, images, voxels, list, 1),
    trials: trials && compact(trials, images, voxels, list, repeats),
    repeats,
    ncsnr: compact(ncsnr, 1, voxels, list, 1),
  }
}

/** All trials of some voxels, [voxels, trials] as they are stored. */
async function readTrials(
  { op, files, extents, rows }: BetaRequest,
  places: Int32Array,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const [X, Y] = extents
  const data = new Float64Array(places.length * rows.length)
  for (const [session, path] of files.entries()) {
    signal?.throwIfAborted()
    await new Promise(setImmediate)
    using file = await openBetas(op, path, extents)
    const betas = file.dataset('betas', 4)
    for (const { first, last } of runsOf(places, X)) {
      const place = places[first] as number
      const [row, begin, end] = [Math.floor(place / X), place % X, ((places[last] as number) % X) + 1]
      const [atY, atZ] = [row % Y, Math.floor(row / Y)]
      const read = integersOf(file, betas, [null, [atZ, atZ + 1], [atY, atY + 1], [begin, end]])
      for (let i = first; i <= last; ++i) {
        const column = ((places[i] as number) % X) - begin
        const to = i * rows.length + session * trialsPerSession
        for (let trial = 0; trial < trialsPerSession; ++trial) data[to + trial] = read[trial * (end - begin) + column] as number
      }
    }
  }
  return data
}

/** Wanted voxels that lie in one row close to each other. */
function* runsOf(places: Int32Array, X: number): Generator<{ first: number; last: number }, void, void> {
  for (let first = 0; first < places.length; ) {
    let last = first
    for (; last + 1 < places.length; ++last) {
      const [here, next] = [places[last] as number, places[last + 1] as number]
      if (next - here > gap || Math.floor(next / X) !== Math.floor(here / X)) break
    }
    yield { first, last }
    first = last + 1
  }
}

/**
 * A voxel's trials in place: z-scores of each session (over n - 1), or percents of signal change.
 * @returns false for a voxel that is constant in a session
 */
function standardise(trials: Float64Array, zScore: boolean): boolean {
  for (let first = 0; first < trials.length; first += trialsPerSession) {
    const session = trials.subarray(first, first + trialsPerSession)
    const mean = session.reduce((sum, value) => sum + value, 0) / session.length
    const deviation = Math.sqrt(session.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (session.length - 1))
    if (session.every((value) => value === session[0])) return false
    for (let i = 0; i < session.length; ++i)
      session[i] = zScore ? ((session[i] as number) - mean) / deviation : (session[i] as number) / scale
  }
  return true
}

/** Of z-scores, whose variance is 1: what is not noise is signal. */
function signalToNoise(sums: Float64Array, squares: Float64Array, counts: Int32Array): number {
  let [noise, many] = [0, 0]
  for (let image = 0; image < counts.length; ++image) {
    const count = counts[image] as number
    if (count < 2) continue
    noise += ((squares[image] as number) - (sums[image] as number) ** 2 / count) / (count - 1)
    many += 1
  }
  const variance = noise / many
  return Math.sqrt(Math.max(0, 1 - variance) / variance)
}

/** The columns of [rows, columns, each] that are kept, moved together where they lie. */
function compact(data: Float64Array, rows: number, columns: number, kept: Int32Array, each: number): Float64Array {
  if (kept.length === columns) return data
  let to = 0
  for (let row = 0; row < rows; ++row)
    for (const column of kept) {
      const from = (row * columns + column) * each
      data.copyWithin(to, from, from + each)
      to += each
    }
  return data.subarray(0, to)
}
