export {
  defaultRanges,
  type LatentRanges,
  rangeOptions,
  type SampleOptions,
  type SceneLatents,
  sampleLatents,
  type TextureName,
  textureNames,
} from './flat/latents.js'
export { type RenderOptions, render } from './flat/render.js'
export { type FlatOrigin, renderSet, type SceneOptions, type Scenes, sceneOptions, scenes } from './flat/scenes.js'
export { type ShapeName, shapeNames } from './flat/shapes.js'
export { type NamedMesh, type OpenMeshesOptions, openMeshes } from './meshes/index.js'
export { type OpenedScenes, openScenes } from './open.js'
export type { SceneRecord, SceneSet, SceneVariable, SceneViews, ViewOptions } from './set.js'
export { type SolidSceneAt, type SolidScenesAtOptions, solidScenesAt } from './solid/at.js'
export { solidCategories } from './solid/built_in.js'
export { type SolidObjects, type SolidObjectsOptions, solidObjects } from './solid/objects.js'
export { type SolidSceneOptions, solidScenes } from './solid/scenes.js'
export type { SolidOrigin, SolidSceneControl, SolidScenes } from './solid/set.js'
export {
  type BackgroundKind,
  rangesOf,
  type Sampling,
  type SolidNumber,
  type SolidRanges,
  type SolidSettings,
  solidSceneOptions,
} from './solid/variables.js'
export { writeScenes } from './write.js'
export { type WriteScenesOptions, writeScenesOptions } from './write_options.js'
