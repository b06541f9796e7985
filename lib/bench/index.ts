export type { BenchCase, Goal } from './cases.js'
export type { PeerVersions } from './peer.js'
export { type BenchOptions, type BenchReport, type BenchRow, benchOps, type PeerForm, runBench, type Spread } from './run.js'
export { describeBench, formatBench, markdownBench } from './table.js'
