export { fiveBlocks, localReadout, singleBlock, twinOptions } from './grinberg/settings.js'
export { studies } from './grinberg/studies.js'
export type { Block, NetworkResult } from './networks.js'
export type { Observation, Spread } from './observe.js'
export {
  type Chart,
  keptPart,
  type Part,
  type PartContext,
  type PartRecord,
  runStudy,
  type Scale,
  type Study,
  type StudyData,
  type StudyFilters,
  type StudyPictures,
  type StudyReport,
  type StudyRun,
  type StudyTable,
  type Value,
} from './study.js'
