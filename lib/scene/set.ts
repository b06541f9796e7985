// Sets of scenes of any kind, as they are written to files.
import type { Images } from '../data/index.js'

/** What is known about one image, by column. */
export type SceneRecord = Record<string, string | number | null>

export interface ViewOptions {
  /** Default false, as the others. */
  images?: boolean
  /** Share of each pixel that shows the object, times 255. */
  masks?: boolean
  /** Depth of the object where a pixel shows it, else 0; metres. */
  depths?: boolean
}

/** What is seen of some images. */
export interface SceneViews {
  /** [n,3,H,W]. */
  images: Uint8Array | null
  /** [n,H,W]. */
  masks: Uint8Array | null
  /** [n,H,W]. */
  depths: Float32Array | null
  /**
   * Of every image what only its pixels tell. Of solid scenes visiblePixels and hiddenPixels of the object, and the box of the pixels that show it,
   * boxLeft, boxTop, boxRight and boxBottom: whole pixels from the left and the top, the last two exclusive, all 0 where nothing is seen.
   */
  seen: SceneRecord[]
}

/** A number that the images of a set vary in. */
export interface SceneVariable {
  /** As the record has it. */
  readonly name: string
  readonly text: string
  /** `deg`, `m`, `px`, or empty where the text says it. */
  readonly unit: string
  /** Between which it is drawn; null for one that follows from others. */
  readonly range: readonly [low: number, high: number] | null
}

/** Rendered images with what they are made from. */
export interface SceneSet extends Images {
  /** Number of the first image in the endless series of its seed. */
  readonly first: number
  /** What the set is made from, in the words of its options. */
  readonly origin: object
  /** The numbers that the images vary in; none where all of them are given. */
  readonly variables: readonly SceneVariable[]
  /**
   * How those variables are meant to be distributed that are not uniform in their range: values of the `draws` images that follow in the series, as they
   * are drawn first, whatever is seen of their objects.
   */
  expected(draws: number): Record<string, Float64Array>
  /** The variables of image `index`, and every target. */
  record(index: number): SceneRecord
  /** Some images with what is seen of them; of kinds of scenes that have them, masks and depths. */
  views(indices: ArrayLike<number>, options: ViewOptions, signal?: AbortSignal): Promise<SceneViews>
}
