export { categoryOf } from './nouns.js'
export { type NamedMesh, type OpenMeshesOptions, openMeshes } from './open.js'
