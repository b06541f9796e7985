// A network as an ONNX graph of standard operators, weights included. What is no operator of the standard is made of some:
//   |v| of every patch        Conv of x * x with one filter of ones, Sqrt; 1 / |v| is 0 where |v|^2 <= 2^-126 (Greater, Where)
//   a patch less its mean     Conv of each channel with filters that are 1 at one tap makes the taps of a patch channels; less v_0, then less
//                             the mean of those differences. So a patch of little contrast keeps its digits, as in nnl_conv; the
//                             filters, less their own mean, then stand at 1 x 1. w . v - mean(v) * sum(w) would be cheaper and lose them.
//   max before the power      MaxPool, + bias, Relu, Pow: x^n of the pooled cells alone, as nnl_conv does
import { type OnnxAttribute, type OnnxNode, type OnnxTensor, type Safetensor, writeOnnx } from '../io/index.js'
import { version } from '../version.js'
import type { Extent, Layer } from './layer.js'
import type { LayerSpec } from './layer_spec.js'
import { toNetwork } from './local_layers.js'
import { LocalNet } from './local_net.js'
import type { Network } from './network.js'

type Attributes = Record<string, number | readonly number[]>

// Attributes of the operators used here that are floats; all others are whole numbers.
const floats = new Set(['epsilon'])

class Graph {
  readonly nodes: OnnxNode[] = []
  readonly initialisers: OnnxTensor[] = []
  constructor(private readonly state: ReadonlyMap<string, Safetensor>) {}

  /** Adds a node. @returns the name of its output */
  add(op: string, inputs: readonly string[], output: string, attributes: Attributes = {}): string {
    const typed = Object.entries(attributes).map(([name, value]): [string, OnnxAttribute] => {
      if (typeof value !== 'number') return [name, { ints: value }]
      return [name, floats.has(name) ? { float: value } : { int: value }]
    })
    this.nodes.push({ op, inputs, output, attributes: Object.fromEntries(typed) })
    return output
  }

  /** Adds a constant. @returns its name */
  constant(name: string, shape: readonly number[], data: Float32Array): string {
    this.initialisers.push({ name, shape, data })
    return name
  }

  number(name: string, value: number): string {
    return this.constant(name, [], Float32Array.of(value))
  }

  values(name: string): Float32Array {
    return (this.state.get(name) as Safetensor).data as Float32Array
  }

  /** A parameter of the network under its own name, in its own shape or another. */
  weight(name: string, shape: readonly number[] = (this.state.get(name) as Safetensor).shape): string {
    return this.constant(name, shape, this.values(name))
  }
}

const strides = (stride: number): readonly number[] => [stride, stride]
const pads = (padding: number): readonly number[] => [padding, padding, padding, padding]

/** Adds the nodes of layers one after another. @returns the name of the last output */
function sequence(graph: Graph, layers: readonly Layer[], x: string): string {
  return layers.reduce((input, layer) => addLayer(graph, layer, input), x)
}

function addLayer(graph: Graph, layer: Layer, x: string): string {
  const { path, spec } = layer
  switch (spec.kind) {
    case 'conv': {
      const inputs = [x, graph.weight(`${path}.weight`), ...(spec.bias ? [graph.weight(`${path}.bias`)] : [])]
      const attributes = { kernel_shape: [spec.window, spec.window], strides: strides(spec.stride), pads: pads(spec.padding) }
      return graph.add('Conv', inputs, `${path}.conv`, attributes)
    }
    case 'nnl_conv':
      return addNnlConv(graph, layer, spec, x)
    case 'relu':
      return graph.add('Relu', [x], `${path}.relu`)
    case 'rectified_power':
      return addPower(graph, path, spec.power, x)
    case 'max_pool':
    case 'avg_pool': {
      const window = {
        kernel_shape: [spec.size, spec.size],
        strides: strides(spec.stride),
        pads: pads(spec.padding),
        ceil_mode: 0,
      }
      if (spec.kind === 'max_pool') return graph.add('MaxPool', [x], `${path}.max_pool`, window)
      return graph.add('AveragePool', [x], `${path}.avg_pool`, { ...window, count_include_pad: 1 })
    }
    case 'batch_norm': {
      const inputs = ['gamma', 'beta', 'mean', 'variance'].map((name) => graph.weight(`${path}.${name}`))
      return graph.add('BatchNormalization', [x, ...inputs], `${path}.batch_norm`, { epsilon: spec.epsilon })
    }
    case 'standardise': {
      const channels = spec.mean.length
      const each = (name: string, values: readonly number[]) =>
        graph.constant(`${path}.${name}`, [1, channels, 1, 1], Float32Array.from(values))
      const less = graph.add('Sub', [x, each('mean', spec.mean)], `${path}.less_mean`)
      return graph.add('Div', [less, each('std', spec.std)], `${path}.standardise`)
    }
    case 'flatten':
      return addFlatten(graph, path, x)
    case 'linear': {
      const flat = layer.input.length > 1 ? addFlatten(graph, path, x) : x
      const inputs = [flat, graph.weight(`${path}.weight`), graph.weight(`${path}.bias`)]
      return graph.add('Gemm', inputs, `${path}.linear`, { transB: 1 })
    }
    case 'residual': {
      const [body, shortcut] = parts(layer, [spec.body, spec.shortcut])
      return graph.add('Add', [sequence(graph, body as Layer[], x), sequence(graph, shortcut as Layer[], x)], `${path}.add`)
    }
    case 'parallel': {
      const flat = parts(layer, spec.branches).map((branch) => {
        const y = sequence(graph, branch, x)
        const last = branch.at(-1) as Layer
        return last.output.length > 1 ? addFlatten(graph, `${last.path}`, y) : y
      })
      return graph.add('Concat', flat, `${path}.concat`, { axis: 1 })
    }
  }
}

/** The layers within a layer, sorted to the lists of its specification, in whose order they stand. */
function parts(layer: Layer, lists: readonly (readonly LayerSpec[])[]): Layer[][] {
  let at = 0
  return lists.map((list) => {
    at += list.length
    return layer.children.slice(at - list.length, at)
  })
}

function addFlatten(graph: Graph, path: string, x: string): string {
  return graph.add('Flatten', [x], `${path}.flatten`, { axis: 1 })
}

function addPower(graph: Graph, path: string, power: number, x: string): string {
  const positive = graph.add('Relu', [x], `${path}.relu`)
  return power === 1 ? positive : graph.add('Pow', [positive, graph.number(`${path}.n`, power)], `${path}.power`)
}

function addNnlConv(graph: Graph, layer: Layer, spec: Extract<LayerSpec, { kind: 'nnl_conv' }>, x: string): string {
  const { path } = layer
  const { units, window, normalise, centre, pool } = spec
  const [channels] = layer.input as [number, number, number]
  const taps = channels * window * window
  const place = { kernel_shape: [window, window], strides: strides(spec.stride), pads: pads(spec.padding) }
  const patches = centre ? addCentredPatches(graph, path, [channels, window, window], place, x) : null
  const filters = patches
    ? graph.constant(`${path}.centred_weight`, [units, taps, 1, 1], centred(graph.values(`${path}.weight`), taps))
    : graph.weight(`${path}.weight`)

  let y = graph.add('Conv', patches ? [patches, filters] : [x, filters], `${path}.product`, patches ? {} : place)
  if (normalise === 'patch') {
    const square = patches
      ? graph.add('ReduceSumSquare', [patches], `${path}.norm2`, { axes: [1], keepdims: 1 })
      : addSquares(graph, path, [channels, window, window], place, x)
    y = graph.add('Mul', [y, addInverseRoot(graph, path, square)], `${path}.cosine`)
  }
  if (pool)
    y = graph.add('MaxPool', [y], `${path}.pool`, {
      kernel_shape: [pool.size, pool.size],
      strides: strides(pool.stride),
      pads: pads(pool.padding ?? 0),
      ceil_mode: 0,
    })
  if (spec.bias) y = graph.add('Add', [y, graph.weight(`${path}.bias`, [units, 1, 1])], `${path}.biased`)
  return addPower(graph, path, spec.power, y)
}

/** |v|^2 of every patch, [N,1,P,Q]. */
function addSquares(graph: Graph, path: string, shape: Extent, place: Attributes, x: string): string {
  const ones = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1)
  const squares = graph.add('Mul', [x, x], `${path}.squares`)
  return graph.add('Conv', [squares, graph.constant(`${path}.ones`, [1, ...shape], ones)], `${path}.norm2`, place)
}

/** 1 / sqrt of |v|^2, and 0 for a zero patch: the rule of native/ops/nnl_conv.h. */
function addInverseRoot(graph: Graph, path: string, square: string): string {
  const some = graph.add('Greater', [square, graph.number(`${path}.tiny`, 2 ** -126)], `${path}.nonzero`)
  const inverse = graph.add('Reciprocal', [graph.add('Sqrt', [square], `${path}.norm`)], `${path}.inverse`)
  return graph.add('Where', [some, inverse, graph.number(`${path}.zero`, 0)], `${path}.factor`)
}

/** Every patch as the channels of [N,C*R*S,P,Q], less its mean. */
function addCentredPatches(graph: Graph, path: string, shape: Extent, place: Attributes, x: string): string {
  const [channels, rows, columns] = shape as [number, number, number]
  const taps = channels * rows * columns
  const window = rows * columns
  const each = Float32Array.from({ length: taps * window }, (_, i) => (i % window === Math.floor(i / window) % window ? 1 : 0))
  const first = Float32Array.from({ length: taps }, (_, i) => (i === 0 ? 1 : 0))
  const patches = graph.add('Conv', [x, graph.constant(`${path}.each_tap`, [taps, 1, rows, columns], each)], `${path}.patches`, {
    ...place,
    group: channels,
  })
  const v0 = graph.add('Conv', [x, graph.constant(`${path}.first_tap`, [1, ...shape], first)], `${path}.first`, place)
  const differences = graph.add('Sub', [patches, v0], `${path}.differences`)
  const mean = graph.add('ReduceMean', [differences], `${path}.mean`, { axes: [1], keepdims: 1 })
  return graph.add('Sub', [differences, mean], `${path}.centred`)
}

/** Filters less their mean, which changes no product with a centred patch, and keeps the rounding of the patch's mean out of it. */
function centred(filters: Float32Array, taps: number): Float32Array {
  const result = new Float32Array(filters.length)
  for (let at = 0; at < filters.length; at += taps) {
    const row = filters.subarray(at, at + taps)
    const mean = row.reduce((sum, w) => sum + w, 0) / taps
    row.forEach((w, t) => {
      result[at + t] = w - mean
    })
  }
  return result
}

/** What each NNL-CONV layer is, for a reader of the file: W, n, centring, pooling. */
function nnlLayers(layers: readonly Layer[]): object[] {
  return layers.flatMap(({ path, spec, children }) => [
    ...(spec.kind === 'nnl_conv' ? [{ path, ...spec }] : []),
    ...nnlLayers(children),
  ])
}

/**
 * Writes a network as one ONNX file (operator set 15, standard operators only, IR version 8). Input `images`: float32 [N,C,H,W], pixels from 0
 * to 1, N free. Output: `logits` [N,T], before any softmax, of a classifier; of another network its last layer's outputs as `features`. The doc
 * string says so in the file; its metadata hold `kind`, `config` (JSON), `nnl_conv` (JSON: window W, power n, centring and pool of each
 * such layer), `classes` (JSON) and `striate` (version).
 *
 * The graph computes what the network computes when it is not training, in float32: cosines within about 3 C W^2 2^-24 of its own. A zero
 * patch (|v|^2 <= 2^-126) gives 0.
 * @throws {DataError} when the file cannot be written or would be larger than 2 GiB
 */
export async function exportOnnx(net: LocalNet | Network, path: string): Promise<void> {
  if (net instanceof LocalNet) {
    const layers = await toNetwork(net)
    try {
      await write(path, layers, { kind: 'local', config: net.config, about: net.describe() })
    } finally {
      layers.dispose()
    }
  } else await write(path, net, { kind: 'network', config: net.config, about: net.describe() })
}

async function write(path: string, net: Network, given: { kind: string; config: object; about: string }): Promise<void> {
  const { name, channels, image, classes } = net.config
  const graph = new Graph(await net.state())
  const last = sequence(graph, net.layers, 'images')
  const output = classes.length > 0 ? 'logits' : 'features'
  graph.add('Identity', [last], output)
  const pixels = 'float32 [N,C,H,W], pixels from 0 to 1, N free'
  const results = classes.length > 0 ? 'one number for each class, before any softmax' : 'outputs of the last layer'
  await writeOnnx(path, {
    name,
    doc: `${given.about}. Input images: ${pixels}. Output ${output}: ${results}.`,
    metadata: {
      kind: given.kind,
      config: JSON.stringify(given.config),
      nnl_conv: JSON.stringify(nnlLayers(net.layers)),
      classes: JSON.stringify(classes),
      striate: version,
    },
    producer: { name: 'striate', version },
    inputs: [{ name: 'images', shape: ['N', channels, ...image], doc: pixels }],
    outputs: [{ name: output, shape: ['N', ...net.output], doc: results }],
    initialisers: graph.initialisers,
    nodes: graph.nodes,
  })
}
