export type { ImagesOrBytes } from './batches.js'
export { type Classification, type ClassifyOptions, classify, classifyOptions } from './classify.js'
export { type Prediction, type PredictOptions, predict, predictOptions } from './predict.js'
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
export { type Features, type TransformOptions, transform, transformOptions, writeFeatures } from './transform.js'
