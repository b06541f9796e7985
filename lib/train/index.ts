export type { Augmentation } from './batches.js'
export { describeFeatures } from './feature_source.js'
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
export type { OptimiserOptions, ScheduleOptions } from './optimiser.js'
export { type OnProgress, startPhase, type TrainProgress } from './progress.js'
export {
  type CandidateResult,
  type EpochResult,
  type ReadoutConfig,
  type ReadoutOptions,
  type ReadoutRun,
  type TrainedReadout,
  trainReadout,
} from './readout.js'
export { describeRules, type RuleName, ruleNames } from './rules.js'
export {
  type SupervisedEpoch,
  type SupervisedOptions,
  type SupervisedRecord,
  type SupervisedRun,
  trainSupervised,
} from './supervised.js'
export { computeWhitening, type Whitening, type WhiteningOptions, whitenedResponses, whiteningFilters } from './whitening.js'
