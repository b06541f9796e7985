// What surfaces look like: drawn at random from all colours and textures, or from those that a kind of surface has in life.
import { rgbOf } from '../flat/latents.js'
import type { PartMaterial, Surface } from './mesh.js'
import { type SolidTexture, solidTextures } from './textures.js'

export type Rgb = readonly [red: number, green: number, blue: number]

/** How a surface reflects light; a texture's value mixes the two colours. */
export interface SurfaceLook {
  /** Linear reflectance from 0 to 1. */
  colour: Rgb
  second: Rgb
  texture: SolidTexture | null
  tilesPerMetre: number
  /** Strength of the highlight, 0 to 1, and the exponent that narrows it. */
  specular: number
  shininess: number
}

/** The k-th of a series of numbers from 0 to 1. */
export type Uniforms = (k: number) => number

/** [low, high], degrees for hues; the others from 0 to 1, and tiles a metre. */
type Range = readonly [low: number, high: number]
interface SurfaceKind {
  hueDeg: Range
  saturation: Range
  value: Range
  /** A plain surface where it is empty. */
  textures: readonly SolidTexture[]
  /** How far the second colour goes from the first one towards black or white. */
  contrast: Range
  tiles: Range
  specular: Range
  shininess: Range
}

const range = (low: number, high: number): Range => [low, high]
const kind = (
  [hueLow, hueHigh, saturationLow, saturationHigh, valueLow, valueHigh]: readonly [
    number,
    number,
    number,
    number,
    number,
    number,
  ],
  textures: readonly SolidTexture[],
  contrast: Range,
  tiles: Range,
  specular: Range,
  shininess: Range,
): SurfaceKind => ({
  hueDeg: range(hueLow, hueHigh),
  saturation: range(saturationLow, saturationHigh),
  value: range(valueLow, valueHigh),
  textures,
  contrast,
  tiles,
  specular,
  shininess,
})

const dull = range(4, 12)
const satin = range(12, 40)
const glossy = range(40, 100)

/** Colours as hue, saturation and value (HSV) of sRGB. */
const surfaceKinds: Readonly<Record<Surface, SurfaceKind>> = {
  wood: kind([18, 38, 0.3, 0.7, 0.25, 0.75], ['wood', 'planks'], [0.2, 0.5], [1, 3], [0, 0.2], satin),
  bark: kind([18, 40, 0.2, 0.5, 0.2, 0.5], ['wood', 'hide', 'fur'], [0.3, 0.6], [1, 3], [0, 0.05], dull),
  leaf: kind([75, 140, 0.4, 0.8, 0.25, 0.7], ['mottle', 'grass'], [0.1, 0.4], [1, 4], [0, 0.2], satin),
  petal: kind([0, 360, 0.3, 0.9, 0.6, 1], ['clouds', 'mottle'], [0.1, 0.4], [1, 3], [0, 0.1], dull),
  fruit: kind([0, 120, 0.5, 0.9, 0.5, 0.95], ['mottle', 'speckle', 'clouds'], [0.1, 0.3], [1, 3], [0.1, 0.4], satin),
  bread: kind([22, 40, 0.35, 0.65, 0.45, 0.85], ['grain', 'mottle', 'speckle'], [0.1, 0.4], [1, 3], [0, 0.1], dull),
  food: kind([0, 60, 0.2, 0.8, 0.4, 0.95], ['mottle', 'grain', 'speckle'], [0.1, 0.4], [1, 3], [0, 0.3], satin),
  straw: kind([36, 54, 0.3, 0.6, 0.5, 0.9], ['weave', 'fur', 'grass'], [0.2, 0.5], [1, 4], [0, 0.1], dull),
  skin: kind([12, 32, 0.2, 0.5, 0.3, 0.85], ['mottle', 'hide', 'scales'], [0.05, 0.3], [1, 4], [0, 0.2], satin),
  fur: kind([15, 45, 0.05, 0.6, 0.15, 0.9], ['fur', 'mottle', 'patches'], [0.1, 0.5], [1, 3], [0, 0.05], dull),
  feather: kind([0, 360, 0.05, 0.6, 0.2, 0.95], ['scales', 'fur', 'mottle'], [0.1, 0.4], [1, 4], [0, 0.1], dull),
  shell: kind([10, 60, 0.1, 0.5, 0.4, 0.95], ['ripples', 'marble', 'scales'], [0.1, 0.5], [1, 3], [0.1, 0.5], satin),
  bone: kind([35, 55, 0.05, 0.25, 0.7, 0.95], ['clouds', 'mottle'], [0.05, 0.2], [1, 3], [0, 0.2], satin),
  metal: kind([0, 360, 0, 0.15, 0.35, 0.85], ['brushed', 'grain'], [0.05, 0.3], [1, 3], [0.4, 0.9], glossy),
  paint: kind([0, 360, 0.2, 0.9, 0.2, 0.95], [], [0, 0], [1, 2], [0.2, 0.6], glossy),
  plastic: kind([0, 360, 0, 0.9, 0.15, 0.95], [], [0, 0], [1, 2], [0.2, 0.5], satin),
  rubber: kind([0, 360, 0, 0.15, 0.08, 0.3], ['speckle', 'mottle'], [0.05, 0.2], [1, 3], [0, 0.2], satin),
  ceramic: kind([0, 360, 0, 0.6, 0.5, 1], ['marble', 'clouds', 'stripes', 'dots'], [0, 0.4], [1, 3], [0.3, 0.7], glossy),
  glass: kind([80, 240, 0, 0.4, 0.5, 0.95], [], [0, 0], [1, 2], [0.6, 1], glossy),
  cloth: kind([0, 360, 0, 0.8, 0.2, 0.95], ['weave', 'stripes', 'checks', 'dots', 'grain'], [0.05, 0.5], [1, 5], [0, 0.05], dull),
  leather: kind([8, 40, 0.2, 0.7, 0.1, 0.6], ['hide', 'mottle'], [0.05, 0.3], [1, 4], [0.05, 0.3], satin),
  paper: kind([20, 60, 0, 0.3, 0.6, 1], ['grain', 'clouds'], [0, 0.1], [1, 2], [0, 0.05], dull),
  stone: kind([0, 60, 0, 0.2, 0.3, 0.85], ['mottle', 'grain', 'marble', 'cobbles'], [0.1, 0.5], [1, 3], [0, 0.1], dull),
  brick: kind([5, 30, 0.3, 0.6, 0.35, 0.7], ['brick'], [0.2, 0.5], [1, 3], [0, 0.05], dull),
  soil: kind([18, 40, 0.2, 0.6, 0.15, 0.5], ['grain', 'pebbles', 'speckle'], [0.2, 0.5], [1, 3], [0, 0.02], dull),
  wax: kind([0, 360, 0, 0.5, 0.6, 1], ['clouds'], [0, 0.15], [1, 2], [0.1, 0.3], satin),
}

/** Any colour with any texture: what the surface is made of says nothing about the object. */
const anySurface = kind([0, 360, 0, 0.85, 0.12, 1], solidTextures, [0.1, 0.7], [0.6, 4], [0, 0.6], range(4, 100))

/** Grounds in the open, by their surfaces' colours and textures. */
const grounds: readonly SurfaceKind[] = [
  kind([70, 125, 0.25, 0.65, 0.25, 0.6], ['grass', 'mottle'], [0.15, 0.5], [0.2, 0.8], [0, 0], dull),
  kind([28, 48, 0.2, 0.5, 0.5, 0.9], ['ripples', 'speckle', 'grain'], [0.05, 0.3], [0.1, 0.5], [0, 0], dull),
  kind([15, 40, 0.2, 0.6, 0.2, 0.5], ['grain', 'pebbles', 'patches'], [0.15, 0.5], [0.2, 0.8], [0, 0], dull),
  kind([200, 240, 0, 0.1, 0.2, 0.6], ['speckle', 'grain', 'cobbles', 'tiles'], [0.1, 0.4], [0.2, 0.8], [0, 0], dull),
  kind([190, 230, 0, 0.08, 0.8, 1], ['clouds', 'mottle'], [0.02, 0.15], [0.1, 0.4], [0, 0], dull),
]
const floors: readonly SurfaceKind[] = [
  kind([18, 38, 0.2, 0.7, 0.2, 0.75], ['planks', 'wood'], [0.15, 0.5], [0.3, 1], [0, 0], dull),
  kind([0, 360, 0, 0.3, 0.3, 0.95], ['tiles', 'checks', 'marble'], [0.1, 0.6], [0.3, 1], [0, 0], dull),
  kind([0, 360, 0, 0.6, 0.15, 0.7], ['weave', 'mottle', 'speckle', 'stripes'], [0.05, 0.4], [0.3, 1], [0, 0], dull),
]
const walls: readonly SurfaceKind[] = [
  kind([0, 360, 0, 0.4, 0.4, 1], ['clouds', 'grain'], [0, 0.1], [0.2, 0.6], [0, 0], dull),
  kind([0, 360, 0, 0.5, 0.3, 1], ['stripes', 'dots', 'checks', 'scales'], [0.05, 0.3], [0.3, 1], [0, 0], dull),
  kind([5, 30, 0.1, 0.6, 0.3, 0.8], ['brick', 'planks', 'cobbles'], [0.1, 0.5], [0.3, 0.8], [0, 0], dull),
]
const ceilings: readonly SurfaceKind[] = [
  kind([0, 360, 0, 0.15, 0.6, 1], ['clouds', 'grain', 'tiles', 'planks'], [0, 0.3], [0.2, 0.6], [0, 0], dull),
]

/** sRGB from 0 to 1 as linear light. */
export const linear = (rgb: readonly number[]): Rgb =>
  rgb.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as unknown as Rgb

const within = ([low, high]: Range, u: number): number => low + (high - low) * u
export const chosen = <T>(list: readonly T[], u: number): T => list[Math.floor(u * list.length)] as T

function drawKind(of: SurfaceKind, uniforms: Uniforms, own?: Rgb): SurfaceLook {
  const hsv = rgbOf(within(of.hueDeg, uniforms(0)), within(of.saturation, uniforms(1)), within(of.value, uniforms(2)))
  const colour = own ?? linear(hsv)
  const towards = uniforms(3) < 0.5 ? 0 : 1
  const contrast = within(of.contrast, uniforms(4))
  const textures = of.textures
  return {
    colour,
    second: colour.map((c) => c + (towards - c) * contrast) as unknown as Rgb,
    texture: textures.length > 0 ? chosen(textures, uniforms(5)) : null,
    tilesPerMetre: within(of.tiles, uniforms(6)),
    specular: within(of.specular, uniforms(7)),
    shininess: within(of.shininess, uniforms(8)),
  }
}

/** The look of a part: of any surface, or of its own kind and, where it has one, its own colour. */
export function drawPart(part: PartMaterial, materials: 'random' | 'own', uniforms: Uniforms): SurfaceLook {
  return materials === 'random' ? drawKind(anySurface, uniforms) : drawKind(surfaceKinds[part.surface], uniforms, part.colour)
}

const hillsides: readonly SurfaceKind[] = [
  kind([70, 125, 0.15, 0.5, 0.2, 0.5], ['mottle', 'grass', 'patches'], [0.1, 0.4], [1, 3], [0, 0], dull),
  kind([15, 45, 0.1, 0.4, 0.3, 0.6], ['mottle', 'grain', 'cobbles'], [0.1, 0.4], [1, 3], [0, 0], dull),
]
const pictures: readonly SurfaceKind[] = [
  kind(
    [0, 360, 0, 0.6, 0.1, 0.95],
    ['clouds', 'mottle', 'grain', 'patches', 'marble', 'pebbles'],
    [0.3, 0.9],
    [1, 1],
    [0, 0],
    dull,
  ),
]

/** Clouds: the second colour is theirs. */
const skies: readonly SurfaceKind[] = [
  kind([0, 0, 0, 0, 0.75, 1], ['clouds', 'mottle', 'grain'], [0, 0], [0.3, 1.2], [0, 0], dull),
]

const backgrounds = {
  sky: skies,
  ground: grounds,
  hills: hillsides,
  floor: floors,
  wall: walls,
  ceiling: ceilings,
  picture: pictures,
}

/** The look of something behind the object. */
export function drawBackground(what: keyof typeof backgrounds, uniforms: Uniforms): SurfaceLook {
  return drawKind(chosen(backgrounds[what], uniforms(9)), uniforms)
}
