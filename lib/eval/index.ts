export type { ImagesOrBytes } from './batches.js'
export { type BehaviourOptions, type BehaviourScores, behaviour, behaviourOptions } from './behaviour.js'
export {
  type NoiseCeiling,
  type NoiseCeilingOptions,
  type Normalisation,
  noiseCeiling,
  noiseCeilingOptions,
  normalisations,
  normaliseScore,
  spearmanBrown,
} from './ceiling.js'
export { type Classification, type ClassifyOptions, classify, classifyOptions } from './classify.js'
export type { CommittedScore } from './committed.js'
export { type EncodeOptions, encode, encodeOptions } from './encoding.js'
export { type EpochScores, epochScores } from './epoch_scores.js'
export { type LayerControl, usualLayers } from './layer_features.js'
export type { LayerScore, LayerScores, Protocol } from './layer_scores.js'
export { type MannWhitney, mannWhitney } from './mann_whitney.js'
export { type PlsOptions, pls, plsOptions } from './pls.js'
export { type Prediction, type PredictOptions, predict, predictOptions } from './predict.js'
export { type Comparison, comparisons, crossnobis, type Distance } from './rdm.js'
export { type MeanScore, type MeanScores, overRecordings, type RecordingScores } from './recordings.js'
export {
  type ResponseDistance,
  type RsaOptions,
  type RsaScore,
  type RsaScores,
  responseDistances,
  responseRdms,
  rsa,
  rsaCeiling,
  rsaOptions,
} from './rsa.js'
export type { Score } from './score.js'
export {
  defaultStrengths,
  type LightSeries,
  type ShadowCurve,
  type ShadowPoint,
  type ShadowScores,
  type ShadowsOptions,
  shadows,
  shadowsOptions,
} from './shadows.js'
export {
  type TransferOptions,
  type TransferScore,
  type TransferScores,
  transfer,
  transferOptions,
  type Unscored,
} from './transfer.js'
export { type Features, type TransformOptions, transform, transformOptions, writeFeatures } from './transform.js'
