// Networks of locally learned NNL-CONV layers with a softmax readout (Grinberg, Hopfield, Krotov 2019, figure 2 left and middle).
import { z } from 'zod'
import { parseOptions } from '../../options.js'
import { patchPreparation, whiteningLayer } from '../blocks.js'
import type { Extent } from '../extent.js'
import { count, poolOptions, powerOption } from '../layer.js'
import { responses } from '../layers/nnl_conv.js'
import { layerExtents, outline } from '../outline.js'
import { classHeads, readoutLayers, sideBySide } from '../readout.js'
import type { LayerSpecInput, NetworkConfig } from '../spec.js'

/** Responses of blocks: `signed` is a projection's. */
export const blockResponse = z.enum(responses).exclude(['signed'])

export const blockOptions = z.strictObject({
  /** W: side of the filters. */
  window: count,
  /** K: filters. */
  units: count,
  /** n of the rectified power. */
  power: powerOption,
  normalise: z.enum(['patch', 'none']).default('patch'),
  /** Take each patch's own mean off. */
  centre: z.boolean().default(false),
  /** Max pool over `size` x `size` positions, every `stride`, from `padding` before the map to as far beyond it. */
  pool: poolOptions,
  /** What of a cosine is pooled: what is above 0, that of both signs apart (2K channels), or how much nearer than the mean a filter is. */
  response: blockResponse.default('rectified'),
  /** Patches, of norm 1, less their mean and of norm 1, or as they are, are first projected to so many numbers, which the filters, then 1 x 1, compare. */
  whiten: z.strictObject({ after: z.enum(['norm', 'centred-norm', 'none']), components: count }).optional(),
})

export const localNetOptions = z.strictObject({
  /** C of the images. */
  channels: count,
  /** Height and width of the images. */
  image: z.tuple([count, count]).readonly(),
  /** Class names of the readout. Default: none, so that the outputs are the features. */
  classes: z.array(z.string()).readonly().default([]),
  /** Blocks one after another: the pooled map of each is the next one's input. */
  trunk: z.array(blockOptions).readonly().default([]),
  /** Blocks side by side on the trunk's output; their pooled maps, flattened, stand one after another in the features. */
  blocks: z.array(blockOptions).min(1).readonly(),
})

const trunkOptions = localNetOptions.pick({ channels: true, image: true, trunk: true })

export type LocalBlockOptions = z.input<typeof blockOptions>
export type LocalNetOptions = z.input<typeof localNetOptions>
type BlockConfig = z.output<typeof blockOptions>

/**
 * A network of blocks side by side, if wanted on a trunk of such blocks, with a softmax readout of all of their pooled responses. Its layers:
 * `trunk.0` ..., `blocks.0` ..., `features` and `readout`; of a whitened block also its projection, `blocks.0.whiten`.
 * @throws {OptionError} {ShapeError} naming what does not fit
 */
export function localNet(options: LocalNetOptions): NetworkConfig {
  const { channels, image, classes, trunk, blocks } = parseOptions('localNet', localNetOptions, options)
  return outline({
    kind: 'network',
    name: 'local-net',
    channels,
    image: [...image],
    layers: [
      ...inTurn(trunk),
      ...sideBySide(blocks.map((block, i) => blockLayers(block, `blocks.${i}`))),
      ...readoutLayers(classHeads(classes)),
    ],
    heads: classHeads(classes),
  }).config
}

/**
 * Shape [C,H,W] of the map that the blocks on a trunk read: the images' own without one.
 * @throws {OptionError} {ShapeError} naming what does not fit
 */
export function networkShapes(options: Pick<LocalNetOptions, 'channels' | 'image' | 'trunk'>): [number, number, number] {
  const { channels, image, trunk } = parseOptions('networkShapes', trunkOptions, options)
  const layers = inTurn(trunk)
  const extents: Extent[] =
    layers.length === 0 ? [] : [...layerExtents({ kind: 'network', name: 'trunk', channels, image: [...image], layers }).values()]
  return [...(extents.at(-1) ?? [channels, ...image])] as [number, number, number]
}

const inTurn = (trunk: readonly BlockConfig[]): LayerSpecInput[] => trunk.flatMap((block, i) => blockLayers(block, `trunk.${i}`))

/** The layers of one block. */
function blockLayers(block: BlockConfig, name: string): LayerSpecInput[] {
  const { window, units, power, normalise, centre, pool, response, whiten } = block
  const layer = { kind: 'nnl_conv', name, units, window: whiten ? 1 : window, power, normalise, centre, pool, response } as const
  if (!whiten) return [layer]
  const { after, components } = whiten
  const projection = {
    kind: 'nnl_conv',
    name: whiteningLayer(name),
    units: components,
    window,
    response: 'signed',
    bias: true,
  } as const
  return [{ ...projection, ...patchPreparation(after) }, layer]
}
