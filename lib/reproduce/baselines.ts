// Filters that the literature compares with, under one probe: the single block's pool and readout, the power chosen for each on the
// validation split (a power of 40 silences filters that match no patch closely).
import type { FilterOptions, ReadoutOptions } from '../train/index.js'
import { type Block, localPart, type NetworkResult } from './networks.js'
import type { Part, Scale, Study } from './study.js'

interface Baseline {
  name: string
  label: string
  filters: FilterOptions
}

const steps = 20_000
const list: Baseline[] = [
  { name: 'krotov-hopfield', label: 'Krotov-Hopfield, m = 2, Delta = 0.28', filters: { antiHebbian: 0.28, steps } },
]

const powers = [1, 4, 10, 20, 40]

function part(scale: Scale, baseline: Baseline, seed: number): Part {
  const block: Block = {
    window: 4,
    units: scale.quick ? 64 : 400,
    power: 40,
    pool: { size: 11, stride: scale.quick ? 6 : 2 },
    filters: { ...baseline.filters, steps: scale.quick ? 1000 : steps },
  }
  const readout: ReadoutOptions = { powers, learningRates: [1e-3], weightDecays: [3e-4], epochs: scale.quick ? 8 : 20 }
  return localPart({
    name: `${scale.quick ? 'quick-' : ''}baseline-${baseline.name}-seed${seed}`,
    about: `baseline: ${baseline.label}, seed ${seed}`,
    blocks: [block],
    readout,
    seed,
    expected: scale.quick ? { minutes: 0.1, bytes: 0.2 * 2 ** 30 } : { minutes: 2.5, bytes: 5 * 2 ** 30 },
  })
}

export const baselines: Study = {
  name: 'baselines',
  source: 'what the literature compares with (see the notes)',
  about: 'random, data, whitened, k-means, Oja, winner-take-all and SoftHebb filters under one probe',
  parts: (scale) => list.flatMap((baseline) => scale.seeds.slice(0, 1).map((seed) => part(scale, baseline, seed))),
  report: async (all, scale) => {
    const rows = list.map((baseline) => ({
      baseline,
      result: [...all].find(([name]) => name.startsWith(`${scale.quick ? 'quick-' : ''}baseline-${baseline.name}-seed`))?.[1] as
        | NetworkResult
        | undefined,
    }))
    return {
      values: rows.map(({ baseline, result }) => ({
        what: `${baseline.label}: test error`,
        unit: '%',
        published: null,
        ours: result ? [result.testError] : [],
        ...(result ? { note: result.network } : {}),
      })),
      charts: [],
      tables: [],
      notes: [],
    }
  },
}
