export {
  dataPatches,
  type FilterConfig,
  type FilterOptions,
  type FilterRun,
  type LearnedFilters,
  learnFilters,
} from './filters.js'
export { type CosineCounts, type FilterHealth, type HistoryEntry, healthWarnings, type StretchHealth } from './health.js'
export { type BlockOptions, type BlockRecord, type RunRecord, type TrainLocalOptions, trainLocal } from './local.js'
export { describeRules, type RuleName, ruleNames } from './rules.js'
export { computeWhitening, type Whitening, type WhiteningOptions, whitenedResponses, whiteningFilters } from './whitening.js'
