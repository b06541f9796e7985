// Networks of wavelet blocks (Passi, Robinson, Bonner 2024; Passi, Bonner 2026): each expands its input by a fixed bank of wavelets and mixes
// the channels down again. Block 1 stands alone; from block 2 on, two blocks make an octave, of which the second halves the map.
import { z } from 'zod'
import { OptionError } from '../../errors.js'
import { parseOptions } from '../../options.js'
import { headSchema } from '../heads.js'
import { count } from '../layer.js'
import { outline } from '../outline.js'
import { headsOf, readoutLayers } from '../readout.js'
import type { LayerSpecInput, NetworkConfig } from '../spec.js'

const repeated = (times: number, units: number): number[] => Array.from({ length: times }, () => units)

/** Published networks, and a small one: units of each block, and orientations of the wavelets. */
export const waveletNets = {
  /** Nine blocks of 64 (2024). */
  'passi-2024': { units: [27, ...repeated(8, 64)], orientations: 8 },
  /** Eleven blocks of up to 512 (2026). */
  'passi-2026': { units: [27, 64, 64, 128, 256, ...repeated(5, 512), 256], orientations: 8 },
  /** Eight blocks for 32 x 32 (Guth, Ménard, Rochette, Mallat 2023), whose first has more units than its input components. */
  'rainbow-cifar': { units: [64, 128, 256, ...repeated(5, 512)], orientations: 4 },
  /** Five blocks that learn in seconds. */
  small: { units: [12, 16, 16, 24, 24], orientations: 4 },
} as const satisfies Record<string, { units: readonly number[]; orientations: number }>

export type WaveletNetName = keyof typeof waveletNets

/** The schema of {@link WaveletNetOptions}. */
export const waveletNetOptions = z.strictObject({
  /** C of the images. */
  channels: count.default(3),
  /** Height and width of the images. */
  image: z.tuple([count, count]).readonly(),
  /** A published network: units and orientations of it where they are not given. */
  net: z
    .enum(Object.keys(waveletNets) as [WaveletNetName, ...WaveletNetName[]])
    .default('passi-2024')
    .meta({ flag: 'recipe' })
    .describe('units and orientations of a published network, where they are not given'),
  units: z.array(count).min(1).readonly().optional().describe('of each block'),
  orientations: z.number().int().min(1).max(16).optional().describe('of the wavelets'),
  nonlinearity: z.enum(['modulus', 'relu']).default('modulus').describe('of the wavelets’ responses'),
  normalise: z.boolean().default(true).describe('divide each position of a block by its norm over the units'),
  freeze: z.number().int().min(0).default(0).describe('of the first blocks, that stay as they are while the others are trained'),
  /** Class names of a classifier: a batch normalisation, the readout, and the head `class`. Default: none, so that the outputs are features. */
  classes: z.array(z.string()).readonly().default([]),
  /** Several heads, or others, in place of `classes`. */
  heads: z.array(headSchema).readonly().default([]),
})

export type WaveletNetOptions = z.input<typeof waveletNetOptions>

/**
 * A network of wavelet blocks, its layers `blocks.0`, `blocks.1` ...; with classes a batch normalisation, `features` and `readout` on the last of
 * them, as the authors' classifiers have it.
 * @throws {OptionError} {ShapeError} naming the block that does not fit the map below
 */
export function waveletNet(options: WaveletNetOptions): NetworkConfig {
  const {
    channels,
    image,
    net,
    nonlinearity,
    normalise,
    freeze,
    classes,
    heads: others,
    ...given
  } = parseOptions('waveletNet', waveletNetOptions, options)
  const heads = headsOf('waveletNet', { classes, heads: others })
  const units = given.units ?? waveletNets[net].units
  const orientations = given.orientations ?? waveletNets[net].orientations
  if (freeze > units.length)
    throw new OptionError({
      op: 'waveletNet',
      argument: 'freeze',
      actual: `${freeze}`,
      expected: `at most the ${units.length} blocks`,
    })
  const blocks = units.map(
    (units, i): LayerSpecInput => ({
      kind: 'wavelet_block',
      name: `blocks.${i}`,
      units,
      bank: i === 0 ? 'first' : i % 2 === 1 ? 'odd' : 'even',
      orientations,
      nonlinearity,
      normalise,
    }),
  )
  const classifier: LayerSpecInput[] =
    heads.length > 0 ? [{ kind: 'batch_norm', name: 'norm' }, { kind: 'flatten', name: 'features' }, ...readoutLayers(heads)] : []
  return outline({
    kind: 'network',
    name: 'wavelet-net',
    channels,
    image: [...image],
    layers: [...blocks, ...classifier],
    heads: [...heads],
    frozen: blocks.slice(0, freeze).map(({ name }) => name as string),
  }).config
}
