export { type FilterConfig, type FilterOptions, filterConfig, filterOptions } from './filter_options.js'
export { type FilterRun, type LearnedFilters, learnFilters } from './filters.js'
export { type CosineCounts, type FilterHealth, type HistoryEntry, healthWarnings, type StretchHealth } from './health.js'
export {
  type BlockOptions,
  type BlockRecord,
  blockOptions,
  type LocalOptions,
  type LocalRecord,
  localOptions,
  trainLocal,
} from './local.js'
export { dataPatches, type PatchOptions } from './patches.js'
export { describeRules, type RuleName, ruleNames } from './rules.js'
export { computeWhitening, type Whitening, type WhiteningOptions, whitenedResponses, whiteningFilters } from './whitening.js'
