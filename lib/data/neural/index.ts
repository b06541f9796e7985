export {
  type BrainScoreFiles,
  type BrainScoreOptions,
  type BrainScoreRecording,
  brainScoreOptions,
  openBrainScore,
} from './brain_score.js'
export { openRecording, type Recording, type RecordingOptions, recordingOptions } from './folder.js'
export { type NsdOptions, type NsdRecording, nsdOptions, openNsd } from './nsd.js'
export { type NsdImagesOptions, nsdImagesOptions, openNsdImages } from './nsd_images.js'
export {
  detectRecording,
  openRecordings,
  type RecordingKind,
  type RecordingSource,
  type RecordingsOptions,
  recordingOptionKinds,
  recordingsOptions,
} from './open.js'
export {
  type Choices,
  type ReferenceRdms,
  type ResponseArrays,
  type Responses,
  readChoices,
  readImageList,
  readRdms,
  responsesFrom,
  selectChoices,
  selectResponses,
  type Trials,
} from './responses.js'
export {
  openTrialTable,
  type TrialTable,
  type TrialTableFiles,
  type TrialTableOptions,
  trialTableOptions,
} from './table.js'
