// Minibatches of images on a device, in a seeded order, cropped and mirrored on request. Images in memory stay on the device where they fit and
// are not resized; else the minibatches to come are read, and resized, while the device works.
import { Gate } from '../data/gate.js'
import { ahead, batchesOf, type Images } from '../data/index.js'
import type { Device } from '../device.js'
import { gatherImages } from '../ops/index.js'
import { Permutation, philox, words } from '../random.js'
import type { Group } from '../run/index.js'
import { Tensor } from '../tensor.js'
import { cropBox, resizedCrop } from './resized_crop.js'

export interface Augmentation {
  /** Random crops after padding by so many pixels of zeros. */
  crop: number
  /** Mirror half of the images. */
  flip: boolean
  /** Parts of at least such a share of the area, resized to the whole; null for none. */
  resizedCrop: number | null
}

interface Settings {
  /** Images of a minibatch, in all processes. */
  batch: number
  /** Of order and augmentation. */
  seed: number
  augment: Augmentation
  /** Bytes of pixels up to which images in memory stay on the device. */
  memoryLimit: number
  /** Each process takes its part of every minibatch. */
  group: Pick<Group, 'rank' | 'size'>
}

/** Minibatches that are read before they are asked for. */
const depth = 2

/** The minibatches of a training run. */
export class Batches {
  private readonly resident: Tensor | null
  private readonly perEpoch: number
  /** Images of a minibatch in this process. */
  private readonly own: number
  private readonly resizing = new Gate(1)
  private readonly coming = new Map<number, Promise<Uint8Array>>()
  private permutation: { epoch: number; order: Permutation } | null = null

  /** @param rows images to train on */
  constructor(
    private readonly images: Images,
    private readonly rows: Int32Array,
    private readonly device: Device,
    private readonly settings: Settings,
    private readonly signal?: AbortSignal,
  ) {
    const { pixels, shape } = images
    const { batch, group, augment, memoryLimit } = settings
    this.perEpoch = Math.floor(rows.length / batch)
    this.own = batch / group.size
    const stay = pixels && augment.resizedCrop === null && pixels.byteLength <= memoryLimit
    this.resident = stay ? Tensor.from(pixels, { shape, device }) : null
  }

  private epoch(step: number): number {
    return Math.floor(step / this.perEpoch)
  }

  /** This process's images of minibatch `step`, counted from the first epoch's first. */
  private order(step: number): Int32Array {
    const { batch, seed, group } = this.settings
    const epoch = this.epoch(step)
    const first = (step % this.perEpoch) * batch + group.rank * this.own
    if (this.permutation?.epoch !== epoch) this.permutation = { epoch, order: new Permutation(this.rows.length, seed, epoch) }
    const { order } = this.permutation
    return Int32Array.from({ length: this.own }, (_, i) => this.rows[order.at(first + i)] as number)
  }

  /**
   * Minibatch `step`: its images u8 [N,C,H,W], augmented: image r of epoch e always alike.
   * @param until steps of the run: no minibatch is read beyond them
   */
  async take(step: number, until: number): Promise<{ rows: Int32Array; x: Tensor }> {
    const rows = this.order(step)
    const shift = this.shifts(rows, this.epoch(step))
    if (this.resident) {
      using index = Tensor.from(rows, { device: this.device })
      using moves = shift && Tensor.from(shift, { shape: [rows.length, 3], device: this.device })
      return { rows, x: gatherImages(this.resident, index, moves) }
    }
    const pixels = await this.read(step, until)
    const x = Tensor.from(pixels, { shape: [rows.length, ...this.images.shape.slice(1)], device: this.device })
    if (!shift) return { rows, x }
    using own = x
    using index = Tensor.from(
      Int32Array.from(rows, (_, i) => i),
      { device: this.device },
    )
    using moves = Tensor.from(shift, { shape: [rows.length, 3], device: this.device })
    return { rows, x: gatherImages(own, index, moves) }
  }

  private read(step: number, until: number): Promise<Uint8Array> {
    const own = this.coming.get(step) ?? this.pixels(step)
    this.coming.delete(step)
    for (let next = step + 1; next <= step + depth && next < until; next++) {
      if (this.coming.has(next)) continue
      const pixels = this.pixels(next)
      // Whoever takes it awaits it; until then a failure must not count as unhandled.
      pixels.catch(() => undefined)
      this.coming.set(next, pixels)
    }
    return own
  }

  /** Minibatch `step` before it is cropped and mirrored. */
  private async pixels(step: number): Promise<Uint8Array> {
    const { images, signal, settings } = this
    const rows = this.order(step)
    const pixels = await images.rows(rows, signal)
    const least = settings.augment.resizedCrop
    if (least === null) return pixels
    const [, , height, width] = images.shape
    const key = words(settings.seed, 'seed')
    const size = pixels.length / rows.length
    // One minibatch at a time, the next one to be asked for first; between images the device is given its work.
    return this.resizing.run(async () => {
      for (const [i, row] of rows.entries()) {
        signal?.throwIfAborted()
        const image = pixels.subarray(i * size, (i + 1) * size)
        image.set(resizedCrop(image, { height, width }, cropBox({ height, width }, least, row, this.epoch(step), key)))
        await new Promise(setImmediate)
      }
      return pixels
    })
  }

  /** Some images as they are, u8 [N,C,H,W]: in the order of `rows`, in pieces, those to come read ahead. */
  async *plain(rows: Int32Array, size: number): AsyncGenerator<{ part: Int32Array; x: Tensor }> {
    const { resident, images, device, signal } = this
    if (!resident) {
      for await (const { rows: part, pixels } of ahead(images, batchesOf(rows, size), { signal }))
        yield { part, x: Tensor.from(pixels, { shape: [part.length, ...images.shape.slice(1)], device }) }
      return
    }
    for (const part of batchesOf(rows, size)) {
      signal?.throwIfAborted()
      using index = Tensor.from(part, { device })
      yield { part, x: gatherImages(resident, index) }
    }
  }

  private shifts(rows: Int32Array, epoch: number): Int32Array | null {
    const { crop, flip } = this.settings.augment
    if (crop === 0 && !flip) return null
    const key = words(this.settings.seed, 'seed')
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
