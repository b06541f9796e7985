// Networks of locally learned NNL-CONV layers with a softmax readout (Grinberg, Hopfield, Krotov 2019, figure 2 left and middle).
import { z } from 'zod'
import { OptionError } from '../../errors.js'
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
  /** How many of the trunk's blocks are under it: 0, it reads the images. Default: all. Blocks stand in this order. */
  on: z.int().min(0).optional(),
})

export const localNetOptions = z.strictObject({
  /** C of the images. */
  channels: count,
  /** Height and width of the images. */
  image: z.tuple([count, count]).readonly(),
  /** Class names of the readout. Default: none, so that the outputs are the features. */
  classes: z.array(z.string()).readonly().default([]),
  /** Blocks one after another: the pooled map of each is the next one's input. */
  trunk: z
    .array(blockOptions.omit({ on: true }))
    .readonly()
    .default([]),
  /** Blocks side by side on the trunk's output, or on what is under it (`on`); their pooled maps, flattened, stand one after another in the features. */
  blocks: z.array(blockOptions).min(1).readonly(),
})

const trunkOptions = localNetOptions.pick({ channels: true, image: true, trunk: true })

export type LocalBlockOptions = z.input<typeof blockOptions>
export type LocalNetOptions = z.input<typeof localNetOptions>
type BlockConfig = z.output<typeof blockOptions>
type TrunkConfig = z.output<typeof localNetOptions>['trunk'][number]

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
    layers: [...levels(trunk, blocks), ...readoutLayers(classHeads(classes))],
    heads: classHeads(classes),
  }).config
}

/**
 * How many blocks of the trunk are under each block.
 * @throws {OptionError} when a block is on more than there are or comes before one that is on less, and when no block is on the whole trunk
 */
export function blockDepths(op: string, trunk: number, blocks: readonly { on?: number | undefined }[]): number[] {
  const depths = blocks.map(({ on = trunk }) => on)
  for (const [i, on] of depths.entries()) {
    const least = depths[i - 1] ?? 0
    if (on < least || on > trunk)
      throw new OptionError({
        op,
        argument: `blocks.${i}.on`,
        actual: `${on}`,
        expected: `${least === trunk ? '' : `${least} to `}${trunk}: blocks on less of the trunk first, and none on more than there is`,
      })
  }
  const most = depths.at(-1) ?? 0
  if (most < trunk)
    throw new OptionError({ op, argument: 'trunk', actual: `${trunk} deep`, expected: `${most}: no block is on more of it` })
  return depths
}

/** The trunk's layers, and beside what is above each of them the blocks that read what is under it. */
function levels(trunk: readonly TrunkConfig[], blocks: readonly BlockConfig[]): LayerSpecInput[] {
  const depths = blockDepths('localNet', trunk.length, blocks)
  const at = (depth: number, outermost: boolean): LayerSpecInput[] => {
    const branches = blocks.flatMap((block, i) => (depths[i] === depth ? [blockLayers(block, `blocks.${i}`)] : []))
    const next = trunk[depth]
    if (next && branches.length === 0) return [...blockLayers(next, `trunk.${depth}`), ...at(depth + 1, outermost)]
    if (next) branches.push([...blockLayers(next, `trunk.${depth}`), ...at(depth + 1, false)])
    if (outermost) return sideBySide(branches)
    return branches.length === 1 ? branches.flat() : [{ kind: 'parallel', branches }]
  }
  return at(0, true)
}

/**
 * Shape [C,H,W] of the map that the blocks on a trunk read: the images' own without one.
 * @throws {OptionError} {ShapeError} naming what does not fit
 */
export function networkShapes(options: Pick<LocalNetOptions, 'channels' | 'image' | 'trunk'>): [number, number, number] {
  const { channels, image, trunk } = parseOptions('networkShapes', trunkOptions, options)
  const extents: Extent[] = trunk.length === 0 ? [] : [...layerExtents(trunkNet({ channels, image, trunk })).values()]
  return [...(extents.at(-1) ?? [channels, ...image])] as [number, number, number]
}

/**
 * The blocks of a trunk, one or more, as a network of their own.
 * @throws {OptionError} {ShapeError} naming what does not fit
 */
export function trunkNet(options: Pick<LocalNetOptions, 'channels' | 'image' | 'trunk'>): NetworkConfig {
  const { channels, image, trunk } = parseOptions('trunkNet', trunkOptions, options)
  const layers = trunk.flatMap((block, i) => blockLayers(block, `trunk.${i}`))
  return outline({ kind: 'network', name: 'trunk', channels, image: [...image], layers }).config
}

/** The layers of one block. */
function blockLayers(block: TrunkConfig, name: string): LayerSpecInput[] {
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
