// Where the camera and the objects of a scene are.
import { difference, eulerAngles, inverse, lookAlong, multiply, type Quaternion, rotate, sum, turn, type Vector } from './pose.js'
import type { Draws, SolidSettings } from './variables.js'

export interface Pose {
  readonly position: Vector
  readonly rotation: Quaternion
}

export interface Geometry {
  /** In the world. */
  readonly camera: Pose
  /** Of the middle of the object's box, in the world. */
  readonly object: Pose
  /** Of the same in the camera's frame. */
  readonly relative: Pose
  /** Of the rotation in the camera's frame: as `eulerAngles` has them. */
  readonly eulerDeg: Vector
  /** The middle of the underside of the object's box, in the camera's frame. */
  readonly base: Vector
  /** From the camera to the place that was drawn, or given. */
  readonly away: number
  /** In the camera's frame. */
  readonly occluder: (Pose & { readonly model: number; readonly size: number }) | null
}

/**
 * The geometry of one attempt at an image. In 2023 the underside of the object was placed, in 2024 its middle; its turns were about the world's axes from
 * the way in which it stands in life, or about its own axes from facing the camera.
 * @param halfHeight of the object
 * @param models that there are, one of which may stand in front
 */
export function drawGeometry(
  draws: Draws,
  attempt: number,
  settings: Pick<SolidSettings, 'sampling' | 'occluders'>,
  halfHeight: number,
  models: number,
): Geometry {
  const n = (name: Parameters<Draws['number']>[0]) => draws.number(name, attempt)
  const rise = n('offsetRise')
  const azimuth = (n('offsetAzimuthDeg') * Math.PI) / 180
  const across = Math.sqrt(Math.max(0, 1 - rise * rise))
  const away = n('offsetDistance')
  const offset: Vector = [away * across * Math.sin(azimuth), away * rise, away * across * Math.cos(azimuth)]
  const from: Vector = [n('cameraX'), n('cameraHeight'), n('cameraZ')]
  const turns = [turn('x', n('pitchDeg')), turn('y', n('yawDeg')), turn('z', n('rollDeg'))] as const
  const isPlacedByBase = settings.sampling === 'tdw-2023'
  const rotation = isPlacedByBase
    ? multiply(turns[2], multiply(turns[1], turns[0]))
    : multiply(lookAlong([-offset[0], -offset[1], -offset[2]]), multiply(turns[0], multiply(turns[1], turns[2])))
  const up = rotate(rotation, [0, halfHeight, 0])
  const placed = sum(from, offset)
  const position = isPlacedByBase ? sum(placed, up) : placed
  const aim = multiply(turn('x', n('aimPitchDeg')), turn('y', n('aimYawDeg')))
  const view = multiply(lookAlong(difference(position, from)), aim)
  const towards = (point: Vector) => rotate(inverse(view), difference(point, from))
  const relative = { position: towards(position), rotation: multiply(inverse(view), rotation) }
  return {
    camera: { position: from, rotation: view },
    object: { position, rotation },
    relative,
    eulerDeg: eulerAngles(relative.rotation),
    base: towards(difference(position, up)),
    away,
    occluder: draws.choice('occluder') < settings.occluders ? occluderOf(draws, attempt, relative.position, models) : null,
  }
}

/** What of an object's place and rotation in the camera's frame is given, in the words and units of the record. */
export type Placement = {
  readonly [K in 'distance' | `position${'X' | 'Y'}` | `screen${'X' | 'Y'}` | `rotation${'X' | 'Y' | 'Z'}`]?: number | undefined
}

/**
 * The same with the object where it is given. Camera and world stay. Without a place across, the object moves along the line of sight to its middle;
 * without a distance, across it; it turns about its middle.
 * @param pixels of the image to a tangent of 1
 * @returns null where what is to be at a place of the image is not before the camera
 */
export function placedGeometry(drawn: Geometry, given: Placement, halfHeight: number, pixels: number): Geometry | null {
  const { camera, relative, eulerDeg } = drawn
  const isTurned = [given.rotationX, given.rotationY, given.rotationZ].some((angle) => angle !== undefined)
  const [x, y, z] = eulerDeg
  const about = (angle: number | undefined, axis: 'x' | 'y' | 'z', own: number) => turn(axis, angle ?? own)
  const rotation = isTurned
    ? multiply(about(given.rotationY, 'y', y), multiply(about(given.rotationX, 'x', x), about(given.rotationZ, 'z', z)))
    : relative.rotation
  const up = rotate(rotation, [0, halfHeight, 0])
  const [ownX, ownY, ownDistance] = relative.position
  const distance = given.distance ?? ownDistance
  const baseDistance = distance - up[2]
  const across = (metres: number | undefined, screen: number | undefined, own: number, axis: 0 | 1): number =>
    screen === undefined ? (metres ?? (own * distance) / ownDistance) : (screen / pixels) * baseDistance + up[axis]
  if ((given.screenX ?? given.screenY) !== undefined && baseDistance <= 0) return null
  const position: Vector = [
    across(given.positionX, given.screenX, ownX, 0),
    across(given.positionY, given.screenY, ownY, 1),
    distance,
  ]
  return {
    ...drawn,
    object: { position: sum(camera.position, rotate(camera.rotation, position)), rotation: multiply(camera.rotation, rotation) },
    relative: { position, rotation },
    eulerDeg: eulerAngles(rotation),
    base: difference(position, up),
    away: Math.hypot(...position),
  }
}

function occluderOf(draws: Draws, attempt: number, [x, y, z]: Vector, models: number): Geometry['occluder'] {
  const place = draws.number('occluderPlace', attempt)
  const word = (k: number) => draws.choice('occluderTurn', attempt, k)
  // A rotation that is uniform over all (Shoemake 1992).
  const [a, b] = [Math.sqrt(1 - word(0)), Math.sqrt(word(0))]
  const [s, t] = [2 * Math.PI * word(1), 2 * Math.PI * word(2)]
  return {
    model: Math.floor(draws.choice('occluderModel', attempt) * models),
    position: [x * place + draws.number('occluderSide', attempt), y * place + draws.number('occluderUp', attempt), z * place],
    rotation: [a * Math.sin(s), a * Math.cos(s), b * Math.sin(t), b * Math.cos(t)],
    size: draws.number('occluderSize', attempt),
  }
}
