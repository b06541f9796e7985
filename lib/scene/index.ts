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
export { writeScenes } from './write.js'
