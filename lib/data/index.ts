export { type AheadBatch, type AheadOptions, ahead } from './ahead.js'
export { type CifarOptions, cifarOptions, loadCifar } from './cifar.js'
export { type FolderOptions, folderOptions, loadFolder } from './folder.js'
export { type IdxOptions, idxOptions, loadIdx } from './idx.js'
export {
  batchesOf,
  type ImageShape,
  type Images,
  type LoadControl,
  type LoadProgress,
  labelsAmong,
  labelsOf,
  type SkippedFile,
} from './images.js'
export { type InMemoryImages, imagesFrom, inMemory, type PixelArray } from './memory.js'
export * from './neural/index.js'
export { detectImages, type ImageDataKind, type OpenImagesOptions, openImages, openImagesOptions } from './open.js'
export { loadParquet, type ParquetOptions, parquetOptions } from './parquet.js'
export { selectImages } from './select.js'
export { loadShards, type ShardOptions, shardOptions } from './shards.js'
export { splitGroups, splitTrainValidation, type TrainValidationSplit } from './split.js'
export { type ChannelStatistics, channelStatistics } from './statistics.js'
export {
  type AngleColumn,
  angleColumn,
  type ClassColumn,
  type Column,
  classColumn,
  type NumberColumn,
  numberColumn,
  type Targets,
  wrapDegrees,
} from './targets.js'
export { uploadRows } from './upload.js'
