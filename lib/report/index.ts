export { errorBars, readRecord, writeRunPage } from './local_page.js'
export { curvesByLight, type ShadowRecord, shadowChart, shadowRows, shadowSections } from './shadow_page.js'
export { writeStudy } from './study_page.js'
export { writeSupervisedPage } from './supervised_page.js'
