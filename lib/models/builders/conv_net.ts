// The end-to-end twin of a local network.
import { z } from 'zod'
import { parseOptions } from '../../options.js'
import { headSchema } from '../heads.js'
import { border, count, powerOption } from '../layer.js'
import { outline } from '../outline.js'
import { headsOf, readoutLayers, sideBySide } from '../readout.js'
import type { LayerSpecInput, NetworkConfig } from '../spec.js'
import { standardiseLayers, standardiseOption } from './standardise.js'

export const blockOptions = z.strictObject({
  window: count.default(4).describe('W: side of the filters'),
  units: count.default(400).describe('K: filters'),
  pool: z
    .strictObject({
      size: count.optional().describe('side in positions; 11, or all positions where there are fewer'),
      stride: count.default(2).describe('positions from one window to the next'),
      padding: border.default(0).describe('positions that windows reach over the border of the map'),
    })
    .prefault({})
    .describe('max pool'),
  power: powerOption.default(1).describe('n of the rectified power; 1 is ReLU'),
})

/** The schema of {@link ConvNetOptions}. */
export const convNetOptions = z.strictObject({
  /** C of the images. */
  channels: count,
  /** Height and width of the images. */
  image: z.tuple([count, count]).readonly(),
  /** Class names of a classifier: the head `class`. */
  classes: z.array(z.string()).readonly().default([]),
  /** Several heads, or others, in place of `classes`. */
  heads: z.array(headSchema).readonly().default([]),
  blocks: z
    .array(blockOptions)
    .min(1)
    .readonly()
    .prefault([{}])
    .describe('side by side; their pooled maps are concatenated for the softmax layer'),
  normalise: z.enum(['none', 'patch']).default('none').describe('none: CONV; patch: NNL-CONV, trained end to end'),
  standardise: standardiseOption,
  bias: z.boolean().optional().describe('one for each filter; by default with CONV, and not with NNL-CONV, which has none'),
})

export type ConvBlock = z.input<typeof blockOptions>
export type ConvNetOptions = z.input<typeof convNetOptions>

/**
 * The end-to-end twin of a {@link localNet}: the same blocks with standard convolutions (ReLU, no patch normalisation), max pools and a
 * softmax layer, of the same names. With `normalise: 'patch'` and powers, NNL-CONV trained end to end. Grinberg, Hopfield, Krotov 2019, sections 3 and 6.
 * @throws {OptionError} {ShapeError} naming what does not fit
 */
export function convNet(options: ConvNetOptions): NetworkConfig {
  const { channels, image, blocks, normalise, standardise, ...rest } = parseOptions('convNet', convNetOptions, options)
  const { bias = normalise === 'none' } = rest
  const heads = headsOf('convNet', rest)
  const branches = blocks.map(({ pool, ...block }, i): LayerSpecInput[] => {
    const fitting = Math.max(1, Math.min(11, Math.min(...image) - block.window + 1))
    const fitted = { ...pool, size: pool.size ?? fitting }
    return [{ kind: 'nnl_conv', name: `blocks.${i}`, ...block, pool: fitted, normalise, bias }]
  })
  return outline({
    kind: 'network',
    name: 'conv-net',
    channels,
    image: [...image],
    layers: [...standardiseLayers(standardise), ...sideBySide(branches), ...readoutLayers(heads)],
    heads: [...heads],
  }).config
}
