// A network's tensors under the names that PyTorch gives them, such as torchvision's of ResNet-18: batch normalisation calls them otherwise, the rest is
// called alike.
import { DataError } from '../errors.js'
import { readSafetensors, type Safetensor, writeSafetensors } from '../io/index.js'
import { covers, everyLayer } from './names.js'
import type { Network } from './network.js'

const batchNorm: Readonly<Record<string, string>> = {
  gamma: 'weight',
  beta: 'bias',
  mean: 'running_mean',
  variance: 'running_var',
}
/** Batches that PyTorch counted, which is of no use without its own training. */
const counter = /\.num_batches_tracked$/
/** Mean and standard deviation by which torchvision's networks standardise images of ImageNet, channels from 0 to 1. */
const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }

/** Of each of the network's tensors the name in PyTorch; those by which it standardises images have none. */
function pyTorchNames(net: Network): Map<string, string> {
  const of = new Map<string, string>()
  for (const { name, spec, parameters, buffers } of everyLayer(net.layers))
    for (const own of Object.keys({ ...parameters, ...buffers }))
      if (spec.kind !== 'standardise') of.set(`${name}.${own}`, `${name}.${spec.kind === 'batch_norm' ? batchNorm[own] : own}`)
  return of
}

/** Writes a network's tensors as safetensors under PyTorch's names: torchvision's where it is a {@link resNet18}, as `load_state_dict` takes them. */
export async function savePyTorch(net: Network, path: string): Promise<void> {
  const state = await net.state()
  const named = [...pyTorchNames(net)].map(([own, theirs]): [string, Safetensor] => [theirs, state.get(own) as Safetensor])
  await writeSafetensors(path, new Map(named))
}

/**
 * The tensors of a safetensors file with PyTorch's names under the network's own, for {@link Network.adopt}. A network that standardises images gets
 * ImageNet's mean and standard deviation, by which torchvision's networks are trained.
 * @param except layers that the network does not take from there, such as `fc` of a network with other heads: what the file has of them is passed over
 * @throws {DataError} naming the file and a tensor that is missing, there and unknown, or of another shape
 */
export async function readPyTorch(net: Network, path: string, except: readonly string[] = []): Promise<Map<string, Safetensor>> {
  const { tensors } = await readSafetensors(path)
  const refuse = (actual: string, expected: string) => new DataError({ op: 'readPyTorch', argument: path, actual, expected })
  const own = new Map([...net.parameters, ...net.buffers])
  const left = (name: string) => except.some((layer) => covers(layer, name))
  const names = new Map([...pyTorchNames(net)].filter(([name]) => !left(name)))
  const known = new Set(names.values())
  const extra = [...tensors.keys()].find((name) => !known.has(name) && !counter.test(name) && !left(name))
  if (extra !== undefined)
    throw refuse(`a file with ${extra}`, `the tensors of ${net.config.name}, such as ${[...known].slice(0, 2).join(', ')}`)
  const state = new Map<string, Safetensor>()
  for (const [name, theirs] of names) {
    const found = tensors.get(theirs)
    const shape = own.get(name)?.shape ?? []
    if (!found) throw refuse(`without ${theirs}`, `F32 [${shape}] of that name`)
    if (found.dtype !== 'F32' || found.shape.join() !== shape.join())
      throw refuse(`a file in which ${theirs} is ${found.dtype} [${found.shape}]`, `F32 [${shape}]`)
    state.set(name, found)
  }
  for (const [name, values] of Object.entries(imageNet))
    if (own.get(`standardise.${name}`)?.size === values.length)
      state.set(`standardise.${name}`, { dtype: 'F32', shape: [values.length], data: Float32Array.from(values) })
  return state
}
