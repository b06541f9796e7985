// What a change of light draws for each image, and what it does to the pixels. It depends on the seed and the image's index alone: never on the
// strength, the batch or the network, so that everything compared is compared on the same pictures.
import { z } from 'zod'
import type { ImageShape } from '../data/index.js'
import { ShapeError } from '../errors.js'
import { parseOptions, seed, whole } from '../options.js'
import { draw, normals, shuffled } from '../random.js'
import { checkLight, defaultCover, type Light, type LightFormat, type LightKind, share } from './light.js'

const fieldOptions = z.strictObject({ seed: seed.default(0), first: whole(0).default(0) })
const applyOptions = z.strictObject({ strength: share })

const streams = { shadow: 0x73686164, smooth: 0x736d6f00, colour: 0x636f6c00, noise: 0x6c6e6f69 }
const waves = 4
const unit = (word: number | undefined): number => (word as number) / 2 ** 32

/** Which pixels of the plane lie in the light: 1, or 0 in the shadow. */
function drawShadow(out: Float32Array, width: number, shaded: number, index: number, seed: number): void {
  out.fill(1)
  if (shaded === 0) return
  const angle = unit(draw(index, streams.shadow, seed)[0]) * 2 * Math.PI
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  // Pixels at the same depth (only along the axes) are told apart by a shift far below a pixel.
  const depth = new Float64Array(out.length)
  for (let i = 0; i < depth.length; ++i) depth[i] = (i % width) * cos + Math.floor(i / width) * sin + i * 1e-9
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
  readonly shape: ImageShape
  /** shadow, smooth: g [N,H,W]; colour: g [N,C]; contrast: nothing; noise: z [N,C,H,W]. */
  private readonly drawn: Float32Array | Float64Array

  /**
   * @param shape [N,C,H,W]
   * @param options first: index of the first image in its set. Default 0.
   * @throws OptionError for a kind that is none, or a number out of range
   */
  constructor(light: Omit<Light, 'strength'>, shape: ImageShape, options: z.input<typeof fieldOptions> = {}) {
    const { kind, cover = defaultCover } = checkLight('LightField', { ...light, strength: 1 })
    const { seed, first } = parseOptions('LightField', fieldOptions, options)
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
    parseOptions('LightField.apply', applyOptions, { strength })
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
