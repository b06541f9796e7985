export {
  finishedRecord,
  networkFile,
  networkSha256,
  openNetwork,
  type Provenance,
  provenanceSchema,
  recordFile,
} from './folder.js'
export { type Group, processGroup } from './group.js'
export type { RunOptions } from './options.js'
export { type OnProgress, startPhase, type TrainProgress } from './progress.js'
