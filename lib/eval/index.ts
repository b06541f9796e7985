export { type Classification, type ClassifyOptions, classify } from './classify.js'
export type { Score } from './score.js'
