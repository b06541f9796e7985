// What is known about an image: its variables, where everything is, and the columns that networks learn.
import { angleColumn, type Column, numberColumn } from '../../data/index.js'
import { backgroundKinds, countColumns } from '../../ops/index.js'
import type { SceneRecord, SceneVariable } from '../set.js'
import type { Geometry } from './geometry.js'
import type { Looks } from './looks.js'
import type { Mesh } from './mesh.js'
import type { ListedModel } from './models.js'
import type { Quaternion, Vector } from './pose.js'
import type { SurfaceLook } from './surfaces.js'
import { type Draws, type SolidNumber, type SolidSettings, solidNumbers, solidVariables } from './variables.js'

/** In the words of `scenes.json`. */
export const frames = {
  object: 'its largest side is 1 m; unitScale is what lengths of its mesh were multiplied by for that, in the unit of the mesh',
  world: 'left-handed: x right, y up, z forward, metres; the ground is at y = 0',
  camera: 'as the world, from the camera; quaternions are x, y, z, w',
  rotation: "Euler angles in degrees of the object in the camera's frame, about z first, then x, then y, as Unity gives them",
  screen: "pixels from the middle of the image, rightwards and upwards, of the middle of the underside of the object's box",
  position:
    "of the middle of the object's box in the camera's frame; distance is its z, baseDistance that of the middle of the underside",
  box: 'pixels from the left and from the top of the image: the first column and row that show the object (boxLeft, boxTop), and those after the last (boxRight, boxBottom); zeros where none does',
} as const

/** Columns that are numbers, with their units, or angles, in degrees. */
export const targetKinds = {
  distance: { unit: 'm', text: 'depth of the middle of the object' },
  positionX: { unit: 'm', text: 'of the middle of the object, to the right of the camera' },
  positionY: { unit: 'm', text: 'of the middle of the object, above the camera' },
  baseDistance: { unit: 'm', text: "depth of the middle of the object's underside" },
  screenX: { unit: 'px', text: "of the middle of the object's underside, rightwards from the middle of the image" },
  screenY: { unit: 'px', text: "of the middle of the object's underside, upwards from the middle of the image" },
  rotationX: { unit: 'deg', text: "of the object in the camera's frame, about x, second" },
  rotationY: { unit: 'deg', text: "of the object in the camera's frame, about y, third" },
  rotationZ: { unit: 'deg', text: "of the object in the camera's frame, about z, first" },
} as const satisfies Record<string, { unit: string; text: string }>
export type SolidTarget = keyof typeof targetKinds
export const solidTargets = Object.keys(targetKinds) as SolidTarget[]

/** The numbers that images of these settings vary in. */
export function variablesOf({ ranges, backgrounds, occluders }: SolidSettings): SceneVariable[] {
  const isOf = (name: SolidNumber): boolean => {
    if (name.startsWith('occluder')) return occluders > 0
    if (name.startsWith('room')) return backgrounds.includes('room')
    if (name.startsWith('picture')) return backgrounds.includes('picture')
    return !['haze', 'hills'].includes(name) || backgrounds.includes('land')
  }
  const unitOf = (name: SolidNumber) => (name.endsWith('Deg') ? 'deg' : '')
  return [
    ...solidTargets.map((name) => ({ name, ...targetKinds[name], range: null })),
    ...solidNumbers
      .filter(isOf)
      .map((name) => ({ name, text: solidVariables[name].text, unit: unitOf(name), range: ranges[name] })),
  ]
}

/** Pixels of an image to a tangent of 1. */
export const pixelsOf = (focal: number, size: number): number => (focal * size) / 2

/** 1 / tan(half of the field of view). */
export const focalOf = ({ fieldOfViewDeg }: Pick<SolidSettings, 'fieldOfViewDeg'>): number =>
  1 / Math.tan((fieldOfViewDeg * Math.PI) / 360)

/** The values of an image's numbers and angles. */
export function targetValues({ relative, base, eulerDeg }: Geometry, focal: number, size: number): Record<SolidTarget, number> {
  const [positionX, positionY, distance] = relative.position
  const [rotationX, rotationY, rotationZ] = eulerDeg
  const pixels = pixelsOf(focal, size) / base[2]
  const place = { positionX, positionY, distance, baseDistance: base[2], screenX: pixels * base[0], screenY: pixels * base[1] }
  return { ...place, rotationX, rotationY, rotationZ }
}

/** Columns of numbers and angles. */
export function targetColumns(values: Readonly<Record<SolidTarget, Float32Array>>): Record<SolidTarget, Column> {
  const column = (name: SolidTarget): Column =>
    targetKinds[name].unit === 'deg' ? angleColumn(values[name]) : numberColumn(values[name], targetKinds[name].unit)
  return Object.fromEntries(solidTargets.map((name) => [name, column(name)])) as Record<SolidTarget, Column>
}

const named = (name: string, values: Vector | Quaternion): SceneRecord =>
  Object.fromEntries(values.map((value, i) => [name + (['X', 'Y', 'Z', 'W'][i] as string), value]))

export interface RecordedScene {
  /** Of the image in the series. */
  readonly number: number
  readonly draws: Draws
  readonly model: Pick<ListedModel, 'category' | 'identity' | 'instance'> & { readonly mesh: Pick<Mesh, 'unitScale'> }
  readonly classId: number
  readonly identityId: number
  readonly attempt: number
  readonly geometry: Geometry
  /** Whether the object is not where it was drawn. */
  readonly isPlaced: boolean
  readonly looks: Looks
  /** Identity of what stands in front, or `none`. */
  readonly occluder: string
  /** Row of the photo behind it. */
  readonly photo: number | null
}

const textureOf = (look: SurfaceLook | null): string => (look ? (look.texture ?? 'plain') : 'none')

/** Everything about an image but what only its pixels tell. */
export function recordOf(scene: RecordedScene, settings: SolidSettings): SceneRecord {
  const { draws, model, geometry, looks, attempt, isPlaced } = scene
  const { camera, object, relative } = geometry
  const { background } = looks
  const numbers = solidNumbers.map(
    (name) => [name, isPlaced && isOfPlace(name) ? null : draws.number(name, isOfAttempt(name) ? attempt : 0)] as const,
  )
  return {
    image: scene.number,
    seed: settings.seed,
    class: model.category,
    classId: scene.classId,
    identity: model.identity,
    identityId: scene.identityId,
    instance: model.instance,
    unitScale: model.mesh.unitScale,
    attempt,
    ...targetValues(geometry, focalOf(settings), settings.size),
    ...named('relativeRotation', relative.rotation),
    ...named('camera', camera.position),
    ...named('cameraRotation', camera.rotation),
    fieldOfViewDeg: settings.fieldOfViewDeg,
    ...named('object', object.position),
    ...named('objectRotation', object.rotation),
    background: background.kind,
    backgroundId: backgroundKinds.indexOf(background.kind),
    photo: scene.photo,
    textures: looks.parts.map(textureOf).join(' '),
    floorTexture: textureOf(background.floor),
    wallTexture: textureOf(background.wall),
    ceilingTexture: textureOf(background.ceiling),
    occluder: scene.occluder,
    ...Object.fromEntries(numbers),
  }
}

/** Whether a number says where the object is and how it is turned, from the camera or in the world. */
const isOfPlace = (name: SolidNumber): boolean => /^(offset|pitch|yaw|roll|aim)/.test(name)

/** Whether a number is drawn again with each attempt: those of the geometry are. */
const isOfAttempt = (name: SolidNumber): boolean => isOfPlace(name) || /^(camera|occluder)/.test(name)

/**
 * What is seen of an image, from the op's counts: pixels of the object that are seen and hidden, and the box of those with any of it, in pixels from the
 * left and the top; its right and bottom are exclusive, those after the last, and all four are 0 where nothing is seen.
 */
export function seenOf(counts: Int32Array, n: number): SceneRecord {
  const of = (column: keyof typeof countColumns) => counts[n * countColumns.count + countColumns[column]] as number
  return {
    visiblePixels: of('seen') / 4,
    hiddenPixels: of('hidden') / 4,
    boxLeft: of('left'),
    boxTop: of('top'),
    boxRight: of('right'),
    boxBottom: of('bottom'),
  }
}
