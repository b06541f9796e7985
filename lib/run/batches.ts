// Minibatches of an image set on a device, in a seeded order, cropped and mirrored on request. The whole set stays on the device where it
// fits; else each batch is gathered on the host while the device works on the one before.
import type { ImageSet } from '../data/index.js'
import type { Device } from '../device.js'
import { gatherImages } from '../ops/index.js'
import { Permutation, philox, words } from '../random.js'
import { Tensor } from '../tensor.js'

export interface Augmentation {
  /** Random crops after padding by so many pixels of zeros. Default 0. */
  crop?: number
  /** Mirror half of the images. Default false. */
  flip?: boolean
}

/** The images `rows` of a set, gathered on the host: u8 [N,C,H,W] on a device. */
export function uploadImages(set: ImageSet, rows: Int32Array, device: Device): Tensor {
  const stride = set.images.length / set.shape[0]
  const pixels = new Uint8Array(rows.length * stride)
  rows.forEach((row, i) => {
    pixels.set(set.images.subarray(row * stride, (row + 1) * stride), i * stride)
  })
  return Tensor.from(pixels, { shape: [rows.length, ...set.shape.slice(1)], device })
}

export class Batches {
  private readonly resident: Tensor | null

  /**
   * @param memoryLimit bytes of pixels up to which the set stays on the device
   * @param seed of order and augmentation
   */
  constructor(
    private readonly set: ImageSet,
    private readonly device: Device,
    private readonly seed: number,
    private readonly augment: Required<Augmentation>,
    memoryLimit: number,
  ) {
    this.resident = set.images.byteLength <= memoryLimit ? Tensor.from(set.images, { shape: set.shape, device }) : null
  }

  /** Which of `rows` make minibatch `index` of an epoch. */
  order(rows: Int32Array, epoch: number, index: number, batch: number): Int32Array {
    const permutation = new Permutation(rows.length, this.seed, epoch)
    return Int32Array.from({ length: batch }, (_, i) => rows[permutation.at(index * batch + i)] as number)
  }

  /** A minibatch: u8 [N,C,H,W] of the images `rows`. With an epoch they are augmented: image r of epoch e always alike. */
  images(rows: Int32Array, epoch?: number): Tensor {
    const shift = epoch === undefined ? null : this.shifts(rows, epoch)
    const shiftTensor = shift && Tensor.from(shift, { shape: [rows.length, 3], device: this.device })
    if (this.resident) return gatherImages(this.resident, Tensor.from(rows, { device: this.device }), shiftTensor)
    const own = uploadImages(this.set, rows, this.device)
    if (!shiftTensor) return own
    return gatherImages(
      own,
      Tensor.from(
        Int32Array.from(rows, (_, i) => i),
        { device: this.device },
      ),
      shiftTensor,
    )
  }

  private shifts(rows: Int32Array, epoch: number): Int32Array | null {
    const { crop, flip } = this.augment
    if (crop === 0 && !flip) return null
    const key = words(this.seed, 'seed')
    const shift = new Int32Array(rows.length * 3)
    rows.forEach((row, i) => {
      const [down, right, mirror] = philox([row, epoch, 0x61756770, 0], key)
      const move = (word: number) => Math.floor((word / 2 ** 32) * (2 * crop + 1)) - crop
      shift.set([move(down), move(right), flip ? mirror & 1 : 0], i * 3)
    })
    return shift
  }

  dispose(): void {
    this.resident?.dispose()
  }
}
