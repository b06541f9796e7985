// Layers as explicit forward and backward pairs over the ops; no autograd. A layer owns its tensors; what backward needs, forward returns.
import { z } from 'zod'
import type { Device } from '../device.js'
import { OptionError, ShapeError } from '../errors.js'
import type { Precision } from '../ops/index.js'
import { scope, Tensor } from '../tensor.js'
import { type Extent, positions } from './extent.js'
import type { Graph } from './onnx_graph.js'
import type { Pass } from './pass.js'

/** What a forward pass keeps for the backward pass: tensors and plain objects of them, so that a `scope` can keep it. */
export type Saved = unknown

/** Told each layer's output, those within first: for a search for the layer that went wrong. */
export type Watch = (layer: Layer, y: Tensor) => void

/** What every layer's specification has. The full one is `LayerSpec`. */
export interface Spec {
  kind: string
  name?: string | undefined
}

export interface Layer {
  /** What it is called, and alone in its network: the name that its specification gives, or the place where it stands, `0` or `1.body.2`. */
  readonly name: string
  readonly spec: Spec
  readonly input: Extent
  readonly output: Extent
  /** Trained tensors by their short names. */
  readonly parameters: Readonly<Record<string, Tensor>>
  /** Tensors that are kept but not trained: running means and variances. */
  readonly buffers: Readonly<Record<string, Tensor>>
  /** Layers within, in order of computing. */
  readonly children: readonly Layer[]
  /** Takes images as bytes itself. */
  readonly readsBytes: boolean
  /** Computes as when not training, and gets no gradients of its parameters. */
  readonly frozen: boolean
  /** Makes the tensors. */
  allocate(device: Device, initialise: Initialise): void
  forward(x: Tensor, training: boolean, watch?: Watch): { y: Tensor; saved: Saved }
  /**
   * Called only where something is wanted: the gradient for the input, or that of a parameter that is not frozen.
   * @param saved what `forward` gave in training
   * @param wants whether the gradient for the input is needed
   * @param into gradients of the parameters, by `layer.parameter`
   */
  backward(saved: Saved, gy: Tensor, wants: boolean, into: Map<string, Tensor>): Tensor | null
  /** The output when not training, with no more maps alive than it takes. The input belongs to the caller. */
  infer(x: Tensor, pass: Pass): Promise<Tensor>
  /** Adds its nodes to an ONNX graph. @returns the name of its output there */
  onnx(graph: Graph, x: string): string
  dispose(): void
}

/** A kind of layer: what may be written in a configuration, and the layer that is made of it. */
export interface LayerKind {
  kind: string
  /** Of a kind that holds other layers: given the schema of any layer. */
  schema: z.ZodObject | ((layer: z.ZodType<Spec>) => z.ZodObject)
  make(spec: Spec, place: Place): Layer
}

/** Where a layer is made: under which name, on which input. */
export interface Place {
  name: string
  input: Extent
  /** Of products in training. */
  precision: Precision
  /** Whether the layer of a name is frozen. */
  frozen(name: string): boolean
  /** Makes the layers within it. */
  make(spec: Spec, place: Place): Layer
}

export interface ParameterInfo {
  /** `layer.parameter`. */
  name: string
  shape: readonly number[]
  /** What it is; `one` and `zero` start as such. */
  role: 'weight' | 'bias' | 'one' | 'zero'
  /** Inputs of one unit. */
  fanIn: number
}

/** How a parameter or buffer starts. */
export type Initialise = (parameter: ParameterInfo) => Float32Array

export const count = z.number().int().positive()
export const border = z.number().int().min(0)
export const layerName = z
  .string()
  .regex(/^[\w-]+(\.[\w-]+)*$/, 'words of letters, digits, _ and -, joined by dots')
  .optional()
/** Side of a window, step, and positions that it reaches over the border. */
export const poolOptions = z.strictObject({ size: count, stride: count, padding: border.default(0) })
/** n of a rectified power. */
export const powerOption = z.number().min(1).max(200)
export type Pool = z.output<typeof poolOptions>

/** [N,...] as [N,D], no copy. */
export function flatten(x: Tensor): Tensor {
  return x.shape.length === 2 ? x : x.reshape([x.shape[0] as number, x.size / (x.shape[0] as number)])
}

/** What all layers share. A layer declares its tensors when it is made; `allocate` makes them. */
export abstract class Base<S extends Spec> implements Layer {
  readonly name: string
  readonly input: Extent
  readonly frozen: boolean
  abstract readonly output: Extent
  readonly parameters: Record<string, Tensor> = {}
  readonly buffers: Record<string, Tensor> = {}
  children: readonly Layer[] = []
  readsBytes = false
  private readonly declared: { group: Record<string, Tensor>; short: string; info: ParameterInfo }[] = []

  constructor(
    readonly spec: S,
    place: Place,
  ) {
    this.name = place.name
    this.input = place.input
    this.frozen = place.frozen(place.name)
  }

  abstract forward(x: Tensor, training: boolean, watch?: Watch): { y: Tensor; saved: Saved }
  abstract backward(saved: Saved, gy: Tensor, wants: boolean, into: Map<string, Tensor>): Tensor | null
  abstract onnx(graph: Graph, x: string): string

  infer(x: Tensor, pass: Pass): Promise<Tensor> {
    return pass.make(this.output, () => scope(() => this.forward(x, false).y))
  }

  allocate(device: Device, initialise: Initialise): void {
    for (const { group, short, info } of this.declared)
      group[short] = Tensor.from(initialise(info), { shape: info.shape, device })
    for (const child of this.children) child.allocate(device, initialise)
  }

  dispose(): void {
    for (const group of [this.parameters, this.buffers]) for (const tensor of Object.values(group)) tensor.dispose()
    for (const child of this.children) child.dispose()
  }

  protected parameter(short: string, shape: readonly number[], role: ParameterInfo['role'], fanIn = 1): void {
    this.declared.push({ group: this.parameters, short, info: { name: `${this.name}.${short}`, shape, role, fanIn } })
  }

  protected buffer(short: string, shape: readonly number[], role: 'one' | 'zero'): void {
    this.declared.push({ group: this.buffers, short, info: { name: `${this.name}.${short}`, shape, role, fanIn: 1 } })
  }

  /** Where the layers of one of its lists are made: they are frozen with it. */
  protected within(place: Place, list: string): Place {
    return { ...place, name: `${this.name}.${list}`, frozen: this.frozen ? () => true : place.frozen }
  }

  /** Where it is, for messages. */
  protected get place(): string {
    return `layer ${this.name} (${this.spec.kind})`
  }

  protected refuse(actual: string, expected: string): ShapeError {
    return new ShapeError({ op: 'Network', argument: this.place, actual, expected })
  }

  protected refuseOption(actual: string, expected: string): OptionError {
    return new OptionError({ op: 'Network', argument: this.place, actual, expected })
  }

  /** The input as an image. */
  protected get image(): [number, number, number] {
    if (this.input.length === 3) return this.input as unknown as [number, number, number]
    throw this.refuse(`given [${this.input}]`, 'an input of [C,H,W]')
  }

  /** The map that a window gives on the input. */
  protected windowed({ window, stride, padding, units }: Window): [number, number, number] {
    const [, height, width] = this.image
    if (window > Math.min(height, width) + 2 * padding)
      throw this.refuse(`a window of ${window} on maps of ${height} x ${width}`, 'a window no larger than the padded map')
    if (padding >= window)
      throw this.refuse(`a window of ${window} with a padding of ${padding}`, 'a padding less than the window')
    return [units, positions(height, window, stride, padding), positions(width, window, stride, padding)]
  }

  /** The map that a pool makes of another. */
  protected pooled({ size, stride, padding }: Pool, [channels, height, width]: readonly [number, number, number]): Extent {
    if (2 * padding > size)
      throw this.refuseOption(`a pool of ${size} with a padding of ${padding}`, 'a padding of at most half of the pool')
    if (size > Math.min(height, width) + 2 * padding)
      throw this.refuseOption(`a pool of ${size} on maps of ${height} x ${width}`, 'a pool no larger than the padded map')
    return [channels, positions(height, size, stride, padding), positions(width, size, stride, padding)]
  }
}

export interface Window {
  units: number
  window: number
  stride: number
  padding: number
}

/** A layer without tensors of its own. */
export abstract class Plain<S extends Spec> extends Base<S> {
  protected abstract run(x: Tensor): Tensor
  /** The gradient for x. */
  protected abstract undo(x: Tensor, gy: Tensor): Tensor
  forward(x: Tensor) {
    return { y: this.run(x), saved: x }
  }
  backward(saved: Saved, gy: Tensor, wants: boolean) {
    return wants ? this.undo(saved as Tensor, gy) : null
  }
}
