export { type ComponentConfig, type ComponentOptions, componentOptions } from './component_options.js'
export { type BlockComponents, type ComponentRecord, componentRecord } from './component_record.js'
export { fitComponents } from './components.js'
export { type FilterConfig, type FilterOptions, filterConfig, filterOptions } from './filter_options.js'
export { type FilterRun, type LearnedFilters, learnFilters } from './filters.js'
export { type CosineCounts, type FilterHealth, type HistoryEntry, healthWarnings, type StretchHealth } from './health.js'
export {
  type BlockOptions,
  blockOptions,
  type LocalOptions,
  localOptions,
  trainLocal,
} from './local.js'
export type { BlockRecord, LocalRecord } from './local_record.js'
export { dataPatches, type PatchOptions } from './patches.js'
export { describeRules, type RuleName, ruleNames } from './rules.js'
export { computeWhitening, filtersInPixels, type Whitening, type WhiteningOptions, whitenedResponses } from './whitening.js'
