import { callOp, type Tensor } from '../tensor.js'

/**
 * Some images of a set, as a batch: y[n] = images[rows[n]].
 * @param images u8 or f32 [M,C,H,W]
 * @param rows i32 [N]; a row outside the set makes the next read reject with a DataError
 * @param shift i32 [N,3]: pixels down, pixels right, and 1 to mirror left to right first; zeros move in
 */
export function gatherImages(images: Tensor, rows: Tensor, shift?: Tensor | null): Tensor {
  return callOp('gather_images', [images, rows, shift ?? null])[0] as Tensor
}

export interface GatherPatchesOptions {
  /** W: patches are window x window. Default 4. */
  window?: number
  /** B: patches of a minibatch. Default 1000. */
  batch?: number
  /** Number of the minibatch in the endless, seeded sequence that {@link hebbianLearn} visits. Default 0. */
  step?: number
  /** Default 0. */
  seed?: number
  /** `patch`: patches of norm 1. Default `patch`. */
  normalise?: 'patch' | 'none'
  /** Take each patch's own mean off first. Default false. */
  centre?: boolean
}

/** One minibatch of patches [B, C * window * window] of images [N,C,H,W]: u8, taken as x / 255, or f32. */
export function gatherPatches(images: Tensor, options: GatherPatchesOptions = {}): Tensor {
  return callOp('gather_patches', [images], options)[0] as Tensor
}
