export {
  type CandidateResult,
  type EpochResult,
  type ReadoutConfig,
  type ReadoutOptions,
  readoutOptions,
  type TrainedReadout,
  trainReadout,
} from './readout.js'
export { describeFeatures } from './source.js'
