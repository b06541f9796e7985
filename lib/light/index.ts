export { applyLight, applyShadow, type ShadowOptions } from './apply.js'
export { LightField } from './field.js'
export {
  checkLight,
  defaultCover,
  type Light,
  type LightFormat,
  type LightKind,
  lightKinds,
  lightName,
  lightOptions,
  unchangedStrength,
} from './light.js'
