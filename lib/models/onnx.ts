// A network as an ONNX graph of standard operators, weights included.
import { writeOnnx } from '../io/index.js'
import { version } from '../version.js'
import type { PlacedHead } from './heads.js'
import { everyLayer } from './names.js'
import type { Network } from './network.js'
import { Graph } from './onnx_graph.js'

/**
 * Writes a network as one ONNX file (operator set 15, standard operators only, IR version 8). Input `images`: float32 [N,C,H,W], pixels from 0
 * to 1, N free. Output of a classifier: `logits` [N,T], before any softmax. A network of several heads, or of one that is no classifier, has an
 * output [N,T] for each, called as the head; a network without heads gives its last layer's outputs as `features`. The doc string says so in
 * the file; its metadata hold `config` (JSON), `nnl_conv` (JSON: window W, power n, centring and pool of each such layer), `heads` (JSON),
 * `classes` (JSON, of the first softmax head) and `striate` (version).
 *
 * The graph computes what the network computes when it is not training, in float32: cosines within about 3 C W^2 2^-24 of its own. A zero
 * patch (|v|^2 <= 2^-126) gives 0.
 * @throws {DataError} when the file cannot be written or would be larger than 2 GiB
 */
export async function exportOnnx(net: Network, path: string): Promise<void> {
  const { name, channels, image } = net.config
  const graph = new Graph(await net.state())
  const last = net.layers.reduce((x, layer) => layer.onnx(graph, x), 'images')
  const outputs = addOutputs(graph, net, last)
  const pixels = 'float32 [N,C,H,W], pixels from 0 to 1, N free'
  await writeOnnx(path, {
    name,
    doc: `${net.describe()}. Input images: ${pixels}. ${outputs.map(({ name, doc }) => `Output ${name}: ${doc}.`).join(' ')}`,
    metadata: {
      config: JSON.stringify(net.config),
      nnl_conv: JSON.stringify(
        everyLayer(net.layers).flatMap(({ name, spec }) => (spec.kind === 'nnl_conv' ? [{ ...spec, name }] : [])),
      ),
      heads: JSON.stringify(net.heads),
      classes: JSON.stringify(net.classes),
      striate: version,
    },
    producer: { name: 'striate', version },
    inputs: [{ name: 'images', shape: ['N', channels, ...image], doc: pixels }],
    outputs,
    initialisers: graph.initialisers,
    nodes: graph.nodes,
  })
}

interface Output {
  name: string
  shape: readonly (number | string)[]
  doc: string
}

function addOutputs(graph: Graph, { heads, output }: Network, last: string): Output[] {
  const softmax = 'one number for each class, before any softmax'
  const [only] = heads
  if (!only || (heads.length === 1 && only.loss === 'softmax')) {
    const name = graph.add('Identity', [last], only ? 'logits' : 'features')
    return [{ name, shape: ['N', ...output], doc: only ? softmax : 'outputs of the last layer' }]
  }
  return heads.map((head) => ({
    name: addHead(graph, head, last),
    shape: ['N', head.outputs],
    doc: head.loss === 'softmax' ? softmax : `${head.outputs === 1 ? 'the value' : 'values'} of ${head.target}`,
  }))
}

/** A head's columns of the last layer's outputs. */
function addHead(graph: Graph, { name, start, outputs }: PlacedHead, last: string): string {
  const whole = (what: string, value: number) => graph.constant(`${name}.${what}`, [1], BigInt64Array.of(BigInt(value)))
  return graph.add('Slice', [last, whole('start', start), whole('end', start + outputs), whole('axis', 1)], name)
}
