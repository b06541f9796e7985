// What the mixing of a network of wavelet blocks is learned by, and the switches of its ablations.
import { z } from 'zod'
import { OptionError } from '../errors.js'
import { parseOptions, seed, whole } from '../options.js'

export const componentOptions = z.strictObject({
  components: z
    .enum(['learned', 'random', 'orthogonal'])
    .default('learned')
    .describe(
      'learned: principal components of what each block sees; random: weights as a network starts; orthogonal: random orthonormal rows',
    ),
  statistics: z
    .enum(['pooled', 'pixels'])
    .default('pooled')
    .describe('components of one mean response an image (pooled), or of single positions (pixels)'),
  pixelShare: z.number().gt(0).max(1).default(0.1).describe('share of the positions of a map that pixels take, drawn at random'),
  scale: z
    .enum(['none', 'whitened', 'z-scored'])
    .default('none')
    .describe(
      'components of unit length (none), of unit variance over images (whitened), or of unit variance over positions (z-scored)',
    ),
  dropFirst: whole(0, 4096).default(0).describe('leading components to leave out; the first is mostly brightness'),
  principal: whole(0, 4096)
    .optional()
    .describe('units of a block that are components, the rest being random orthonormal rows; all by default'),
  batch: whole(1, 4096).default(50).describe('images worked on together'),
  memoryLimit: whole(0)
    .nullable()
    .default(null)
    .meta({ unit: 'bytes' })
    .describe('bytes of maps that are kept for the next block, the rest being computed again; half of what is free by default'),
  seed: seed.default(0).describe('of random rows'),
})

/** How components are learned. */
export type ComponentOptions = z.input<typeof componentOptions>
export type ComponentConfig = z.output<typeof componentOptions>

/** The settings that results depend on. */
export function lasting({ memoryLimit: _limit, ...rest }: ComponentConfig): object {
  return rest
}

/**
 * Refuses switches that what was asked for does not look at.
 * @throws {OptionError}
 */
export function refuseUnused(op: string, settings: ComponentConfig): void {
  const { components, statistics, scale } = settings
  const usual = parseOptions(op, componentOptions, {})
  const refuseGiven = (names: readonly (keyof ComponentConfig)[], expected: string) => {
    const argument = names.find((name) => settings[name] !== usual[name])
    if (argument !== undefined) throw new OptionError({ op, argument, actual: String(settings[argument]), expected })
  }
  if (components !== 'learned')
    refuseGiven(
      ['statistics', 'scale', 'principal', 'dropFirst', 'pixelShare'],
      `it only with components 'learned', not '${components}'`,
    )
  else if (statistics !== 'pixels' && scale !== 'z-scored')
    refuseGiven(['pixelShare'], "it only with statistics 'pixels' or scale 'z-scored'")
}
