export { type OptimiserOptions, optimiserOptions, type ScheduleOptions, scheduleOptions } from './optimiser.js'
export {
  type HeadScore,
  type OnEpoch,
  type Scores,
  type SupervisedConfig,
  type SupervisedEpoch,
  type SupervisedOptions,
  type SupervisedRecord,
  type SupervisedRun,
  supervisedOptions,
  trainSupervised,
} from './supervised.js'
export { type TargetHeadOptions, targetHeadOptions, targetHeads } from './target_heads.js'
