// An ONNX graph as layers add to it: nodes of standard operators, and constants.
import { DataError } from '../errors.js'
import type { OnnxAttribute, OnnxNode, OnnxTensor, Safetensor } from '../io/index.js'

export type Attributes = Record<string, number | readonly number[]>

// Attributes of the operators used here that are floats; all others are whole numbers.
const floats = new Set(['epsilon'])

export class Graph {
  readonly nodes: OnnxNode[] = []
  readonly initialisers: OnnxTensor[] = []
  private readonly names = new Set(['images'])

  /** @param state parameters and buffers of the network by name */
  constructor(private readonly state: ReadonlyMap<string, Safetensor>) {}

  private named(name: string): string {
    if (this.names.has(name))
      throw new DataError({ op: 'exportOnnx', argument: `the name ${name}`, actual: 'given twice', expected: 'other names' })
    this.names.add(name)
    return name
  }

  /** Adds a node. @returns the name of its output */
  add(op: string, inputs: readonly string[], output: string, attributes: Attributes = {}): string {
    const typed = Object.entries(attributes).map(([name, value]): [string, OnnxAttribute] => {
      if (typeof value !== 'number') return [name, { ints: value }]
      return [name, floats.has(name) ? { float: value } : { int: value }]
    })
    this.nodes.push({ op, inputs, output: this.named(output), attributes: Object.fromEntries(typed) })
    return output
  }

  /** Adds a constant. @returns its name */
  constant(name: string, shape: readonly number[], data: OnnxTensor['data']): string {
    this.initialisers.push({ name: this.named(name), shape, data })
    return name
  }

  number(name: string, value: number): string {
    return this.constant(name, [], Float32Array.of(value))
  }

  values(name: string): Float32Array {
    return (this.state.get(name) as Safetensor).data as Float32Array
  }

  /** A parameter or buffer of the network under its own name, in its own shape or another. */
  weight(name: string, shape: readonly number[] = (this.state.get(name) as Safetensor).shape): string {
    return this.constant(name, shape, this.values(name))
  }

  /** [N,...] as [N,D]. */
  flatten(name: string, x: string): string {
    return this.add('Flatten', [x], `${name}.flatten`, { axis: 1 })
  }

  /** 1 / sqrt of |v|^2, and 0 for a zero v (|v|^2 <= 2^-126): the rule of native/ops/nnl_conv.h. */
  inverseRoot(name: string, square: string): string {
    const some = this.add('Greater', [square, this.number(`${name}.tiny`, 2 ** -126)], `${name}.nonzero`)
    const inverse = this.add('Reciprocal', [this.add('Sqrt', [square], `${name}.norm`)], `${name}.inverse`)
    return this.add('Where', [some, inverse, this.number(`${name}.zero`, 0)], `${name}.factor`)
  }

  /** max(x, 0)^power. */
  rectifiedPower(name: string, power: number, x: string): string {
    const positive = this.add('Relu', [x], `${name}.relu`)
    return power === 1 ? positive : this.add('Pow', [positive, this.number(`${name}.n`, power)], `${name}.power`)
  }
}

/** A square window as attributes of `Conv` and the pools. */
export const windowAttributes = (window: number, stride: number, padding: number): Attributes => ({
  kernel_shape: [window, window],
  strides: [stride, stride],
  pads: [padding, padding, padding, padding],
})
