// Responses of neurons, voxels or people to images, as arrays beside them.
import { createHash } from 'node:crypto'
import { basename, extname } from 'node:path'
import { isFloat64Array, isInt32Array } from 'node:util/types'
import { DataError, OptionError, ShapeError } from '../../errors.js'
import { readNpy } from '../../io/index.js'
import { refuseUnknown, wrongObject } from '../../options.js'
import { readWhole, refuseBinary } from '../files.js'

/** Responses of each target (neuron, voxel) to each image. */
export interface Responses {
  /** For people. */
  readonly name: string
  readonly images: number
  readonly targets: number
  /** [images, targets], means over repeats; NaN where there was none. */
  readonly mean: Float64Array
  /** Single repeats, where they are known. */
  readonly trials: Trials | null
  /** A number for each image: images of one are kept on one side of every split. */
  readonly groups: Int32Array | null
  /** What each image is called: its file, its stimulus, its number in a larger set; null where they have no names. */
  readonly imageNames: readonly string[] | null
  /** What of a larger recording they are, and what of it was left out, in words; null where that is not known. */
  readonly selection: string | null
  /** SHA-256 (hex) of the numbers. */
  readonly sha256: string
}

/** Responses to single repeats of the images. */
export interface Trials {
  readonly images: number
  readonly targets: number
  readonly repeats: number
  /** [images, targets, repeats]; NaN where there is no such repeat. */
  readonly data: Float64Array
}

/** Dissimilarities of every pair of images, for one or more subjects. */
export interface ReferenceRdms {
  readonly name: string
  readonly images: number
  /** One a subject: pairs i < j, row by row. */
  readonly subjects: readonly Float64Array[]
  /** Of a single subject the same from either half of the repeats; null where they are not known. */
  readonly halves: readonly [Float64Array, Float64Array] | null
  /** Of the responses that they are made of. */
  readonly selection: string | null
  readonly sha256: string
}

/** How many people chose each class for each image. */
export interface Choices {
  readonly name: string
  readonly images: number
  readonly classes: number
  /** [images, classes], whole numbers. */
  readonly counts: Float64Array
  readonly sha256: string
}

/** An array of a .npy file as doubles. */
export interface Numbers {
  readonly data: Float64Array
  readonly shape: readonly number[]
  /** Whether the file holds whole numbers. */
  readonly isWhole: boolean
}

/**
 * Reads a .npy file of real numbers of any type.
 * @throws {DataError} naming the file when it is none
 */
export async function readNumbers(path: string): Promise<Numbers> {
  const { data, shape } = await readNpy(path)
  const isWhole = !(data instanceof Float32Array || data instanceof Float64Array)
  return { data: Float64Array.from(data as Iterable<number | bigint> & ArrayLike<number>, Number), shape, isWhole }
}

const sha256Of = (...arrays: readonly (Float64Array | Int32Array)[]): string => {
  const hash = createHash('sha256')
  for (const { buffer, byteOffset, byteLength } of arrays) hash.update(new Uint8Array(buffer, byteOffset, byteLength))
  return hash.digest('hex')
}

/** What `responsesFrom` takes. */
export interface ResponseArrays {
  name: string
  images: number
  targets: number
  /** [images, targets]; NaN where there was none. */
  mean?: Float64Array | undefined
  trials?: Trials | null | undefined
  /** [images] */
  groups?: Int32Array | null | undefined
  /** [images] */
  imageNames?: readonly string[] | null | undefined
  /** What of a larger recording they are, in words. */
  selection?: string | null | undefined
}

/**
 * Responses from arrays: means, or single repeats, whose mean is taken, or both.
 * @throws {ShapeError} when an array is of another type, or of another size than the numbers of images and targets say
 * @throws {OptionError} for numbers of images, targets or repeats that are none; {DataError} for infinite responses
 */
export function responsesFrom(given: ResponseArrays): Responses {
  const op = 'responsesFrom'
  refuseUnknown(op, given, ['name', 'images', 'targets', 'mean', 'trials', 'groups', 'imageNames', 'selection'])
  const { name, images, targets, trials = null, groups = null, imageNames = null, selection = null } = given
  const counts = { images, targets, ...(trials ? { repeats: trials.repeats } : {}) }
  for (const [argument, count] of Object.entries(counts))
    if (!Number.isSafeInteger(count) || count < 1)
      throw new OptionError({ op, argument, actual: String(count), expected: 'a whole number of at least 1' })
  const arrays = [
    ['mean', given.mean, isFloat64Array, 'a Float64Array'],
    ['trials', trials?.data, isFloat64Array, 'a Float64Array'],
    ['groups', groups, isInt32Array, 'an Int32Array'],
    ['imageNames', imageNames, Array.isArray, 'an array of names'],
  ] as const
  for (const [argument, array, isOfKind, expected] of arrays)
    if (array !== undefined && array !== null && !isOfKind(array))
      throw new ShapeError({ op, argument, actual: `of type ${Object.prototype.toString.call(array).slice(8, -1)}`, expected })
  if (trials && (trials.images !== images || trials.targets !== targets))
    throw new ShapeError({
      op,
      argument: 'trials',
      actual: `of ${trials.images} images and ${trials.targets} targets`,
      expected: `the ${images} and ${targets} of the responses`,
    })
  const check = (argument: string, length: number | undefined, expected: number) => {
    if (length !== undefined && length !== expected)
      throw new ShapeError({
        op,
        argument,
        actual: `${length} ${argument === 'imageNames' ? 'names' : 'numbers'}`,
        expected: `${expected} for ${images} images and ${targets} targets`,
      })
  }
  check('mean', given.mean?.length, images * targets)
  check('trials', trials?.data.length, images * targets * (trials?.repeats ?? 0))
  check('groups', groups?.length, images)
  check('imageNames', imageNames?.length, images)
  if (!given.mean && !trials) throw new OptionError({ op, argument: 'mean, trials', actual: 'missing', expected: 'one of them' })
  for (const data of [given.mean, trials?.data]) if (data) refuseInfinite(op, name, data)
  const mean = given.mean ?? meanOfTrials(trials as Trials)
  const sha256 = sha256Of(mean, ...(trials ? [trials.data] : []), ...(groups ? [groups] : []))
  return { name, images, targets, mean, trials, groups, imageNames, selection, sha256 }
}

/**
 * @internal Refuses what is no `Responses`, such as an array.
 * @throws {OptionError}
 */
export function checkResponses(op: string, responses: Responses): void {
  if (isFloat64Array(responses?.mean)) return
  throw wrongObject(op, 'responses', responses, 'responses as openRecordings and responsesFrom give them')
}

/** Responses to some of the images, in the order of `rows`. */
export function selectResponses(responses: Responses, rows: ArrayLike<number>): Responses {
  const { name, targets, mean, trials, groups, imageNames, selection } = responses
  const picked = (data: Float64Array, each: number): Float64Array => {
    const out = new Float64Array(rows.length * each)
    for (let i = 0; i < rows.length; ++i) {
      const row = rows[i] as number
      out.set(data.subarray(row * each, (row + 1) * each), i * each)
    }
    return out
  }
  const images = rows.length
  return responsesFrom({
    name,
    images,
    targets,
    mean: picked(mean, targets),
    trials: trials && { ...trials, images, data: picked(trials.data, targets * trials.repeats) },
    groups: groups && Int32Array.from(rows, (row) => groups[row] as number),
    imageNames: imageNames && Array.from(rows, (row) => imageNames[row] as string),
    selection,
  })
}

function meanOfTrials({ images, targets, repeats, data }: Trials): Float64Array {
  return Float64Array.from({ length: images * targets }, (_, i) => {
    const there = data.subarray(i * repeats, (i + 1) * repeats).filter((value) => !Number.isNaN(value))
    return there.reduce((sum, value) => sum + value, 0) / there.length
  })
}

/**
 * Reads mean responses [images, targets], or [images] of one target.
 * @throws {DataError} naming the file when it holds something else, or infinite numbers
 */
export async function readMeans(op: string, path: string): Promise<{ images: number; targets: number; mean: Float64Array }> {
  const { data, shape } = await readNumbers(path)
  const [images = 0, targets = 1] = shape
  if (shape.length > 2 || images < 1 || targets < 1)
    throw new DataError({ op, argument: path, actual: `of shape [${shape}]`, expected: 'responses [images, targets]' })
  refuseInfinite(op, path, data)
  return { images, targets, mean: data }
}

/**
 * Reads responses to single repeats [images, targets, repeats]: of whole numbers, -1 stands for no such repeat, of others NaN.
 * @throws {DataError} naming the file when it holds something else
 */
export async function readTrials(op: string, path: string): Promise<Trials> {
  const { data, shape, isWhole } = await readNumbers(path)
  const [images = 0, targets = 0, repeats = 0] = shape
  if (shape.length !== 3 || images < 1 || targets < 1 || repeats < 1)
    throw new DataError({ op, argument: path, actual: `of shape [${shape}]`, expected: 'trials [images, targets, repeats]' })
  refuseInfinite(op, path, data)
  return { images, targets, repeats, data: isWhole ? data.map((value) => (value === -1 ? Number.NaN : value)) : data }
}

/**
 * Reads which images are meant: a name, or a number from 0, a line of a text; or numbers in a .npy file.
 * @throws {DataError} naming the file when it is missing, empty, or an array of something else
 */
export async function readImageList(path: string): Promise<(string | number)[]> {
  const op = 'readImageList'
  const expected = 'a name or a number of an image a line, or whole numbers [images] in a .npy file'
  const refuse = (actual: string) => new DataError({ op, argument: path, actual, expected })
  if (extname(path) !== '.npy') {
    const bytes = await readWhole(op, path, expected)
    refuseBinary(op, path, bytes, expected)
    const text = bytes.toString('utf8').replace(/^\ufeff/, '')
    const lines = text.split(/\r\n|\r|\n/).map((line) => line.trim())
    const list = lines.filter((line) => line !== '')
    if (list.length === 0) throw refuse('empty')
    return list
  }
  const { data, shape } = await readNumbers(path)
  if (shape.length !== 1 || data.length === 0) throw refuse(`of shape [${shape}]`)
  const wrong = data.find((value) => !Number.isSafeInteger(value) || value < 0)
  if (wrong !== undefined) throw refuse(`an array with ${wrong}`)
  return [...data]
}

/** Reads a whole number for each image. */
export async function readGroups(op: string, path: string, images: number): Promise<Int32Array> {
  const { data, shape } = await readNumbers(path)
  const refuse = (actual: string) =>
    new DataError({ op, argument: path, actual, expected: `a whole number for each of the ${images} images` })
  if (shape.length !== 1 || data.length !== images) throw refuse(`of shape [${shape}]`)
  const wrong = data.find((value) => !Number.isInteger(value) || Math.abs(value) >= 2 ** 31)
  if (wrong !== undefined) throw refuse(`an array with ${wrong}`)
  return Int32Array.from(data)
}

function refuseInfinite(op: string, path: string, data: Float64Array): void {
  const wrong = data.findIndex((value) => Math.abs(value) === Number.POSITIVE_INFINITY)
  if (wrong >= 0)
    throw new DataError({
      op,
      argument: path,
      actual: `an array with ${data[wrong]}`,
      expected: 'finite numbers, NaN where there is none',
    })
}

/**
 * Reads dissimilarities of pairs of images: vectors [pairs] of the pairs i < j row by row (as scipy's `squareform`), square [images, images], of one
 * subject or of several before that; where each subject has several, [subjects, repeats, pairs], their mean is taken.
 * @throws {DataError} naming the file when it is of other pairs, or a square is not symmetric
 */
export async function readRdms(path: string, images: number): Promise<ReferenceRdms> {
  const op = 'readRdms'
  const { data, shape } = await readNumbers(path)
  const pairs = (images * (images - 1)) / 2
  const refuse = (actual: string, expected: string) => new DataError({ op, argument: path, actual, expected })
  const isSquare = shape.length >= 2 && shape.at(-1) === images && shape.at(-2) === images
  const outer = isSquare ? shape.slice(0, -2) : shape.slice(0, -1)
  if ((!isSquare && shape.at(-1) !== pairs) || outer.length > 2)
    throw refuse(`of shape [${shape}]`, `the dissimilarities of ${images} images: ${pairs} pairs, or ${images} x ${images}`)
  const each = isSquare ? images * images : pairs
  const vectors = Array.from({ length: data.length / each }, (_, i) => {
    const one = data.subarray(i * each, (i + 1) * each)
    return isSquare ? upperTriangle(one, images, () => refuse('a square that is not symmetric', 'a symmetric one')) : one
  })
  const [subjects = 1, repeats = 1] = outer
  const subjectVectors = Array.from({ length: subjects }, (_, s) => meanOf(vectors.slice(s * repeats, (s + 1) * repeats)))
  if (subjectVectors.length === 0) throw refuse('of no subject', 'at least one')
  refuseInfinite(op, path, data)
  return { name: basename(path), images, subjects: subjectVectors, halves: null, selection: null, sha256: sha256Of(data) }
}

function upperTriangle(square: Float64Array, images: number, asymmetric: () => DataError): Float64Array {
  const vector = new Float64Array((images * (images - 1)) / 2)
  for (let i = 0, at = 0; i < images; ++i)
    for (let j = i + 1; j < images; ++j, ++at) {
      const [a, b] = [square[i * images + j] as number, square[j * images + i] as number]
      if (Math.abs(a - b) > 1e-6 * Math.max(Math.abs(a), Math.abs(b))) throw asymmetric()
      vector[at] = a
    }
  return vector
}

const meanOf = (vectors: readonly Float64Array[]): Float64Array =>
  (vectors[0] as Float64Array).map((_, i) => vectors.reduce((sum, vector) => sum + (vector[i] as number), 0) / vectors.length)

/** Of one class for one image: each is drawn into halves by itself. */
const mostJudgements = 2 ** 24

/**
 * Reads how many people chose each class for each image.
 * @throws {DataError} naming the file when it holds no such counts, or an image that nobody judged
 */
export async function readChoices(path: string): Promise<Choices> {
  const op = 'readChoices'
  const { data, shape } = await readNumbers(path)
  const refuse = (actual: string) =>
    new DataError({ op, argument: path, actual, expected: 'how many people chose each class, [images, classes]' })
  const [images = 0, classes = 0] = shape
  if (shape.length !== 2 || images < 1 || classes < 2) throw refuse(`of shape [${shape}]`)
  const wrong = data.find((value) => !Number.isInteger(value) || value < 0 || value > mostJudgements)
  if (wrong !== undefined) throw refuse(`an array with ${wrong}`)
  for (let i = 0; i < images; ++i)
    if (data.subarray(i * classes, (i + 1) * classes).every((count) => count === 0))
      throw refuse(`without a choice for image ${i}`)
  return { name: basename(path), images, classes, counts: data, sha256: sha256Of(data) }
}

/** The choices for some of the images, in the order of `rows`. */
export function selectChoices({ name, classes, counts }: Choices, rows: ArrayLike<number>): Choices {
  const chosen = Float64Array.from({ length: rows.length * classes }, (_, at) => {
    const row = rows[Math.floor(at / classes)] as number
    return counts[row * classes + (at % classes)] as number
  })
  return { name, images: rows.length, classes, counts: chosen, sha256: sha256Of(chosen) }
}
