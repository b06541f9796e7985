// The variables that a scene is made from: typed, each with a range, each drawn by its own counter of the seed.
import { z } from 'zod'
import { parseOptions, seed, whole } from '../../options.js'
import { draw, shuffled } from '../../random.js'
import { type ShapeName, shapeNames } from './shapes.js'

export const textureNames = ['plain', 'stripes', 'dots'] as const
export type TextureName = (typeof textureNames)[number]

/** Everything that `render` needs to know: the same latents give the same bytes at the same size. */
export interface SceneLatents {
  /** The class. */
  shape: ShapeName
  /** Centre, as a fraction of the image's side, from the left and from the top. */
  x: number
  y: number
  /** Radius of the circle that the shape fills, as a fraction of the image's side. */
  size: number
  /** Rotation in the image plane, clockwise. */
  rotationDeg: number
  /** The object's colour: hue, saturation and value (HSV), the latter two from 0 to 1. */
  hueDeg: number
  saturation: number
  value: number
  /** Surface pattern, between the object's colour and a lighter or darker one. */
  texture: TextureName
  /** Periods of the pattern per image side. */
  textureFrequency: number
  /** Direction of the pattern, from the object's own axis. */
  textureAngleDeg: number
  /** Shift of the pattern in periods, 0 to 1. */
  texturePhase: number
  /** How far the pattern's second colour goes towards white (for dark objects) or black, 0 to 1. */
  textureContrast: number
  /** Mean colour of the background. */
  backgroundHueDeg: number
  backgroundSaturation: number
  backgroundValue: number
  /** Standard deviation of the background's brightness before clipping, on the 0-1 scale. */
  backgroundContrast: number
  /** Exponent a of the background's amplitude spectrum 1/f^a; 1 is that of natural photographs. */
  backgroundSlope: number
  /** Which background of that kind, an unsigned 32-bit number. */
  backgroundSeed: number
}

export type NumericLatent = {
  [K in keyof SceneLatents]: SceneLatents[K] extends string ? never : K extends 'backgroundSeed' ? never : K
}[keyof SceneLatents]

/** [low, high] of every numeric variable, and the words to choose from for `shape` and `texture`. Uniform within. */
export type LatentRanges = Record<NumericLatent, readonly [number, number]> & {
  shape: readonly ShapeName[]
  texture: readonly TextureName[]
}

/** The ranges of the demo: position, size, rotation, colour and texture all vary, so that no colour and no single pixel gives the class. */
export const defaultRanges: LatentRanges = {
  shape: shapeNames,
  x: [0.4, 0.6],
  y: [0.4, 0.6],
  size: [0.28, 0.4],
  rotationDeg: [-30, 30],
  hueDeg: [0, 360],
  saturation: [0.3, 1],
  value: [0.25, 1],
  texture: textureNames,
  textureFrequency: [3, 6],
  textureAngleDeg: [0, 180],
  texturePhase: [0, 1],
  textureContrast: [0.35, 0.6],
  backgroundHueDeg: [0, 360],
  backgroundSaturation: [0, 0.5],
  backgroundValue: [0.25, 0.85],
  backgroundContrast: [0.05, 0.14],
  backgroundSlope: [1, 1.5],
}

/** What each number is, and what its range may not leave. */
export const flatVariables: Record<NumericLatent, { limits: readonly [number, number]; text: string }> = {
  x: { limits: [-1, 2], text: "of the object's middle, from the left, in sides of the image" },
  y: { limits: [-1, 2], text: "of the object's middle, from the top, in sides of the image" },
  size: { limits: [0.001, 4], text: 'radius of the circle that the object fills, in sides of the image' },
  rotationDeg: { limits: [-3600, 3600], text: 'of the object, clockwise' },
  hueDeg: { limits: [-3600, 3600], text: 'of the object' },
  saturation: { limits: [0, 1], text: "of the object's colour" },
  value: { limits: [0, 1], text: "brightness of the object's colour" },
  textureFrequency: { limits: [0, 1024], text: "periods of the object's pattern to the side of the image" },
  textureAngleDeg: { limits: [-3600, 3600], text: "of the pattern, from the object's own axis" },
  texturePhase: { limits: [-1024, 1024], text: 'of the pattern, in periods' },
  textureContrast: { limits: [0, 1], text: "how far the pattern's second colour goes towards white or black" },
  backgroundHueDeg: { limits: [-3600, 3600], text: 'of the background' },
  backgroundSaturation: { limits: [0, 1], text: "of the background's mean colour" },
  backgroundValue: { limits: [0, 1], text: "brightness of the background's mean colour" },
  backgroundContrast: { limits: [0, 4], text: "deviation of the background's brightness" },
  backgroundSlope: { limits: [0, 4], text: "a of the background's amplitude spectrum 1/f^a" },
}

const words = <T extends string>(all: readonly T[]) =>
  z
    .array(z.enum(all))
    .refine((chosen) => chosen.length > 0 && new Set(chosen).size === chosen.length, 'at least one name, each once')
    .readonly()
    .default(all)

function range(name: NumericLatent) {
  const { limits, text } = flatVariables[name]
  const bound = z.number().min(limits[0]).max(limits[1])
  return z
    .tuple([bound, bound])
    .refine(([low, high]) => low <= high, 'the lower end first')
    .readonly()
    .default(defaultRanges[name])
    .describe(text)
}

/** Names of the numeric variables that have a range. */
export const numericLatents = Object.keys(flatVariables) as NumericLatent[]

/** The schema of ranges: those left out are `defaultRanges`. */
export const rangeOptions = z
  .strictObject({
    ...(Object.fromEntries(numericLatents.map((name) => [name, range(name)])) as Record<NumericLatent, ReturnType<typeof range>>),
    shape: words(shapeNames),
    texture: words(textureNames),
  })
  .prefault({})

// A variable's number is its counter: it stays when others are added, and with it the values that a seed gives.
const lanes: readonly string[] = [...numericLatents, 'texture', 'backgroundSeed']
const shapeStream = 0x10000

/** The least distance in RGB (0-1 each) between the object's colour and the background's mean: an object that cannot be seen teaches nothing. */
const leastColourDistance = 0.35
const colourDraws = 16

/** RGB from 0 to 1 of a hue in degrees, saturation and value. */
export function rgbOf(hueDeg: number, saturation: number, value: number): [number, number, number] {
  const channel = (shift: number) => {
    const k = (((shift + hueDeg / 60) % 6) + 6) % 6
    return value * (1 - saturation * Math.max(0, Math.min(k, 4 - k, 1)))
  }
  return [channel(5), channel(3), channel(1)]
}

const indexOptions = z.strictObject({ index: whole(0) })
export const sampleOptions = z.strictObject({
  seed: seed.default(0).describe('that the series stands for'),
  ranges: rangeOptions,
})

/** Of which series a scene is, and where its variables lie. */
export type SampleOptions = z.input<typeof sampleOptions>

/**
 * The latent variables of image `index` of the endless series that a seed stands for. Every block of as many images as there are shapes holds
 * each shape once, in a drawn order, so that classes are balanced in any stretch. The object's colour is drawn again (16 times at most, the
 * farthest taken) while it is closer than 0.35 in RGB to the background's mean.
 * @throws OptionError for an unknown latent or a range out of bounds
 */
export function sampleLatents(index: number, options: SampleOptions = {}): SceneLatents {
  const op = 'sampleLatents'
  const { seed, ranges } = parseOptions(op, sampleOptions, options)
  return drawLatents(parseOptions(op, indexOptions, { index }).index, seed, ranges)
}

/** The shape of image `index`. */
export function drawShape(index: number, seed: number, { shape }: LatentRanges): ShapeName {
  return shuffled(shape, Math.floor(index / shape.length), shapeStream, seed)[index % shape.length] as ShapeName
}

/** sampleLatents on complete, checked ranges. */
export function drawLatents(index: number, seed: number, ranges: LatentRanges): SceneLatents {
  const bits = (name: string, attempt = 0) => draw(index, lanes.indexOf(name) + attempt * 256, seed)[0]
  const number = (name: NumericLatent, attempt = 0) => {
    const [low, high] = ranges[name]
    return low + (high - low) * (bits(name, attempt) / 2 ** 32)
  }
  const latents: SceneLatents = {
    shape: drawShape(index, seed, ranges),
    x: number('x'),
    y: number('y'),
    size: number('size'),
    rotationDeg: number('rotationDeg'),
    hueDeg: 0,
    saturation: 0,
    value: 0,
    texture: ranges.texture[Math.floor((bits('texture') / 2 ** 32) * ranges.texture.length)] as TextureName,
    textureFrequency: number('textureFrequency'),
    textureAngleDeg: number('textureAngleDeg'),
    texturePhase: number('texturePhase'),
    textureContrast: number('textureContrast'),
    backgroundHueDeg: number('backgroundHueDeg'),
    backgroundSaturation: number('backgroundSaturation'),
    backgroundValue: number('backgroundValue'),
    backgroundContrast: number('backgroundContrast'),
    backgroundSlope: number('backgroundSlope'),
    backgroundSeed: bits('backgroundSeed'),
  }
  const background = rgbOf(latents.backgroundHueDeg, latents.backgroundSaturation, latents.backgroundValue)
  let farthest = -1
  for (let attempt = 0; attempt < colourDraws && farthest < leastColourDistance; ++attempt) {
    const [hueDeg, saturation, value] = [number('hueDeg', attempt), number('saturation', attempt), number('value', attempt)]
    const colour = rgbOf(hueDeg, saturation, value)
    const distance = Math.hypot(...colour.map((c, i) => c - (background[i] as number)))
    if (distance > farthest) {
      farthest = distance
      Object.assign(latents, { hueDeg, saturation, value })
    }
  }
  return latents
}
