/// <reference types="node" preserve="true" />
/**
 * Pages of runs, evaluations, studies and rendered scenes, as the commands write them.
 * @module
 */

export {
  type BehaviourRecord,
  type LayerRecord,
  writeBehaviour,
  writeLayerScores,
} from './alignment_page.js'
export type { AlignmentResult } from './alignment_results.js'
export type { ClassificationRecord } from './classify_page.js'
export { type ComparisonRecord, writeComparison } from './comparison_page.js'
export { writeDemoPage } from './demo_page.js'
export { writeClassification, writeShadows } from './evaluation.js'
export { writeLocalPage } from './local_page.js'
export { readRecord, writeReport } from './run_page.js'
export { type Catalogue, type CatalogueControl, writeCatalogue } from './scene_catalogue.js'
export { type ScenePageControl, writeScenePage } from './scene_page.js'
export { type SeedsRecord, writeSeeds } from './seeds_page.js'
export { curvesByLight, type ShadowRecord, shadowRows } from './shadow_page.js'
export { writeStudy } from './study_page.js'
export { writeSupervisedPage } from './supervised_page.js'
export { type TransferRecord, writeTransfer } from './transfer_page.js'
export { writeWaveletPage } from './wavelet_page.js'
