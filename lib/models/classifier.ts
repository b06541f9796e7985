// What an evaluation needs of a network, whatever it is made of.
import type { Device } from '../device.js'
import type { Tensor } from '../tensor.js'

/** A network that names the class of an image. Every network of this folder with a readout is one. */
export interface Classifier {
  readonly device: Device
  readonly config: {
    /** C of the images. */
    readonly channels: number
    /** Height and width of the images. */
    readonly image: readonly [number, number]
    /** Class names; empty without a readout. */
    readonly classes: readonly string[]
  }
  /** One line on what the network is, for scores and reports. */
  describe(): string
  /**
   * Loss, wrong images and predicted classes of a batch.
   * @param images u8 or f32 [N,C,H,W] on the network's device
   * @param labels i32 [N]
   * @throws {DataError} when the network has no readout
   */
  score(images: Tensor, labels: Tensor): { loss: Tensor; errors: Tensor; prediction: Tensor }
  dispose(): void
}
