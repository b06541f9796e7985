// The networks of Grinberg, Hopfield, Krotov 2019 (arXiv 1908.08993) and how they are trained, as chosen on a validation split of the
// training images (bench/results/README.md has the search).
import type { ReadoutOptions } from '../../features/index.js'
import type { SupervisedOptions } from '../../train/index.js'
import type { Block } from '../networks.js'

/**
 * The paper's single block (figure 2 left), which has its W, K, n and side of the pool. The pool's stride and padding, Delta, the rate,
 * decay and epochs were chosen on a validation split: windows that reach over the border see it apart from the middle, which is worth a point.
 */
export const singleBlock: Block = {
  window: 4,
  units: 400,
  power: 40,
  pool: { size: 11, stride: 3, padding: 5 },
  filters: { antiHebbian: 0.275, steps: 20_000 },
}
/** Of one block and of five. */
export const localReadout: ReadoutOptions = { learningRates: [3e-4], weightDecays: [3e-4], epochs: 16, centreFeatures: true }

/**
 * The single block in whitened space: patches of norm 1, whitened, filters that compete there, and both signs of what they answer. Everything
 * was chosen on a validation split (bench/results/README.md has the search). A large epsilon is worth most in the shadow.
 */
export const whitenedBlock: Block = {
  window: 4,
  units: 400,
  power: 2,
  response: 'both-signs',
  pool: { size: 13, stride: 3, padding: 6 },
  filters: { whiten: { after: 'norm', epsilon: 0.2 }, antiHebbian: 0.2, steps: 20_000 },
}
export const whitenedReadout: ReadoutOptions = { ...localReadout, weightDecays: [3e-3] }
/** Of five such blocks, which have twice the features. */
export const whitenedFiveReadout: ReadoutOptions = { ...localReadout, weightDecays: [6e-3], epochs: 12 }
/**
 * Five blocks side by side (figure 2 middle). The paper gives neither W, n nor pools: these were chosen on a validation split. Delta stands
 * a little below the value where one unit takes most patches, which is lower for small windows. Each pool's windows cover the block's
 * 33 - W positions to the last one, which is worth more than their size.
 */
export const fiveBlocks: readonly Block[] = (
  [
    [2, 0.2, 10],
    [3, 0.24, 9],
    [4, 0.275, 8],
    [5, 0.28, 10],
    [7, 0.29, 11],
  ] as const
).map(([window, antiHebbian, size]) => ({
  window,
  units: 400,
  power: 40,
  pool: { size, stride: 3 },
  filters: { antiHebbian, steps: 20_000 },
}))

/**
 * The end-to-end twins, of one block and of five: Adam and cross-entropy on standardised images, no augmentation. Rate, batch and
 * decay were chosen on a validation split with one block.
 */
export const twinOptions: SupervisedOptions = {
  epochs: 12,
  batch: 50,
  validation: 0,
  optimiser: { kind: 'adam', learningRate: 1e-3, weightDecay: 3e-4 },
}

/** A setting small enough for `--quick`. */
export function quickBlock(block: Block): Block {
  return {
    ...block,
    units: 64,
    pool: { size: block.pool.size, stride: 6 },
    filters: { ...block.filters, steps: 2000, antiHebbian: 0.2 },
  }
}

/** Blocks in whitened space side by side. */
export const whitenedFive: readonly Block[] = [2, 3, 4, 5, 6].map((window) => ({
  ...whitenedBlock,
  window,
  pool: { size: 13, stride: 5, padding: 6 },
}))

/**
 * The best that two cores train within the hour: blocks of random patches, whitened as the others are, of which many are worth more than
 * few that compete. Filters of 2 x 2 have 12 numbers, and soon repeat each other. Numbers, decay and epochs were chosen on a validation split.
 */
export const whitenedPatches: readonly Block[] = whitenedFive.map((block) => ({
  ...block,
  units: { 2: 100, 3: 500 }[block.window] ?? 600,
  filters: { rule: 'patches', whiten: { after: 'norm', epsilon: 0.2 } },
}))
export const whitenedPatchesReadout: ReadoutOptions = { ...localReadout, weightDecays: [1e-3] }

/**
 * Two layers of random whitened patches: the maps of few filters, pooled a little, and of the patches of those maps as many components as are
 * worth it. Chosen on a validation split, as the decay was, which has to be next to nothing for features so small.
 */
export const whitenedStack: { trunk: readonly Block[]; blocks: readonly Block[] } = {
  trunk: [
    {
      ...whitenedBlock,
      units: 96,
      pool: { size: 5, stride: 2, padding: 2 },
      filters: { rule: 'patches', whiten: { after: 'norm', epsilon: 0.2 } },
    },
  ],
  blocks: [
    {
      ...whitenedBlock,
      window: 3,
      units: 1600,
      pool: { size: 7, stride: 3, padding: 3 },
      filters: { rule: 'patches', whiten: { after: 'norm', epsilon: 0.2, keep: 256 } },
    },
  ],
}
export const whitenedStackReadout: ReadoutOptions = { ...localReadout, learningRates: [1e-3], weightDecays: [3e-6] }
