// The variables that a scene of a solid object is made from: each with a range, each drawn by its own counter of the seed.
import { z } from 'zod'
import { backgroundKinds } from '../../ops/index.js'
import { seed, whole } from '../../options.js'
import { draw, Permutation, shuffled } from '../../random.js'
import type { Uniforms } from './surfaces.js'

/** How two published sets of images were sampled (ThreeDWorld, 2023 and 2024). */
export const samplings = ['tdw-2023', 'tdw-2024'] as const
export type Sampling = (typeof samplings)[number]

/** What lies behind the object: noise in the image plane, a landscape, a room, or a photograph. */
export type BackgroundKind = (typeof backgroundKinds)[number]

type Range = readonly [low: number, high: number]

/** Of every number: its range in either sampling, what it may not leave, and what it is. */
export const solidVariables = {
  cameraX: { usual: [-5, 5], limits: [-1e4, 1e4], text: 'place of the camera in the world, m' },
  cameraZ: { usual: [-5, 5], limits: [-1e4, 1e4], text: 'place of the camera in the world, m' },
  cameraHeight: { usual: [0.9, 4], later: [1.75, 5], limits: [0.01, 1e4], text: 'of the camera above the ground, m' },
  offsetAzimuthDeg: {
    usual: [0, 360],
    limits: [-3600, 3600],
    text: "direction from the camera to the object, from the world's z towards its x",
  },
  offsetRise: {
    usual: [0, 1],
    later: [-0.2, 1],
    limits: [-1, 1],
    text: "sine of that direction's elevation: uniform on the sphere where this is",
  },
  offsetDistance: {
    usual: [0.8, 3],
    later: [0.9, 4.2],
    limits: [0.05, 1000],
    text: 'from the camera to the object, whose largest side is 1 m; m',
  },
  pitchDeg: { usual: [-30, 30], later: [-45, 45], limits: [-3600, 3600], text: 'turn of the object about x, first' },
  yawDeg: { usual: [-30, 30], later: [-45, 45], limits: [-3600, 3600], text: 'turn of the object about y, second' },
  rollDeg: { usual: [-30, 30], later: [-45, 45], limits: [-3600, 3600], text: 'turn of the object about z, third' },
  aimPitchDeg: {
    usual: [-15, 15],
    later: [-20, 20],
    limits: [-89, 89],
    text: 'of the camera, from the middle of the object downwards',
  },
  aimYawDeg: {
    usual: [-15, 15],
    later: [-20, 20],
    limits: [-89, 89],
    text: 'of the camera, from the middle of the object to the right',
  },
  sunElevationDeg: { usual: [15, 80], limits: [1, 90], text: 'of the sun above the horizon' },
  sunAzimuthDeg: { usual: [0, 360], limits: [-3600, 3600], text: "of the sun, from the world's z towards its x" },
  sunStrength: { usual: [0.9, 2.2], limits: [0, 10], text: 'light of the sun; with 1 a white surface that faces it is white' },
  sunWarmth: { usual: [0, 1], limits: [0, 1], text: 'colour of the sun, from white to orange' },
  skyStrength: { usual: [0.35, 0.9], limits: [0, 10], text: 'light of the sky from above' },
  groundStrength: { usual: [0.15, 0.45], limits: [0, 10], text: 'light from below' },
  skyHueDeg: { usual: [190, 240], limits: [-3600, 3600], text: 'of the sky' },
  skySaturation: { usual: [0.05, 0.65], limits: [0, 1], text: 'of the sky overhead; less at the horizon' },
  skyValue: { usual: [0.5, 1], limits: [0, 1], text: 'brightness of the sky' },
  haze: { usual: [30, 300], limits: [0.1, 1e6], text: 'distance at which the ground fades into the horizon, m' },
  hills: { usual: [0, 0.2], limits: [0, 1], text: 'height of the hills on the horizon, as a tangent' },
  roomWidth: { usual: [1, 1.6], limits: [1, 100], text: 'of a room, in the least half width that holds every object' },
  roomDepth: { usual: [1, 1.6], limits: [1, 100], text: 'of a room, likewise' },
  roomHeight: { usual: [1, 1.3], limits: [1, 100], text: 'of a room, in the least that holds every object' },
  pictureAngleDeg: { usual: [0, 360], limits: [-3600, 3600], text: 'of a picture behind the object' },
  pictureTiles: { usual: [0.5, 2], limits: [0.01, 64], text: 'of a picture, tiles to the side of the image' },
  occluderPlace: { usual: [0.35, 0.6], limits: [0.05, 0.95], text: 'of an object in front, as a share of the way to the object' },
  occluderSide: { usual: [-0.35, 0.35], limits: [-10, 10], text: 'of an object in front, to the right, m' },
  occluderUp: { usual: [-0.35, 0.35], limits: [-10, 10], text: 'of an object in front, upwards, m' },
  occluderSize: { usual: [0.2, 0.5], limits: [0.01, 10], text: 'largest side of an object in front, m' },
} as const satisfies Record<string, { usual: Range; later?: Range; limits: Range; text: string }>

export type SolidNumber = keyof typeof solidVariables
export const solidNumbers = Object.keys(solidVariables) as SolidNumber[]
export type SolidRanges = Readonly<Record<SolidNumber, Range>>

/** The ranges of a sampling. */
export function rangesOf(sampling: Sampling): SolidRanges {
  const own = (name: SolidNumber): Range => {
    const { usual, later = usual } = solidVariables[name] as { usual: Range; later?: Range }
    return sampling === 'tdw-2024' ? later : usual
  }
  return Object.fromEntries(solidNumbers.map((name) => [name, own(name)])) as SolidRanges
}

function range(name: SolidNumber) {
  const { usual, later, limits, text } = solidVariables[name] as { usual: Range; later?: Range; limits: Range; text: string }
  const bound = z.number().min(limits[0]).max(limits[1])
  return z
    .tuple([bound, bound])
    .refine(([low, high]) => low <= high, 'the lower end first')
    .readonly()
    .optional()
    .meta({ usual: later ? `${usual}; ${later} of tdw-2024` : `${usual}` })
    .describe(text)
}

const names = z
  .array(z.string().min(1))
  .refine((given) => given.length > 0 && new Set(given).size === given.length, 'at least one name, each once')
  .readonly()

/** The schema of {@link SolidSceneOptions}. */
export const solidSceneOptions = z.strictObject({
  count: whole(1).describe('scenes'),
  size: whole(4, 2048).default(64).describe('side of the image in pixels'),
  seed: seed.default(0).describe('the same seed gives the same scenes'),
  first: whole(0).default(0).describe("number of the first scene in the seed's endless series"),
  sampling: z.enum(samplings).default('tdw-2023').describe('which published set the ranges are those of'),
  categories: names.optional().describe('categories of the objects (default: all)'),
  instances: z
    .array(whole(0, 1e6))
    .refine((given) => given.length > 0 && new Set(given).size === given.length, 'at least one number, each once')
    .readonly()
    .optional()
    .describe('which objects of each category, from 0 (default: 0 to 4, or all of a folder)'),
  meshes: z.string().optional().meta({ unit: 'path' }).describe('folder or archive of meshes in place of the built-in ones'),
  allowHoles: z.boolean().default(false).describe('draw meshes that are not closed, from both sides, in place of refusing them'),
  backgrounds: z
    .array(z.enum(backgroundKinds))
    .refine((given) => given.length > 0 && new Set(given).size === given.length, 'at least one kind, each once')
    .readonly()
    .optional()
    .meta({ usual: 'picture,land,room, or photo with --photos' })
    .describe('what lies behind the objects'),
  photos: z.string().optional().meta({ unit: 'path' }).describe('images for backgrounds of kind photo, as openImages reads them'),
  materials: z
    .enum(['random', 'own'])
    .optional()
    .meta({ usual: 'random; own of tdw-2024' })
    .describe('surfaces of any colour and texture, or those of the kinds of surface that the parts have'),
  fieldOfViewDeg: z.number().gt(0).lt(180).default(60).describe('vertical field of view'),
  occluders: z.number().min(0).max(1).default(0).describe('share of the images with another object in front'),
  mostHidden: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .meta({ usual: '0.45; 0.2 of tdw-2024' })
    .describe('share of the object below which others may hide it; drawn again where they hide more'),
  leastSeen: whole(0, 1024)
    .default(2)
    .describe('pixels of an image of 32 x 32 of which more must show the object; drawn again where fewer do'),
  shadows: z.boolean().default(true).describe('cast by the objects in the sun'),
  ranges: z
    .strictObject(
      Object.fromEntries(solidNumbers.map((name) => [name, range(name)])) as Record<SolidNumber, ReturnType<typeof range>>,
    )
    .prefault({})
    .describe('ranges of the variables that differ from those of the sampling'),
})

type Given = z.output<typeof solidSceneOptions>
/** Options with every default filled in, those of the sampling too. */
export type SolidSettings = Omit<Given, 'ranges' | 'materials' | 'mostHidden' | 'backgrounds'> & {
  ranges: SolidRanges
  materials: 'random' | 'own'
  mostHidden: number
  backgrounds: readonly BackgroundKind[]
}

export function settingsOf(given: Given): SolidSettings {
  const isLater = given.sampling === 'tdw-2024'
  const ranges = Object.fromEntries(Object.entries(given.ranges).filter(([, own]) => own !== undefined))
  return {
    ...given,
    materials: given.materials ?? (isLater ? 'own' : 'random'),
    mostHidden: given.mostHidden ?? (isLater ? 0.2 : 0.45),
    backgrounds: given.backgrounds ?? (given.photos === undefined ? ['picture', 'land', 'room'] : ['photo']),
    ranges: { ...rangesOf(given.sampling), ...ranges },
  }
}

// Streams of a seed. A variable's number is its counter: it stays when others are added, and with it the values that a seed gives. Attempts, 255 at
// most, are 256 streams apart.
const numberLane = Object.fromEntries(solidNumbers.map((name, lane) => [name, lane])) as Record<SolidNumber, number>
const choiceLane = { background: 200, photo: 201, occluder: 202, occluderModel: 203, occluderTurn: 204 } as const
const surfaceStream = 0x20000
const instanceStream = 0x10000000

/** Attempts to draw an image: their number is a byte. */
export const mostAttempts = 255

/** What is drawn of image `index`: numbers and choices by name, and series of numbers for surfaces. */
export class Draws {
  /** @param given variables that are not drawn */
  constructor(
    readonly index: number,
    private readonly settings: SolidSettings,
    private readonly given: Partial<Record<SolidNumber, number | undefined>> = {},
  ) {}

  /** A variable in its range. */
  number(name: SolidNumber, attempt = 0): number {
    const given = this.given[name]
    if (given !== undefined) return given
    const [low, high] = this.settings.ranges[name]
    return low + (high - low) * this.unit(numberLane[name] + 256 * attempt)
  }

  /** From 0 up to 1. */
  choice(name: keyof typeof choiceLane, attempt = 0, word = 0): number {
    return this.unit(choiceLane[name] + 256 * attempt, word)
  }

  /** The numbers of surface `surface`, each of its own. */
  uniforms(surface: number): Uniforms {
    const { index, settings } = this
    let [at, words] = [-1, [0, 0, 0, 0] as readonly number[]]
    return (k) => {
      if (Math.floor(k / 4) !== at) {
        at = Math.floor(k / 4)
        words = draw(index, surfaceStream + 16 * surface + at, settings.seed)
      }
      return (words[k % 4] as number) / 2 ** 32
    }
  }

  private unit(stream: number, word = 0): number {
    return (draw(this.index, stream, this.settings.seed)[word] as number) / 2 ** 32
  }
}

/**
 * Category and instance of image `index`: every block of as many images as there are categories holds each once, and every stretch of as many images of a
 * category as it has instances holds each of those once.
 * @param instances of each category
 */
export function drawObject(index: number, seed: number, instances: readonly number[]): [category: number, instance: number] {
  const categories = instances.length
  const block = Math.floor(index / categories)
  const category = new Permutation(categories, seed, block).at(index % categories)
  const count = instances[category] as number
  const order = shuffled(
    Array.from({ length: count }, (_, i) => i),
    Math.floor(block / count) * categories + category,
    instanceStream,
    seed,
  )
  return [category, order[block % count] as number]
}
