// What a scene looks like apart from its geometry: surfaces, light, and what lies behind the object. None of it depends on the object's category, on the
// instance or on the geometry, but for the kinds of surface that `materials: 'own'` takes from the parts.
import { rgbOf } from '../flat/latents.js'
import type { PartMaterial } from './mesh.js'
import { chosen, drawBackground, drawPart, linear, type Rgb, type SurfaceLook } from './surfaces.js'
import type { BackgroundKind, Draws, SolidSettings } from './variables.js'

export interface Light {
  /** From the world's horizontal plane, and in it from z towards x. */
  readonly sunElevationDeg: number
  readonly sunAzimuthDeg: number
  readonly sun: Rgb
  readonly above: Rgb
  readonly below: Rgb
}

export interface Background {
  readonly kind: BackgroundKind
  /** The ground, a room's floor or a picture; null for a gradient. */
  readonly floor: SurfaceLook | null
  /** Hills or walls. */
  readonly wall: SurfaceLook | null
  /** Clouds or a ceiling; null for a clear sky. */
  readonly ceiling: SurfaceLook | null
  readonly horizon: Rgb
  readonly zenith: Rgb
  readonly haze: number
  readonly hills: number
  /** Width, depth and height of a room, in the least that it may have. */
  readonly room: readonly [number, number, number]
  /** Radians. */
  readonly hillPhase: number
  /** Of a picture: two rows, from the image from -1 to 1 to tiles. */
  readonly picture: readonly [number, number, number, number]
  readonly offset: readonly [number, number]
  /** Which of the photos, from 0 up to 1. */
  readonly photo: number
}

export interface Looks {
  readonly parts: readonly SurfaceLook[]
  readonly occluderParts: readonly SurfaceLook[]
  /** Of the textures of the object, and of what stands in front, in tiles. */
  readonly offsets: readonly [readonly [number, number], readonly [number, number]]
  readonly light: Light
  readonly background: Background
}

/** Parts that a mesh may have, and with them the numbers of surfaces. */
const mostParts = 256
const surface = { floor: 2 * mostParts, wall: 2 * mostParts + 1, ceiling: 2 * mostParts + 2, places: 2 * mostParts + 3 } as const

const mixed = (a: Rgb, b: Rgb, share: number): Rgb =>
  [0, 1, 2].map((c) => (a[c] as number) * (1 - share) + (b[c] as number) * share) as unknown as Rgb
const scaled = (colour: Rgb, factor: number): Rgb => colour.map((c) => c * factor) as unknown as Rgb

const white: Rgb = [1, 1, 1]
const orange: Rgb = [1, 0.62, 0.3]
const earth: Rgb = [1, 0.94, 0.85]
/** Light in a room comes back from its walls: so many times the ambient light outside. */
const indoors = 1.7
/** Shares of pictures that are gradients, and of skies without clouds. */
const gradients = 0.2
const clear = 0.3

export function drawLooks(
  draws: Draws,
  settings: Pick<SolidSettings, 'materials' | 'backgrounds'>,
  parts: readonly PartMaterial[],
  occluderParts: readonly PartMaterial[],
): Looks {
  const { materials } = settings
  const places = draws.uniforms(surface.places)
  const saturation = draws.number('skySaturation')
  const sky = (share: number, value: number) =>
    linear(rgbOf(draws.number('skyHueDeg'), saturation * share, draws.number('skyValue') * value))
  const zenith = sky(1, 0.9)
  const kind = chosen(settings.backgrounds, draws.choice('background'))
  const ambient = kind === 'room' ? indoors : 1
  return {
    parts: parts.map((part, i) => drawPart(part, materials, draws.uniforms(i))),
    occluderParts: occluderParts.map((part, i) => drawPart(part, materials, draws.uniforms(mostParts + i))),
    offsets: [
      [places(0), places(1)],
      [places(2), places(3)],
    ],
    light: {
      sunElevationDeg: draws.number('sunElevationDeg'),
      sunAzimuthDeg: draws.number('sunAzimuthDeg'),
      sun: scaled(mixed(white, orange, draws.number('sunWarmth')), draws.number('sunStrength')),
      above: scaled(mixed(white, zenith, 0.5), ambient * draws.number('skyStrength')),
      below: scaled(earth, ambient * draws.number('groundStrength')),
    },
    background: drawBackgroundLook(draws, kind, sky(0.35, 1), zenith),
  }
}

function drawBackgroundLook(draws: Draws, kind: BackgroundKind, horizon: Rgb, zenith: Rgb): Background {
  const places = draws.uniforms(surface.places)
  const what = (
    { land: ['ground', 'hills', 'sky'], room: ['floor', 'wall', 'ceiling'], picture: ['picture'], photo: [] } as const
  )[kind]
  const look = (k: number, from: number): SurfaceLook | null => {
    const own = what[k]
    return own ? drawBackground(own, draws.uniforms(from)) : null
  }
  const isGradient = kind === 'picture' && places(4) < gradients
  const angle = (draws.number('pictureAngleDeg') * Math.PI) / 180
  const tiles = draws.number('pictureTiles') / 2
  return {
    kind,
    floor: isGradient ? null : look(0, surface.floor),
    wall: look(1, surface.wall),
    ceiling: kind === 'land' && places(5) < clear ? null : look(2, surface.ceiling),
    horizon: isGradient ? linear([places(8), places(9), places(10)]) : horizon,
    zenith: isGradient ? linear([places(11), places(12), places(13)]) : zenith,
    haze: draws.number('haze'),
    hills: draws.number('hills'),
    room: [draws.number('roomWidth'), draws.number('roomDepth'), draws.number('roomHeight')],
    hillPhase: 2 * Math.PI * places(7),
    picture: [tiles * Math.cos(angle), -tiles * Math.sin(angle), tiles * Math.sin(angle), tiles * Math.cos(angle)],
    offset: [places(14), places(15)],
    photo: draws.choice('photo'),
  }
}
