export { type Classification, classify, type ClassifyOptions } from './classify.js'
export type { Score } from './score.js'
