export { networkFile, networkSha256, type Provenance, recordFile } from './folder.js'
export type { RunOptions } from './options.js'
export { type OnProgress, startPhase, type TrainProgress } from './progress.js'
