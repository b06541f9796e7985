import { z } from 'zod'
import type { Column, Images } from '../data/index.js'
import { OutOfMemoryError } from '../errors.js'
import { rowsFormat, writeRows } from '../io/rows.js'
import { type Extent, type Network, readoutInput } from '../models/index.js'
import { noSuchLayer } from '../models/names.js'
import { parseWithControl } from '../options.js'
import { Tensor } from '../tensor.js'
import { batchesFor, batchOptions, countImages, type ImagesOrBytes } from './batches.js'
import { checkNetwork } from './classify.js'

export const transformOptions = z.strictObject({
  at: z.string().optional().describe('name of the layer (default: the one that the readout reads)'),
  ...batchOptions,
})

export interface TransformOptions extends z.input<typeof transformOptions> {
  /** Stops between two batches; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  /** Called after each batch: images done, of how many. */
  onProgress?: ((done: number, total: number) => void) | undefined
}

/** Outputs of a layer; `ndarray(data, shape)` wraps them without a copy, `writeNpy` writes them. */
export interface Features {
  data: Float32Array
  /** [N,D] or [N,C,H,W]. */
  shape: number[]
}

interface Request {
  at: string
  extent: Extent
  total: number
  pieces: () => AsyncGenerator<Float32Array, void, void>
}

/** Checks everything before anything runs. */
function request(op: string, net: Network, images: ImagesOrBytes, options: TransformOptions): Request {
  checkNetwork(op, net)
  const [{ at = readoutInput(net.config), ...reading }, { signal, onProgress }] = parseWithControl(op, transformOptions, options)
  if (!net.layerNames.includes(at)) throw noSuchLayer(op, 'at', at, net.layerNames)
  const total = countImages(op, net, images)
  const pieces = async function* () {
    for await (const { first, count, pixels } of batchesFor(op, net, images, reading, signal)) {
      yield await outputsAt(net, at, pixels, count)
      onProgress?.(first + count, total)
    }
  }
  return { at, extent: net.extent(at), total, pieces }
}

async function outputsAt(net: Network, at: string, pixels: Uint8Array, count: number): Promise<Float32Array> {
  const { channels, image } = net.config
  using input = Tensor.from(pixels, { shape: [count, channels, ...image], device: net.device })
  const { [at]: output } = await net.features(input, { at: [at] })
  using features = output as Tensor
  return (await features.read()).data as Float32Array
}

/**
 * Features of images: the outputs of any layer of a network.
 * @param images a set of images of the network's size; or the bytes of an image file of any size, or of several, which are decoded and resized
 * @throws {OptionError} for an option that is unknown or out of range, naming the nearest layers when there is none of that name
 * @throws {DataError} when an image cannot be decoded or is of another size
 * @throws {OutOfMemoryError} when one array cannot hold them: {@link writeFeatures} writes them as they come
 */
export async function transform(net: Network, images: ImagesOrBytes, options: TransformOptions = {}): Promise<Features> {
  const { extent, total, pieces } = request('transform', net, images, options)
  const shape = [total, ...extent]
  const data = arrayOf(shape)
  let at = 0
  for await (const piece of pieces()) {
    data.set(piece, at)
    at += piece.length
  }
  return { data, shape }
}

function arrayOf(shape: readonly number[]): Float32Array {
  const count = shape.reduce((a, b) => a * b, 1)
  try {
    return new Float32Array(count)
  } catch (cause) {
    const actual = `of ${count.toLocaleString('en')} numbers`
    throw new OutOfMemoryError(
      { op: 'transform', argument: 'the result', actual, expected: 'what one array can hold (writeFeatures writes more)' },
      { cause },
    )
  }
}

/**
 * Writes the features of images as they are computed, the file whole or not at all, so that they may be more than the memory holds: a .npy file
 * with the one array [N,D] or [N,C,H,W], or a .safetensors file that holds it as `features` beside the images' targets (`target.class` ...;
 * metadata: the layer, the network, the images, the names of the classes).
 * @param path ends with .npy or .safetensors
 * @throws {OptionError} for a path of another ending, an option that is unknown or out of range, and a layer that there is not
 * @throws {DataError} when the file cannot be written, an image cannot be decoded, or the images do not fit the network
 */
export async function writeFeatures(
  net: Network,
  images: Images,
  path: string,
  options: TransformOptions = {},
): Promise<{ at: string; shape: number[] }> {
  const op = 'writeFeatures'
  rowsFormat(op, path)
  const { at, extent, total, pieces } = request(op, net, images, options)
  const shape = [total, ...extent]
  const columns = Object.entries(images.targets)
  const metadata = {
    at,
    network: net.describe(),
    data: images.name,
    sha256: images.sha256,
    ...Object.fromEntries(columns.flatMap(([name, column]) => classNames(name, column))),
  }
  const tensors = new Map(columns.map(([name, column]) => [`target.${name}`, columnTensor(column)]))
  await writeRows(op, path, { shape, pieces: pieces() }, { name: 'features', tensors, metadata })
  return { at, shape }
}

const classNames = (name: string, column: Column): [string, string][] =>
  column.kind === 'class' ? [[`target.${name}.classes`, JSON.stringify(column.classes)]] : []

function columnTensor(column: Column) {
  const shape = [column.values.length]
  return column.kind === 'class'
    ? { dtype: 'I32' as const, shape, data: column.values }
    : { dtype: 'F32' as const, shape, data: column.values }
}
