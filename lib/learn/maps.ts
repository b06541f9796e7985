// The maps of a network's layer as images for the layer above it: 8 bits each, so that every rule learns from them by the ops that learn from
// images, at a quarter of the memory of float32. Each image's maps are scaled to their own maximum; patches are divided by their norms
// anyway. The network itself never rounds its maps.
import { createHash } from 'node:crypto'
import { type Images, uploadRows } from '../data/index.js'
import { ShapeError } from '../errors.js'
import type { Network } from '../models/index.js'

/** Images whose maps are computed at a time. */
const chunk = 256

/**
 * The maps [N,K,P,Q] that a network's layer gives for images, as bytes, round(255 x / largest x of the image); computed as they are read.
 * @param at name of the layer
 * @param identity everything that the maps depend on beside the images; it is part of their hash
 */
export function mapsOf(images: Images, net: Network, at: string, identity: unknown): Images {
  const extent = net.extent(at)
  const [units, height, width] = extent
  if (units === undefined || height === undefined || width === undefined)
    throw new ShapeError({ op: 'mapsOf', argument: `layer ${at}`, actual: `of [${extent}]`, expected: 'maps [K,P,Q]' })
  const each = units * height * width
  const rows = async (indices: ArrayLike<number>, signal?: AbortSignal): Promise<Uint8Array> => {
    const bytes = new Uint8Array(indices.length * each)
    const wanted = Int32Array.from(indices)
    for (let first = 0; first < wanted.length; first += chunk) {
      signal?.throwIfAborted()
      using part = await uploadRows(images, wanted.subarray(first, first + chunk), net.device, signal)
      using maps = (await net.features(part, { at: [at] }))[at]
      const values = (await (maps as NonNullable<typeof maps>).read()).data
      quantise(values, each, bytes.subarray(first * each))
    }
    return bytes
  }
  const sha256 = createHash('sha256').update(images.sha256).update(JSON.stringify(identity)).digest('hex')
  const shape = [images.shape[0], units, height, width] as const
  return { name: `${images.name}, maps of ${at}`, shape, sha256, targets: {}, pixels: null, rows }
}

function quantise(values: ArrayLike<number>, each: number, bytes: Uint8Array): void {
  for (let at = 0; at < values.length; at += each) {
    let largest = 0
    for (let i = at; i < at + each; i++) largest = Math.max(largest, values[i] as number)
    const factor = largest > 0 ? 255 / largest : 0
    for (let i = at; i < at + each; i++) bytes[i] = Math.round((values[i] as number) * factor)
  }
}
