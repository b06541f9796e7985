export { applyLight, type Light, LightField, type LightFormat, type LightKind, lightKinds, unchangedStrength } from './light.js'
export { applyShadow, type ShadowOptions } from './shadow.js'
