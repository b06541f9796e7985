export type { OptimiserOptions, ScheduleOptions } from './optimiser.js'
export {
  type SupervisedEpoch,
  type SupervisedOptions,
  type SupervisedRecord,
  type SupervisedRun,
  trainSupervised,
} from './supervised.js'
