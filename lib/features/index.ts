export {
  type CandidateResult,
  type EpochResult,
  type ReadoutConfig,
  type ReadoutOptions,
  type ReadoutRun,
  type TrainedReadout,
  trainReadout,
} from './readout.js'
export { describeFeatures } from './source.js'
