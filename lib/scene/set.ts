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
  /** Of every image what only its pixels tell. */
  seen: SceneRecord[]
}

/** Rendered images with what they are made from. */
export interface SceneSet extends Images {
  /** Number of the first image in the endless series of its seed. */
  readonly first: number
  /** What the set is made from, in the words of its options. */
  readonly origin: object
  /** The variables of image `index`, and every target. */
  record(index: number): SceneRecord
  /** Some images with what is seen of them; of kinds of scenes that have them, masks and depths. */
  views(indices: ArrayLike<number>, options: ViewOptions, signal?: AbortSignal): Promise<SceneViews>
}
