export {
  defaultRanges,
  type LatentRanges,
  type SceneLatents,
  sampleLatents,
  type TextureName,
  textureNames,
} from './flat/latents.js'
export { type RenderSetOptions, render, renderSet, type SceneSet } from './flat/render.js'
export { type ShapeName, shapeNames } from './flat/shapes.js'
