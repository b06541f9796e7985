// A network's tensors under the names that PyTorch gives them, such as torchvision's of ResNet-18: batch normalisation calls them otherwise, the rest is
// called alike. By what a network standardises images is no tensor there, and stands in the file's metadata.
import { z } from 'zod'
import { DataError } from '../errors.js'
import { readSafetensors, type Safetensor, writeSafetensors } from '../io/index.js'
import type { Tensor } from '../tensor.js'
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
/** Mean and standard deviation by which the channels of images, from 0 to 1, are standardised before a network's first weights. */
export interface Standardisation {
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/** @internal That of torchvision's networks. */
export const imageNet: Standardisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }

const statistics = z.object({ mean: z.array(z.number()), std: z.array(z.number().positive()) })

/** The layer by which a network standardises images; undefined where it takes them as they are. */
const standardiser = (net: Network) => everyLayer(net.layers).find(({ spec }) => spec.kind === 'standardise')

/** The numbers of a float32 tensor in as few digits as tell them from others. */
const numbersOf = async (tensor: Tensor): Promise<number[]> =>
  [...((await tensor.read()).data as Float32Array)].map((value) => {
    const short = [3, 4, 5, 6, 7, 8].map((digits) => Number(value.toPrecision(digits)))
    return short.find((one) => Math.fround(one) === value) ?? value
  })

/** @internal By what a network standardises images; null where it has no layer that does. */
export async function standardisationOf(net: Network): Promise<Standardisation | null> {
  const { mean, std } = standardiser(net)?.buffers ?? {}
  return mean && std ? { mean: await numbersOf(mean), std: await numbersOf(std) } : null
}

/** Of each of the network's tensors the name in PyTorch; those by which it standardises images have none. */
function pyTorchNames(net: Network): Map<string, string> {
  const of = new Map<string, string>()
  for (const { name, spec, parameters, buffers } of everyLayer(net.layers))
    for (const own of Object.keys({ ...parameters, ...buffers }))
      if (spec.kind !== 'standardise') of.set(`${name}.${own}`, `${name}.${spec.kind === 'batch_norm' ? batchNorm[own] : own}`)
  return of
}

/**
 * Writes a network's tensors as safetensors under PyTorch's names: torchvision's where it is a {@link resNet18}, as `load_state_dict` takes them. By what
 * images are to be standardised before them is no tensor: it stands in the metadata, as `mean` and `std`, JSON lists of a number a channel.
 * @returns it; mean 0 and standard deviation 1 where the network takes images as they are, from 0 to 1
 */
export async function savePyTorch(net: Network, path: string): Promise<Standardisation> {
  const state = await net.state()
  const named = [...pyTorchNames(net)].map(([own, theirs]): [string, Safetensor] => [theirs, state.get(own) as Safetensor])
  const each = (value: number) => new Array<number>(net.config.channels).fill(value)
  const by = (await standardisationOf(net)) ?? { mean: each(0), std: each(1) }
  const metadata = { format: 'pt', mean: JSON.stringify(by.mean), std: JSON.stringify(by.std) }
  await writeSafetensors(path, new Map(named), { metadata })
  return by
}

/** By what the images of a file's weights are standardised; null where its metadata do not say. */
function namedStandardisation({ mean, std }: Record<string, string>, path: string, channels: number): Standardisation | null {
  if (mean === undefined && std === undefined) return null
  const wrong = (cause?: unknown) =>
    new DataError(
      {
        op: 'readPyTorch',
        argument: path,
        actual: `a file whose metadata have mean ${mean} and std ${std}`,
        expected: `both, as JSON lists of ${channels} numbers, those of std above 0`,
      },
      { cause },
    )
  let found: Standardisation
  try {
    found = statistics.parse({ mean: JSON.parse(mean ?? ''), std: JSON.parse(std ?? '') })
  } catch (cause) {
    throw wrong(cause)
  }
  if (found.mean.length !== channels || found.std.length !== channels) throw wrong()
  return found
}

/**
 * The tensors of a safetensors file with PyTorch's names under the network's own, for {@link Network.adopt}. A network that standardises images gets
 * the mean and standard deviation that the file's metadata name, as {@link savePyTorch} writes them, or else ImageNet's, by which torchvision's
 * networks are trained.
 * @param except layers that the network does not take from there, such as `fc` of a network with other heads: what the file has of them is passed over
 * @throws {DataError} naming the file and a tensor that is missing, there and unknown, or of another shape
 */
export async function readPyTorch(net: Network, path: string, except: readonly string[] = []): Promise<Map<string, Safetensor>> {
  return (await readPyTorchFile(net, path, except)).state
}

/** @internal What a file gives a network. */
export interface PyTorchFile {
  state: Map<string, Safetensor>
  /** By what it says that images are standardised; null where it does not. */
  named: Standardisation | null
}

/** @internal {@link readPyTorch}, and what the file says of images. */
export async function readPyTorchFile(net: Network, path: string, except: readonly string[]): Promise<PyTorchFile> {
  const { tensors, metadata } = await readSafetensors(path)
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
  const named = namedStandardisation(metadata, path, net.config.channels)
  const layer = standardiser(net)?.name
  if (layer !== undefined && !left(layer))
    for (const [name, values] of Object.entries(named ?? imageNet))
      if (own.get(`${layer}.${name}`)?.size === values.length)
        state.set(`${layer}.${name}`, { dtype: 'F32', shape: [values.length], data: Float32Array.from(values) })
  return { state, named }
}
