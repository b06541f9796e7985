// Layers as explicit forward and backward pairs over the ops; no autograd. A layer owns its tensors; what backward needs, forward returns.
import type { Device } from '../device.js'
import { ShapeError } from '../errors.js'
import { Tensor } from '../tensor.js'
import type { LayerSpec } from './layer_spec.js'

/** Sizes of one example, without N: [C,H,W] or [D]. */
export type Extent = readonly number[]

/** What a forward pass keeps for the backward pass: tensors and plain objects of them, so that a `scope` can keep it. */
export type Saved = unknown

/** Told each layer's output, those within first: for a search for the layer that went wrong. */
export type Watch = (layer: Layer, y: Tensor) => void

export interface Layer {
  /** Where it stands: `0`, `1.body.2`. */
  readonly path: string
  readonly spec: LayerSpec
  readonly input: Extent
  readonly output: Extent
  /** Trained tensors by their short names. */
  readonly parameters: Readonly<Record<string, Tensor>>
  /** Tensors that are kept but not trained: running means and variances. */
  readonly buffers: Readonly<Record<string, Tensor>>
  /** Tensors that the configuration gives: no part of the network's state. */
  readonly constants: Readonly<Record<string, Tensor>>
  /** Layers within. */
  readonly children: readonly Layer[]
  forward(x: Tensor, training: boolean, watch?: Watch): { y: Tensor; saved: Saved }
  /**
   * @param wants whether the gradient for the input is needed
   * @param into gradients of the parameters, by `path.name`
   */
  backward(saved: Saved, gy: Tensor, wants: boolean, into: Map<string, Tensor>): Tensor | null
}

export interface ParameterInfo {
  /** `path.name`. */
  name: string
  shape: readonly number[]
  /** What it is; `one` and `zero` start as such. */
  role: 'weight' | 'bias' | 'one' | 'zero'
  /** Inputs of one unit. */
  fanIn: number
}

/** How a parameter or buffer starts. */
export type Initialise = (parameter: ParameterInfo) => Float32Array

/** Where a layer is made: under which path, on which input. */
export interface Place {
  path: string
  input: Extent
  device: Device
  initialise: Initialise
}

/** Numbers of one example. */
export const volume = (extent: Extent): number => extent.reduce((a, b) => a * b, 1)
/** Positions of a window along an axis. */
export const positions = (size: number, window: number, stride: number, padding: number): number =>
  Math.floor((size + 2 * padding - window) / stride) + 1

/** The input as an image. */
export function image({ path, input }: Place, kind: string): [number, number, number] {
  if (input.length === 3) return input as unknown as [number, number, number]
  throw new ShapeError({
    op: 'Network',
    argument: `layer ${path} (${kind})`,
    actual: `given [${input}]`,
    expected: 'an input of [C,H,W]',
  })
}

/** The map that a pool makes of one of `channels` x `height` x `width`. */
export function pooled(
  { size, stride, padding = 0 }: { size: number; stride: number; padding?: number | undefined },
  [channels, height, width]: readonly [number, number, number],
  layer: string,
): Extent {
  const refuse = (actual: string, expected: string) =>
    new ShapeError({ op: 'Network', argument: `layer ${layer}`, actual, expected })
  if (2 * padding > size) throw refuse(`a pool of ${size} with a padding of ${padding}`, 'a padding of at most half of the pool')
  if (size > Math.min(height, width) + 2 * padding)
    throw refuse(`a pool of ${size} on maps of ${height} x ${width}`, 'a pool no larger than the padded map')
  return [channels, ...[height, width].map((extent) => positions(extent, size, stride, padding))]
}

/** [N,...] as [N,D], no copy. */
export function flatten(x: Tensor): Tensor {
  return x.shape.length === 2 ? x : x.reshape([x.shape[0] as number, x.size / (x.shape[0] as number)])
}

/** What all layers share. */
export abstract class Base<S extends LayerSpec> implements Layer {
  readonly path: string
  readonly input: Extent
  abstract readonly output: Extent
  parameters: Record<string, Tensor> = {}
  buffers: Record<string, Tensor> = {}
  constants: Record<string, Tensor> = {}
  children: Layer[] = []

  constructor(
    readonly spec: S,
    readonly place: Place,
  ) {
    this.path = place.path
    this.input = place.input
  }

  abstract forward(x: Tensor, training: boolean, watch?: Watch): { y: Tensor; saved: Saved }
  abstract backward(saved: Saved, gy: Tensor, wants: boolean, into: Map<string, Tensor>): Tensor | null

  protected parameter(name: string, shape: readonly number[], role: ParameterInfo['role'], fanIn = 1): Tensor {
    const { device, initialise, path } = this.place
    return Tensor.from(initialise({ name: `${path}.${name}`, shape, role, fanIn }), { shape, device })
  }

  protected checkWindow(window: number, padding: number): void {
    const [, height, width] = image(this.place, this.spec.kind)
    if (window > Math.min(height, width) + 2 * padding)
      throw new ShapeError({
        op: 'Network',
        argument: `layer ${this.path} (${this.spec.kind})`,
        actual: `a window of ${window} on maps of ${height} x ${width}`,
        expected: 'a window no larger than the padded map',
      })
  }
}
