/// <reference types="node" preserve="true" />
/**
 * Figures and tables of papers, run again: `studies`, and what runs them.
 * @module
 */
import { allModels } from './all_models.js'
import { baselines } from './grinberg/baselines.js'
import { fig1 } from './grinberg/fig1.js'
import { fig2 } from './grinberg/fig2.js'
import { fig3 } from './grinberg/fig3.js'
import { labelFree } from './grinberg/label_free.js'
import { table } from './grinberg/table.js'
import { ablation } from './passi/ablation.js'
import { fig2 as passiFig2 } from './passi/fig2.js'
import { fig3 as passiFig3 } from './passi/fig3.js'
import { fig4 as passiFig4 } from './passi/fig4.js'
import { scaling } from './passi/scaling.js'
import type { Study } from './study.js'
import { fig2b } from './xie/fig2b.js'
import { fig2c } from './xie/fig2c.js'
import { transferStudy } from './xie/transfer.js'

export {
  type NsdChoice,
  openStudyData,
  type StudyData,
  type StudyDataOptions,
  type StudyNeeds,
  type StudyRecording,
} from './data.js'
export { type DemoNetwork, type DemoOptions, type DemoResult, demoOptions, runDemo } from './demo.js'
export type { DemoHierarchy } from './demo_hierarchy.js'
export type { DemoSample, DemoScenes } from './demo_scenes.js'
export { describeRecipes, type RecipeName, recipe, recipeNames } from './grinberg/recipes.js'
export { fiveBlocks, localReadout, singleBlock, twinOptions } from './grinberg/settings.js'
export type { Block, NetworkResult } from './networks.js'
export type { Observation, Spread } from './observe.js'
export {
  keptPart,
  listParts,
  partsOf,
  runStudy,
  type StudyOptions,
  type StudyRun,
  scaleOf,
  studyCost,
  studyOptions,
} from './parts.js'
export type {
  Bars,
  Chart,
  Part,
  PartContext,
  PartRecord,
  Scale,
  Study,
  StudyFilters,
  StudyPictures,
  StudyReport,
  StudyTable,
  Value,
} from './study.js'

/** Every study, by the name that `striate reproduce` takes. */
export const studies: readonly Study[] = [
  fig1,
  fig2,
  fig3,
  table,
  baselines,
  labelFree,
  passiFig2,
  passiFig3,
  passiFig4,
  ablation,
  scaling,
  fig2b,
  fig2c,
  transferStudy,
  allModels,
]
