// A LocalNet as layers, for what walks a Network: the ONNX export, training end to end from learned filters.
import type { Safetensor } from '../io/index.js'
import type { Tensor } from '../tensor.js'
import type { LayerSpecInput } from './layer_spec.js'
import type { LocalBlock } from './local_config.js'
import { type BlockWeights, hostTensor, type LocalNet } from './local_net.js'
import { Network } from './network.js'

/** The layers of one block, and the tensors of each. */
function blockLayers(block: LocalBlock, { filters, whitening }: BlockWeights): [LayerSpecInput, Record<string, Tensor>][] {
  const { window, units, power, normalise, centre, pool, whitened } = block
  const layer: LayerSpecInput = { kind: 'nnl_conv', units, window: whitened ? 1 : window, power, normalise, centre, pool }
  if (!whitening) return [[layer, { weight: filters }]]
  return [
    [{ kind: 'conv', units: whitening.bias.size, window }, { ...whitening }],
    [layer, { weight: filters }],
  ]
}

/**
 * The same function as a {@link Network}, with copies of the tensors: NNL-CONV layers, each whitened one after its convolution, and the
 * readout as a linear layer. Without a readout its outputs are the features [N,D].
 */
export async function toNetwork(net: LocalNet): Promise<Network> {
  const { channels, image, classes, trunk, blocks } = net.config
  const state = new Map<string, Safetensor>()
  const keep = async (path: string, tensors: Record<string, Tensor>): Promise<void> => {
    for (const [name, tensor] of Object.entries(tensors)) state.set(`${path}.${name}`, await hostTensor(tensor))
  }
  const layers: LayerSpecInput[] = []
  const add = async (spec: LayerSpecInput, tensors: Record<string, Tensor> = {}): Promise<void> => {
    await keep(`${layers.length}`, tensors)
    layers.push(spec)
  }
  for (const [i, block] of trunk.entries())
    for (const [spec, tensors] of blockLayers(block, net.trunk[i] as BlockWeights)) await add(spec, tensors)
  const branches = blocks.map((block, i) => blockLayers(block, net.blocks[i] as BlockWeights))
  if (branches.length === 1) {
    for (const [spec, tensors] of branches.flat()) await add(spec, tensors)
    await add({ kind: 'flatten' })
  } else {
    for (const [i, branch] of branches.entries())
      for (const [j, [, tensors]] of branch.entries()) await keep(`${layers.length}.branches.${i}.${j}`, tensors)
    await add({ kind: 'parallel', branches: branches.map((branch) => branch.map(([spec]) => spec)) })
  }
  if (net.readout) await add({ kind: 'linear', units: classes.length }, { weight: net.readout.w, bias: net.readout.b })
  return new Network(
    { kind: 'network', name: 'local-net', channels, image: [...image], layers, classes: net.readout ? [...classes] : [] },
    { device: net.device, state },
  )
}
