/// <reference types="node" preserve="true" />
/**
 * Pages of runs, evaluations and studies, as the commands write them.
 * @module
 */
export { writeDemoPage } from './demo_page.js'
export { type ClassificationRecord, checkWritable, writeClassification, writeShadows } from './evaluation.js'
export { writeLocalPage } from './local_page.js'
export { readRecord, writeReport } from './run_page.js'
export { curvesByLight, type ShadowRecord, shadowRows } from './shadow_page.js'
export { writeStudy } from './study_page.js'
export { writeSupervisedPage } from './supervised_page.js'
