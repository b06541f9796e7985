// Settings by name. Each says where it is from and how it was chosen; a recipe's options can be overridden one by one.
import { OptionError } from '../../errors.js'
import type { ReadoutOptions } from '../../features/index.js'
import type { BlockOptions, FilterOptions, LocalOptions } from '../../learn/index.js'
import type { Block } from '../networks.js'
import {
  fiveBlocks,
  localReadout,
  singleBlock,
  whitenedBlock,
  whitenedFive,
  whitenedFiveReadout,
  whitenedPatches,
  whitenedPatchesReadout,
  whitenedReadout,
  whitenedStack,
  whitenedStackReadout,
} from './settings.js'

interface Recipe extends Pick<LocalOptions, 'filters' | 'trunk'> {
  about: string
  blocks: BlockOptions[]
  readout: ReadoutOptions
}

const paperPool = { size: 11, stride: 2 }

const blockOptions = ({ window, units, power, pool, response, filters }: Block): BlockOptions => ({
  filters: { units, window, ...filters },
  power,
  pool,
  ...(response ? { response } : {}),
})

const recipes = {
  grinberg: {
    // Delta 0.275: at 0.28 one unit takes 34 to 60 % of the patches, depending on the seed, and at 0.284 all of them.
    about: 'The single block of Grinberg, Hopfield, Krotov 2019 (figure 2 left) on CIFAR-10: W 4, K 400, n 40, pool 11',
    blocks: [blockOptions(singleBlock)],
    readout: localReadout,
  },
  'grinberg-five': {
    about:
      'The five blocks of the same paper (figure 2 middle) side by side: W 2, 3, 4, 5 and 7, pools of 8 to 11 every 3 (chosen here: the paper does not give them), each K 400, n 40',
    blocks: fiveBlocks.map(blockOptions),
    readout: localReadout,
  },
  whitened: {
    about:
      'A block of 400 filters of 4 x 4 that compete for whitened patches of norm 1, both signs of their responses, power 2, pool 13 every 3: better than the paper’s block in the light and in the shadow',
    blocks: [blockOptions(whitenedBlock)],
    readout: whitenedReadout,
  },
  'whitened-five': {
    about: 'Five such blocks side by side, W 2 to 6, pools of 13 every 5',
    blocks: whitenedFive.map(blockOptions),
    readout: whitenedFiveReadout,
  },
  'whitened-patches': {
    about:
      'Five such blocks of 2,400 random patches in all, with nothing learned but their whitening: the best in the light, for 16 GiB of features (what does not fit in memory is computed again in every epoch)',
    blocks: whitenedPatches.map(blockOptions),
    readout: whitenedPatchesReadout,
  },
  'whitened-stack': {
    about:
      'Two layers: 1,600 random whitened patches of 3 x 3 of the maps of 96 of 4 x 4, both signs, power 2: better than one layer of as many features',
    trunk: whitenedStack.trunk.map(blockOptions),
    blocks: whitenedStack.blocks.map(blockOptions),
    readout: whitenedStackReadout,
  },
  faithful: {
    about: "The single block with the authors' rule to the letter: rows from N(0,1), update divided by its largest entry",
    filters: { steps: 20_000, mode: 'faithful', antiHebbian: 0.1 },
    blocks: [{ filters: { units: 400, window: 4 }, power: 40, pool: paperPool }],
    readout: { learningRates: [1e-3], weightDecays: [3e-4], epochs: 20 },
  },
  quick: {
    about: 'A minute of CIFAR-10: 100 filters, 2,000 minibatches, pool stride 6',
    filters: { steps: 2000 },
    blocks: [{ filters: { units: 100, window: 4 }, power: 40, pool: { size: 11, stride: 6 } }],
    readout: { epochs: 8 },
  },
} satisfies Record<string, Recipe>

export type RecipeName = keyof typeof recipes
export const recipeNames = Object.keys(recipes) as RecipeName[]

/** Name and description of every recipe. */
export const describeRecipes = (): { name: RecipeName; text: string }[] =>
  recipeNames.map((name) => ({ name, text: recipes[name].about }))

/** What all blocks have alike, but for the number and size of their filters. */
function shared([first, ...others]: readonly BlockOptions[]): BlockOptions {
  const alike = <T extends object>(one: T | undefined, rest: readonly (T | undefined)[]): Partial<T> =>
    Object.fromEntries(
      Object.entries(one ?? {}).filter(([key, value]) =>
        rest.every((other) => JSON.stringify(other?.[key as keyof T]) === JSON.stringify(value)),
      ),
    ) as Partial<T>
  const {
    units: _units,
    window: _window,
    ...filters
  } = alike(
    first?.filters,
    others.map((block) => block.filters),
  )
  return { ...alike(first, others), filters }
}

/** Options of filters with others over them; of how patches are whitened those that the others say. */
export const filtersOver = (under: FilterOptions = {}, over: FilterOptions = {}): FilterOptions => ({
  ...under,
  ...over,
  ...(under.whiten && over.whiten ? { whiten: { ...under.whiten, ...over.whiten } } : {}),
})

/**
 * The options of a recipe, with others over them: those of all blocks over the recipe's blocks, and blocks in place of its blocks, which
 * are what those share where they do not say otherwise.
 * @throws {OptionError} when there is none of that name
 */
export function recipe(name: RecipeName, own: LocalOptions = {}): LocalOptions {
  if (!Object.hasOwn(recipes, name))
    throw new OptionError({ op: 'recipe', argument: 'name', actual: `'${name}'`, expected: recipeNames.join(', ') })
  const { filters, trunk, blocks, readout }: Recipe = recipes[name]
  const common = shared(blocks)
  // A power for patches as they are would silence whitened ones.
  const fitting = ({ power, ...block }: BlockOptions): BlockOptions => ({
    ...block,
    ...(power !== undefined && (block.filters?.whiten || !own.filters?.whiten) ? { power } : {}),
    filters: filtersOver(block.filters, own.filters),
  })
  const over = (block: BlockOptions): BlockOptions => {
    const under = fitting(common)
    return { ...under, ...block, filters: filtersOver(under.filters, block.filters) }
  }
  return {
    ...own,
    filters: filtersOver(filters, own.filters),
    ...(trunk && !own.trunk ? { trunk: trunk.map(fitting) } : {}),
    blocks: own.blocks?.map(over) ?? blocks.map(fitting),
    readout: own.readout === false ? false : { ...readout, ...own.readout },
  }
}
