/// <reference types="node" preserve="true" />
export type { BenchCase, Goal } from './case.js'
export { type JobOptions, type JobPhase, type JobReport, type JobRun, jobOptions, runJob } from './job.js'
export type { PeerJob, PeerVersions } from './peer.js'
export type { BenchReport, BenchRow, PeerForm } from './rows.js'
export { type BenchOptions, type BenchRun, benchOps, benchOptions, runBench } from './run.js'
export { describeBench, describeJob, formatBench, formatJob, markdownBench } from './table.js'
export type { Spread } from './timing.js'
