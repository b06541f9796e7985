// Images as everything above sees them: rows of bytes, wherever they lie, and a table of what is known about each.
import { OptionError } from '../errors.js'
import { wrongObject } from '../options.js'
import { type ClassColumn, checkTargets, type Targets } from './targets.js'

/** [N,C,H,W]. */
export type ImageShape = readonly [count: number, channels: number, height: number, width: number]

/** Images with their targets: in memory, decoded from files as they are asked for, or rendered. */
export interface Images {
  /** What it is, for people: `cifar-10/train`. */
  readonly name: string
  readonly shape: ImageShape
  /**
   * SHA-256 (hex). In memory, of shape, pixels and targets: the same pictures in the same order have the same one, however they were stored.
   * Elsewhere, of what the pixels are made from.
   */
  readonly sha256: string
  /** One value an image in every column. */
  readonly targets: Targets
  /** All pixels, planar and row-major [N,C,H,W], 8-bit sRGB (or grey when C is 1), where they are in memory; else null. */
  readonly pixels: Uint8Array | null
  /** How images of other sizes were brought to this one, in words; undefined where none was asked for. */
  readonly shaping?: string | undefined
  /**
   * A text that is another one once a file has been written to that the images are read from, where their pixels stay in files: `sha256` need not be.
   */
  readonly modified?: ((signal?: AbortSignal) => Promise<string>) | undefined
  /** What lies where the images were read from and is none of them. */
  readonly skipped?: readonly SkippedFile[] | undefined
  /**
   * The images `indices`, in that order: bytes [n,C,H,W] of the caller's own. Any order, repeats included; several calls may be in flight.
   * @throws {OptionError} for an index that is not one of the images
   * @throws {DataError} naming the file or entry that cannot be read
   */
  rows(indices: ArrayLike<number>, signal?: AbortSignal): Promise<Uint8Array>
}

/** A file, folder or row that is not among the images of its set. */
export interface SkippedFile {
  name: string
  /** In a few words. */
  reason: string
}

export interface LoadProgress {
  /** Images done. */
  done: number
  /** Images in all. */
  total: number
}

/** What every loader takes beside its options. */
export interface LoadControl {
  /** Stops the loading; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  /** Called now and then with the images loaded so far. */
  onProgress?: ((progress: LoadProgress) => void) | undefined
}

/**
 * The labels of a column of classes (`class` by default), with the classes' names; null where there is no such column.
 * @throws {OptionError} for a column with a label that is none of its classes, or without one for each image
 */
export function labelsOf(images: Images, target = 'class'): { labels: Int32Array; classes: readonly string[] } | null {
  const column = Object.hasOwn(images.targets, target) ? images.targets[target] : undefined
  if (column?.kind !== 'class') return null
  checkTargets('labelsOf', { [target]: column }, images.shape[0])
  return { labels: column.values, classes: column.classes }
}

/**
 * The labels of a column by the numbers that other classes give its names, so that images of some of them can be told by those who know all;
 * null where an image is of a class that is not among them.
 */
export function labelsAmong(column: Pick<ClassColumn, 'classes' | 'values'>, classes: readonly string[]): Int32Array | null {
  const numbers = new Map(classes.map((name, i) => [name, i]))
  const labels = column.values.map((value) => numbers.get(column.classes[value] as string) ?? -1)
  return labels.includes(-1) ? null : labels
}

/** The numbers of a set's images, or some of them, `batch` at a time and in order. */
export function* batchesOf(rows: number | ArrayLike<number>, batch: number): Generator<Int32Array, void, void> {
  const count = typeof rows === 'number' ? rows : rows.length
  for (let first = 0; first < count; first += batch)
    yield Int32Array.from({ length: Math.min(batch, count - first) }, (_, i) =>
      typeof rows === 'number' ? first + i : (rows[first + i] as number),
    )
}

/**
 * @internal Refuses what is no `Images`, such as an array of pixels.
 * @throws {OptionError}
 */
export function checkImages(op: string, images: Images): void {
  if (typeof images?.rows === 'function' && Array.isArray(images.shape) && images.shape.length === 4) return
  throw wrongObject(op, 'images', images, 'images as openImages, imagesFrom or renderSet give them')
}

/** @internal Refuses indices that are not images of a set. */
export function checkIndices(op: string, indices: ArrayLike<number>, count: number): void {
  for (let i = 0; i < indices.length; ++i) {
    const index = indices[i] as number
    if (!Number.isInteger(index) || index < 0 || index >= count)
      throw new OptionError({
        op,
        argument: `indices[${i}]`,
        actual: String(index),
        expected: `an image from 0 to ${count - 1}`,
      })
  }
}

/** @internal Bytes of one image. */
export function rowBytes([, channels, height, width]: ImageShape): number {
  return channels * height * width
}
