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
export { renderSet, type SceneOptions, type Scenes, sceneOptions, scenes } from './flat/scenes.js'
export { type ShapeName, shapeNames } from './flat/shapes.js'
export { type NamedMesh, type OpenMeshesOptions, openMeshes } from './meshes/index.js'
export { type OpenedScenes, openScenes } from './open.js'
export type { SceneRecord, SceneSet, SceneViews, ViewOptions } from './set.js'
export { solidCategories } from './solid/built_in.js'
export { type SolidSceneControl, type SolidSceneOptions, type SolidScenes, solidScenes } from './solid/scenes.js'
export {
  type BackgroundKind,
  rangesOf,
  type Sampling,
  type SolidNumber,
  type SolidRanges,
  solidSceneOptions,
} from './solid/variables.js'
export { writeScenes } from './write.js'
export { type WriteScenesOptions, writeScenesOptions } from './write_options.js'
