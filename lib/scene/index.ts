export { defaultRanges, type LatentRanges, type SceneLatents, sampleLatents, type TextureName, textureNames } from './latents.js'
export { type RenderSetOptions, render, renderSet, type SceneSet } from './render.js'
export { applyShadow, type ShadowOptions } from './shadow.js'
export { type ShapeName, shapeNames } from './shapes.js'
