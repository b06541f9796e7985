export { type Classification, type ClassifyOptions, classify } from './classify.js'
export type { Score } from './score.js'
export {
  type LightSeries,
  type ShadowCurve,
  type ShadowPoint,
  type ShadowScores,
  type ShadowsOptions,
  shadows,
} from './shadows.js'
