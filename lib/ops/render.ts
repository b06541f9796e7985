import { OptionError } from '../errors.js'
import { refuseUnknown } from '../options.js'
import { callOp, type Tensor } from '../tensor.js'

/** Columns of a row of `meshes`. Triangles name vertices counted from the mesh's own first, so that meshes are packed by appending them. */
export const meshColumns = { firstVertex: 0, vertices: 1, firstTriangle: 2, triangles: 3, count: 4 } as const

/** Columns of a row of `materials`. Colours are linear reflectances from 0 to 1. */
export const materialColumns = {
  /** 3: red, green, blue where the texture is 0. */
  colour: 0,
  /** 3: where the texture is 255. */
  secondColour: 3,
  /** Row of `textures`; -1 for plain `colour`. */
  texture: 6,
  /** Tiles a metre; with the background kind `picture` tiles are counted by its own map. */
  tiles: 7,
  /** Strength of the highlight, 0 for none. */
  specular: 8,
  /** Exponent of the highlight, at least 1. */
  exponent: 9,
  /** 1 when a face is also seen from behind. */
  twoSided: 10,
  count: 12,
} as const

/** Columns of a row of `places`. */
export const placeColumns = {
  /** Row of `meshes`; -1 when there is no such object. */
  mesh: 0,
  /** Row of `materials` of part 0; part p has that row + p. */
  material: 1,
  count: 2,
} as const

/** Columns of a row of `poses`. */
export const poseColumns = {
  /** 12: three rows of four, from the object's frame to the camera's. Mirroring (the x axis, from the meshes' right-handed frame) is allowed. */
  map: 0,
  /** 2: offset of the object's textures, in tiles. */
  offset: 12,
  count: 14,
} as const

/** Columns of a row of `worlds`. Colours and lights are linear. */
export const worldColumns = {
  /** 9: camera -> world, three rows. */
  rotation: 0,
  /** 3: of the camera, metres. */
  position: 9,
  /** 1 / tan(field of view / 2). */
  focal: 12,
  /** 3: direction to the sun in the world, of length 1. */
  sun: 13,
  /** 3 */
  sunColour: 16,
  /** 3: ambient light from above. */
  above: 19,
  /** 3: and from below. */
  below: 22,
  /** Index in {@link backgroundKinds}. */
  background: 25,
  /** Row of `materials`: the ground, the room's floor, or the picture (-1: a picture is a gradient from `horizon` below to `zenith` above). */
  floor: 26,
  /** The room's walls, or the hills. */
  wall: 27,
  /** The room's ceiling, or the clouds (-1: a clear sky): `secondColour` where the texture exceeds 127. */
  ceiling: 28,
  /** 3 */
  horizon: 29,
  /** 3 */
  zenith: 32,
  /** 3: a corner of the room in the world; the land lies at its y. The camera stands inside, or above. */
  low: 35,
  /** 3 */
  high: 38,
  /** Metres after which half of what is seen of the land is `horizon`. */
  haze: 41,
  /** Height of the hills: tangent of their elevation; 0 for none. */
  hills: 42,
  /** Radians: which hills. */
  hillPhase: 43,
  /** 4: two rows, from (x, y) in -1 .. 1 (y up) to tiles, for the picture. */
  picture: 44,
  /** 2: offset of every texture of the background, in tiles. */
  offset: 48,
  count: 50,
} as const

/** Kinds of background, in the order of their numbers. No shadow falls on a picture or a photo. */
export const backgroundKinds = ['picture', 'land', 'room', 'photo'] as const

/** Side of a texture's tile, and bytes of it with its levels 256, 128 ... 1, one after the other. */
export const textureTile = 256
export const textureBytes = 87381

/** Columns of `counts`. */
export const countColumns = {
  /** Samples of object 0 that are seen, 4 a pixel. */
  seen: 0,
  /** Samples of object 0 within the frame that other objects hide. */
  hidden: 1,
  /** Box of the pixels in which some of object 0 is seen; right and bottom are exclusive. All 0 when nothing is. */
  left: 2,
  top: 3,
  right: 4,
  bottom: 5,
  count: 6,
} as const

export interface SceneTensors {
  /** f32 [V,6]: position and unit normal in the object's frame, metres. */
  vertices: Tensor
  /** i32 [F,4]: three vertices, counted from the mesh's first, counter-clockwise from outside, and the part. */
  triangles: Tensor
  /** i32 [M,4]: {@link meshColumns}. */
  meshes: Tensor
  /** u8 [T,87381]: {@link textureBytes} each. */
  textures: Tensor
  /** f32 [K,12]: {@link materialColumns}. */
  materials: Tensor
  /** i32 [N,B,2]: {@link placeColumns}. Object 0 is the one that is looked at; others can hide it and throw shadows. */
  places: Tensor
  /** f32 [N,B,14]: {@link poseColumns}. */
  poses: Tensor
  /** f32 [N,50]: {@link worldColumns}. */
  worlds: Tensor
  /** u8 [N,3,size,size]: backgrounds of kind `photo`. */
  photos?: Tensor | null
}

export interface RenderScenesOptions {
  /** Side of the images in pixels, at most 2048. Default 64. */
  size?: number
  /** Default true. */
  shadows?: boolean
  /** Give `images`. Default true; without them nothing is shaded. */
  images?: boolean
  /** Give `masks`. Default false. */
  masks?: boolean
  /** Give `depths`. Default false. */
  depths?: boolean
}

export interface RenderedScenes {
  /** u8 [N,3,size,size], sRGB. */
  images: Tensor | null
  /** i32 [N,6]: {@link countColumns}. */
  counts: Tensor
  /** u8 [N,size,size]: share of object 0 in the pixel, times 255. */
  masks: Tensor | null
  /** f32 [N,size,size]: depth (z in metres) of object 0 at the pixel's nearest sample, 0 where none is seen. */
  depths: Tensor | null
}

/** The inputs in the op's order, but for photos. */
const tensors = ['vertices', 'triangles', 'meshes', 'textures', 'materials', 'places', 'poses', 'worlds'] as const
/** Outputs that may be left out, and whether they are given unless said otherwise. */
const outputs = { images: true, masks: false, depths: false }

/**
 * Images of scenes of triangle meshes with their textures, sun, sky and shadows, 4 samples a pixel; what is seen of the first object of each, and what
 * hides it. Counts, masks and depths are the same on every device. A row out of range, and a pose or world that is not finite, make the next read
 * reject with a DataError.
 */
export function renderScenes(scenes: SceneTensors, options: RenderScenesOptions = {}): RenderedScenes {
  const op = 'render_scenes'
  refuseUnknown(op, scenes, [...tensors, 'photos'], 'scenes.')
  refuseUnknown(op, options, ['size', 'shadows', ...Object.keys(outputs)])
  const wanted = (Object.keys(outputs) as (keyof typeof outputs)[]).filter((name) => {
    const flag = options[name] ?? outputs[name]
    if (typeof flag === 'boolean') return flag
    throw new OptionError({ op, argument: name, actual: String(flag), expected: 'true or false' })
  })
  const { images: _i, masks: _m, depths: _d, ...rest } = options
  const given = scenes ?? {} // what is missing is refused by name
  const [images, counts, masks, depths] = callOp(
    'render_scenes',
    [...tensors.map((name) => given[name]), given.photos ?? null],
    rest,
    wanted,
  )
  return { images: images ?? null, counts: counts as Tensor, masks: masks ?? null, depths: depths ?? null }
}
