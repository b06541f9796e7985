// Settings of learned filters: what may be given, and what is taken where nothing is.
import { OptionError } from '../errors.js'
import { type RuleName, ruleOf, ruleSettings } from './rules.js'

export interface FilterOptions {
  /** How rows learn; see {@link describeRules}. Default `krotov-hopfield`. */
  rule?: RuleName
  /** K. Default 400. */
  units?: number
  /** W. Default 4. */
  window?: number
  /** m. Default 2. */
  rank?: number
  /** p of the currents, from 2 to 100. Default 2. */
  p?: number
  /** Delta. Default 0.2. */
  antiHebbian?: number
  /** epsilon at the start, falling linearly to `finalLearningRate`. Default 0.1 (`stable`), 0.02 (`faithful`). */
  learningRate?: number
  /** Default 0. */
  finalLearningRate?: number
  /** Patches of a minibatch. Default 1000. */
  batch?: number
  /** Of the softmax of `soft-wta` and `softhebb`. Default 0.002 for the one, 0.02 for the other. */
  temperature?: number
  /** Added to the eigenvalues of the covariance of patches / 255 by `whitened-patches`. Default 0.001. */
  regularisation?: number
  /** Minibatches. Default 20000; of rules that do not learn 100, on which units are counted. */
  steps?: number
  /**
   * `stable`: rows start as data patches, and each row's update is divided by the patches that chose it. `faithful`: rows start from the
   * standard normal distribution, and the whole update is divided by its largest entry, as the authors do. Default `stable`.
   */
  mode?: 'stable' | 'faithful'
  /** Initial rows. Default: that of the mode. */
  init?: 'patches' | 'normal'
  /** Normalisation of the update. Default: that of the mode. */
  step?: 'count' | 'max'
  /** Patches of norm 1 during learning. Default `patch`. */
  normalise?: 'patch' | 'none'
  /** Take each patch's mean off. Default false, of `softhebb` true. */
  centre?: boolean
  /** Units that never win: only reported, replaced by data patches while learning goes on, or left out at the end. Default `report`. */
  dead?: 'report' | 'reseed' | 'prune'
  /** Stop before `steps` once wins, gains and norms have settled (see {@link FilterHealth}). Default false. */
  untilConverged?: boolean
  /** Default 0. */
  seed?: number
}

/** Settings with their defaults; those that the rule does not read say nothing. */
export type FilterConfig = Required<FilterOptions>

/** Settings that every rule has. */
const shared: readonly (keyof FilterOptions)[] = ['rule', 'units', 'window', 'batch', 'steps', 'seed', 'centre']

/** Fills in defaults and refuses unknown options and those of other rules; ranges of the rule's own are checked by its ops. */
export function filterConfig(options: FilterOptions = {}): FilterConfig {
  const rule = ruleOf(options.rule ?? 'krotov-hopfield')
  const names = [...shared, ...rule.settings]
  const given = Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined)) as FilterOptions
  const defaults: FilterConfig = {
    rule: rule.name,
    units: 400,
    window: 4,
    rank: 2,
    p: 2,
    antiHebbian: 0.2,
    temperature: 1,
    regularisation: 1e-3,
    learningRate: 0.1,
    finalLearningRate: 0,
    batch: 1000,
    steps: 20_000,
    mode: 'stable',
    init: 'patches',
    step: 'count',
    normalise: 'patch',
    centre: false,
    dead: 'report',
    untilConverged: false,
    seed: 0,
    ...rule.defaults(given),
  }
  for (const name of Object.keys(options) as (keyof FilterOptions)[]) {
    if (names.includes(name)) continue
    // A whole configuration holds the settings of other rules too, as they are here.
    if (ruleSettings.has(name) && (given[name] === undefined || given[name] === defaults[name])) continue
    throw new OptionError({
      op: 'trainLocal',
      argument: `filters.${name}`,
      actual: ruleSettings.has(name) ? `no option of the rule ${rule.name}` : 'no option of it',
      expected: `one of ${names.join(', ')}`,
    })
  }
  const config: FilterConfig = { ...defaults, ...given }
  const choice = (name: 'mode' | 'init' | 'dead', words: string[]) => {
    if (!words.includes(config[name]))
      throw new OptionError({
        op: 'trainLocal',
        argument: name,
        actual: `'${config[name]}'`,
        expected: words.map((w) => `'${w}'`).join(' or '),
      })
  }
  choice('mode', ['stable', 'faithful'])
  choice('init', ['patches', 'normal'])
  choice('dead', ['report', 'reseed', 'prune'])
  if (!(config.regularisation > 0 && config.regularisation <= 1e6))
    throw new OptionError({
      op: 'trainLocal',
      argument: 'regularisation',
      actual: String(config.regularisation),
      expected: 'a number above 0, at most 1e6',
    })
  for (const name of ['units', 'window', 'steps', 'batch'] as const)
    if (!Number.isInteger(config[name]) || config[name] < (name === 'units' ? 2 : 1))
      throw new OptionError({
        op: 'trainLocal',
        argument: name,
        actual: String(config[name]),
        expected: 'a whole number, large enough',
      })
  if (!Number.isInteger(config.seed) || config.seed < 0)
    throw new OptionError({ op: 'trainLocal', argument: 'seed', actual: String(config.seed), expected: 'a whole number from 0' })
  return config
}
