// Changes of light for images in memory. What an image draws (where its shadow lies, its noise) depends on the seed and the image's index alone:
// never on the strength, the batch or the network, so that everything compared is compared on the same pictures.
import { allocatePixels, finishImageSet, type ImageSet } from '../data/image_set.js'
import { checkChoice, checkInteger, checkNumber, refuseUnknownOptions } from '../data/options.js'
import { OptionError, ShapeError } from '../errors.js'
import { draw, normals, shuffled } from '../random.js'

export const lightKinds = ['shadow', 'smooth', 'colour', 'contrast', 'noise'] as const
export type LightKind = (typeof lightKinds)[number]

/**
 * A change of light. With v a pixel's byte, s the strength and g drawn for each image:
 *
 * | kind | pixel becomes | drawn |
 * | --- | --- | --- |
 * | `shadow` | v I, I = s in the shadow, 1 outside | a half-plane of random direction that covers round(cover H W) pixels exactly; a hard edge |
 * | `smooth` | v I, I = s + (1 - s) g(x, y) | g: four plane waves, sum of cos(2 pi f (x cos a + y sin a) / max(H, W) + p), f from 0.25 to 1, a and p from 0 to 2 pi, all uniform, scaled so that its least value in the image is 0 and its largest 1 |
 * | `colour` | v I of its channel, I = s + (1 - s) g | g of the channels in random order: 0, 1, the others uniform between; a grey image is dimmed to s |
 * | `contrast` | m + s (v - m) | nothing; m is the mean of the image's channel |
 * | `noise` | v + 255 s z, held between 0 and 255 as by a sensor | z: a normal number for every pixel and channel |
 *
 * So s is the share of light (or contrast) left where most is taken, 1 leaving the image as it is; for `noise` it is the standard deviation in
 * units of the full range, 0 leaving the image as it is. Light acts on pixel values as they are stored (sRGB), as in the paper.
 * Source: `shadow` with s = 0.3 and cover 0.8, and the factor I(x, y) between 0 and 1, are those of Grinberg, Hopfield and Krotov, "Local
 * Unsupervised Learning for Image Analysis", section 5 and figure 3; contrast about the mean is that of Hendrycks and Dietterich, "Benchmarking
 * Neural Network Robustness to Common Corruptions and Perturbations", 2019.
 */
export interface Light {
  kind: LightKind
  /** From 0 to 1. */
  strength: number
  /** `shadow` only: share of each image's pixels in the shadow, 0.8 by default. */
  cover?: number | undefined
}

/** What pixels become: `u8` rounded to bytes again, or `f32` from 0 to 1, not rounded. */
export type LightFormat = 'u8' | 'f32'

/** The strength at which a light leaves every image as it is. */
export function unchangedStrength(kind: LightKind): number {
  return kind === 'noise' ? 0 : 1
}

const streams = { shadow: 0x73686164, smooth: 0x736d6f00, colour: 0x636f6c00, noise: 0x6c6e6f69 }
const waves = 4
/** Share of an image in the shadow of the paper's figure 3. */
export const defaultCover = 0.8
const unit = (word: number | undefined): number => (word as number) / 2 ** 32

/** Which pixels of the plane lie in the light: 1, or 0 in the shadow. */
function drawShadow(out: Float32Array, width: number, shaded: number, index: number, seed: number): void {
  out.fill(1)
  if (shaded === 0) return
  const angle = unit(draw(index, streams.shadow, seed)[0]) * 2 * Math.PI
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  // Pixels at the same depth (only along the axes) are told apart by a shift far below a pixel.
  const depth = Float64Array.from(out, (_, i) => (i % width) * cos + Math.floor(i / width) * sin + i * 1e-9)
  const edge = depth.slice().sort()[shaded - 1] as number
  for (let i = 0; i < out.length; ++i) if ((depth[i] as number) <= edge) out[i] = 0
}

function drawSmooth(out: Float32Array, width: number, height: number, index: number, seed: number): void {
  const field = new Float64Array(out.length)
  for (let k = 0; k < waves; ++k) {
    const words = draw(index, streams.smooth + k, seed)
    const frequency = ((0.25 + 0.75 * unit(words[0])) * 2 * Math.PI) / Math.max(width, height)
    const angle = unit(words[1]) * 2 * Math.PI
    const [stepX, stepY] = [frequency * Math.cos(angle), frequency * Math.sin(angle)]
    const phase = unit(words[2]) * 2 * Math.PI
    for (let i = 0; i < field.length; ++i)
      field[i] = (field[i] as number) + Math.cos((i % width) * stepX + Math.floor(i / width) * stepY + phase)
  }
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of field) {
    least = Math.min(least, value)
    most = Math.max(most, value)
  }
  for (let i = 0; i < out.length; ++i) out[i] = most > least ? ((field[i] as number) - least) / (most - least) : 0
}

function drawColour(out: Float64Array, index: number, seed: number): void {
  const order = shuffled(Array.from(out.keys()), index, streams.colour, seed)
  order.forEach((channel, place) => {
    out[channel] = place < 2 ? place : unit(draw(index, streams.colour + 0x80 + place, seed)[0])
  })
}

/** A kind of light as it falls on certain images, at any strength: drawn once, applied often. */
export class LightField {
  readonly kind: LightKind
  /** [N,C,H,W] of the images. */
  readonly shape: ImageSet['shape']
  /** shadow, smooth: g [N,H,W]; colour: g [N,C]; contrast: nothing; noise: z [N,C,H,W]. */
  private readonly drawn: Float32Array | Float64Array

  /**
   * @param shape [N,C,H,W]
   * @param options first: index of the first image in its set. Default 0.
   * @throws OptionError for a kind that is none, or a number out of range
   */
  constructor(
    { kind, cover = defaultCover }: Omit<Light, 'strength'>,
    shape: ImageSet['shape'],
    options: { seed?: number | undefined; first?: number | undefined } = {},
  ) {
    const { seed = 0, first = 0 } = options
    checkLight('LightField', { kind, strength: 1, ...(kind === 'shadow' ? { cover } : {}) })
    checkInteger('LightField', 'seed', seed, 0)
    checkInteger('LightField', 'first', first, 0)
    const [count, channels, height, width] = shape
    const plane = height * width
    this.kind = kind
    this.shape = shape
    const each = { shadow: plane, smooth: plane, colour: channels, contrast: 0, noise: channels * plane }[kind]
    const drawn = kind === 'colour' ? new Float64Array(count * each) : new Float32Array(count * each)
    for (let n = 0; n < count; ++n) {
      const out = drawn.subarray(n * each, (n + 1) * each)
      const index = first + n
      if (kind === 'shadow') drawShadow(out as Float32Array, width, Math.round(cover * plane), index, seed)
      else if (kind === 'smooth') drawSmooth(out as Float32Array, width, height, index, seed)
      else if (kind === 'colour') drawColour(out as Float64Array, index, seed)
      else if (kind === 'noise') out.set(normals(seed, each, { first: index * 4 * Math.ceil(each / 4), stream: streams.noise }))
    }
    this.drawn = drawn
  }

  /**
   * The images in this light.
   * @param images bytes [N,C,H,W]
   * @param strength from 0 to 1
   * @returns `f32`: the exact value over 255, rounded to float32; `u8`: the exact value rounded to the nearest byte
   * @throws OptionError, ShapeError for another strength or number of pixels
   */
  apply(images: Uint8Array, strength: number, format: 'u8'): Uint8Array<ArrayBuffer>
  apply(images: Uint8Array, strength: number, format: 'f32'): Float32Array<ArrayBuffer>
  apply(images: Uint8Array, strength: number, format: LightFormat): Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>
  apply(images: Uint8Array, strength: number, format: LightFormat): Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer> {
    const [count, channels, height, width] = this.shape
    const plane = height * width
    checkNumber('LightField.apply', 'strength', strength, 0, 1)
    if (images.length !== count * channels * plane) {
      const expected = `those of [${this.shape}]`
      throw new ShapeError({ op: 'LightField.apply', argument: 'images', actual: `${images.length} bytes`, expected })
    }
    const out = format === 'u8' ? new Uint8Array(images.length) : new Float32Array(images.length)
    const levels = new Float64Array(plane)
    for (let n = 0; n < count; ++n)
      for (let c = 0; c < channels; ++c) {
        const at = (n * channels + c) * plane
        this.light(images.subarray(at, at + plane), n, c, strength, levels)
        if (format === 'u8') for (let i = 0; i < plane; ++i) out[at + i] = Math.round(levels[i] as number)
        else for (let i = 0; i < plane; ++i) out[at + i] = (levels[i] as number) / 255
      }
    return out
  }

  /** One channel of one image in units of a byte, in float64. */
  private light(pixels: Uint8Array, n: number, c: number, strength: number, levels: Float64Array): void {
    const { kind, drawn } = this
    const plane = pixels.length
    const channels = this.shape[1]
    const taken = 1 - strength
    if (kind === 'shadow' || kind === 'smooth') {
      const from = n * plane
      for (let i = 0; i < plane; ++i) levels[i] = (pixels[i] as number) * (strength + taken * (drawn[from + i] as number))
    } else if (kind === 'colour') {
      const factor = strength + taken * (drawn[n * channels + c] as number)
      for (let i = 0; i < plane; ++i) levels[i] = (pixels[i] as number) * factor
    } else if (kind === 'contrast') {
      const mean = pixels.reduce((sum, value) => sum + value, 0) / plane
      for (let i = 0; i < plane; ++i) levels[i] = strength * (pixels[i] as number) + taken * mean
    } else {
      const from = (n * channels + c) * plane
      const deviation = 255 * strength
      for (let i = 0; i < plane; ++i)
        levels[i] = Math.min(255, Math.max(0, (pixels[i] as number) + deviation * (drawn[from + i] as number)))
    }
  }
}

/** Refuses a light that cannot be. */
export function checkLight(op: string, { kind, strength, cover }: Light): void {
  checkChoice(op, 'kind', kind, lightKinds)
  checkNumber(op, 'strength', strength, 0, 1)
  if (cover === undefined) return
  if (kind !== 'shadow')
    throw new OptionError({ op, argument: 'cover', actual: `given for '${kind}'`, expected: "a cover for 'shadow' alone" })
  checkNumber(op, 'cover', cover, 0, 1)
}

/** A light in a few characters, for the names of sets: `shadow(0.3,0.8,seed-0)`. */
export function lightName({ kind, strength, cover = defaultCover }: Light, seed: number): string {
  return `${kind}(${kind === 'shadow' ? `${strength},${cover}` : strength},seed-${seed})`
}

/**
 * A set in another light, in bytes again. The images given are untouched.
 * @param options seed: draws what differs between images; 0 by default
 * @throws OptionError for an unknown kind or option, or a strength or cover outside 0 to 1
 */
export async function applyLight(
  set: ImageSet,
  light: Light,
  options: { seed?: number | undefined; signal?: AbortSignal | undefined } = {},
): Promise<ImageSet> {
  const op = 'applyLight'
  refuseUnknownOptions(op, light, ['kind', 'strength', 'cover'])
  refuseUnknownOptions(op, options, ['seed', 'signal'])
  const { seed = 0, signal } = options
  checkLight(op, light)
  checkInteger(op, 'seed', seed, 0)
  return relight(op, set, light, seed, signal)
}

/** @internal */
export async function relight(op: string, set: ImageSet, light: Light, seed: number, signal?: AbortSignal): Promise<ImageSet> {
  const [count, channels, height, width] = set.shape
  const stride = channels * height * width
  const images = allocatePixels(op, set.shape)
  for (let n = 0; n < count; ++n) {
    const field = new LightField(light, [1, channels, height, width], { seed, first: n })
    images.set(field.apply(set.images.subarray(n * stride, (n + 1) * stride), light.strength, 'u8'), n * stride)
    if (n % 64 === 63) {
      await new Promise(setImmediate)
      signal?.throwIfAborted()
    }
  }
  const { labels, shape, classes } = set
  return finishImageSet({ images, labels, shape, classes, name: `${set.name}+${lightName(light, seed)}` }, signal)
}
