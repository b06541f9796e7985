export type { Augmentation } from './batches.js'
export { networkFile, networkSha256 } from './network_file.js'
export { type OnProgress, startPhase, type TrainProgress } from './progress.js'
