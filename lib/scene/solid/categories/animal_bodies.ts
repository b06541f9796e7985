// Bodies of animals: spines and limbs of changing thickness, ears and eyes, and four-legged animals in their poses.

import { cone, curve, ellipsoid, type Point2, type Point3, prism, type Solid, sphere, tube, union, xy } from '../kit/index.js'
import type { Surface } from '../mesh.js'
import { sideways } from './wheels.js'

/** The values in groups of a size. */
const grouped = (values: readonly number[], size: number): number[][] =>
  Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size))

/** Four numbers for each place of a body: in one list, or a row a place. */
export type Stations = readonly number[] | readonly (readonly number[])[]

/** A smooth, round-ended body through points with two radii each, across and up. */
function flesh(points: readonly Point3[], radii: readonly Point2[], sides: number, steps: number, up?: Point3): Solid {
  const path = curve(points, { steps })
  const sizes = curve(radii, { steps })
  const lengths = [0]
  for (let i = 1; i < path.length; i++) {
    const [a, b] = [path[i - 1]!, path[i]!]
    lengths.push(lengths[i - 1]! + Math.hypot(b[0] - a[0], b[1] - a[1], b[2] - a[2]))
  }
  const total = lengths[lengths.length - 1]!
  const size = (t: number): Point2 => {
    const next = Math.max(
      1,
      lengths.findIndex((length) => length >= t * total - 1e-9),
    )
    const [from, to] = [lengths[next - 1]!, lengths[next]!]
    const share = Math.min(1, (t * total - from) / (to - from))
    return [0, 1].map((k) =>
      Math.max(1e-3, sizes[next - 1]![k]! + share * (sizes[next]![k]! - sizes[next - 1]![k]!)),
    ) as unknown as Point2
  }
  return tube(path, size, { sides, round: true, ...(up && { up }) }).crease(75)
}

/** A body in the plane x = 0, of [z, y, half width, half height] for each place. */
export function spine(values: Stations, options: { sides?: number; steps?: number; up?: Point3 } = {}): Solid {
  const { sides = 10, steps = 3, up } = options
  const stations = grouped(values.flat(), 4) as [number, number, number, number][]
  return flesh(
    stations.map(([z, y]) => [0, y, z]),
    stations.map(([, , w, h]) => [w, h]),
    sides,
    steps,
    up,
  )
}

/** A limb, of [x, y, z, radius] for each place. */
export function limb(values: Stations, options: { sides?: number; steps?: number } = {}): Solid {
  const { sides = 6, steps = 2 } = options
  const stations = grouped(values.flat(), 4) as [number, number, number, number][]
  return flesh(
    stations.map(([x, y, z]) => [x, y, z]),
    stations.map(([, , , r]) => [r, r]),
    sides,
    steps,
  )
}

/** Two eyes at ±x. */
export function eyes(radius: number, x: number, y: number, z: number): Solid {
  return sphere(radius, { segments: 8, rings: 4 }).move(x, y, z).mirrored('x').of('eyes', 'glass', [0.02, 0.02, 0.02])
}

export type Ear = 'pointed' | 'round' | 'floppy' | 'long' | 'side'

/** Two ears of a length, rooted at ±x. */
export function ears(kind: Ear, length: number, x: number, y: number, z: number): Solid {
  const oval = (a: number, b: number, c: number) => ellipsoid(a * length, b * length, c * length, { segments: 8, rings: 6 })
  const ear = {
    pointed: () =>
      cone(0.36 * length, length, 7)
        .scale(1, 1, 0.45)
        .turn('z', -14),
    round: () => oval(0.5, 0.5, 0.2).move(0, 0.25 * length, 0),
    floppy: () =>
      oval(0.12, 0.55, 0.3)
        .move(0, -0.42 * length, 0)
        .turn('z', 16),
    long: () =>
      oval(0.13, 0.5, 0.07)
        .move(0, 0.45 * length, 0)
        .turn('z', -10),
    side: () =>
      oval(0.5, 0.2, 0.1)
        .move(0.45 * length, 0, 0)
        .turn('z', -12),
  }[kind]()
  return ear.move(x, y, z).mirrored('x')
}

/** A fin of an outline (z, y) in the plane x = 0, thinner towards its tips. */
export function fin(outline: readonly number[], thickness = 0.025): Solid {
  const reach = Math.max(...outline.map(Math.abs))
  return sideways(curve(xy(outline), { closed: true, steps: 2 }), thickness).warp((x, y, z) => [
    x * (1 - (0.8 * Math.abs(y)) / reach),
    y,
    z,
  ])
}

/** A fin that lies flat, of an outline (x, z), thinner towards its tips. */
export function flatFin(outline: readonly number[], thickness = 0.03): Solid {
  const reach = Math.max(...outline)
  const shape = prism(
    curve(
      xy(outline).map(([x, z]): Point2 => [x, -z]),
      { closed: true, steps: 2 },
    ),
    thickness,
  ).turn('x', -90)
  return shape.warp((x, y, z) => [x, y * (1 - (0.8 * Math.abs(x)) / reach), z])
}

export interface Beast {
  surface: Surface
  colour?: readonly [number, number, number]
  /** `spine` from the rump to the chest, standing. */
  body: Stations
  /** Where the neck leaves the body (y, z), its length, its radii at both ends (across, up), and how far it sags, in lengths. */
  neck: { at: Point2; length: number; radii: readonly [number, number, number, number]; sag?: number }
  /** The head about the end of the neck, facing +z, with all that is on it. */
  head: Solid
  /** Half distance of the legs, height of the joint and z; radii of thigh, knee and shin; length and radius of the foot. */
  front: readonly [x: number, y: number, z: number]
  hind: readonly [x: number, y: number, z: number]
  leg: readonly [thigh: number, knee: number, shin: number]
  foot: { length: number; radius: number; hoof?: boolean }
  /** The tail about its root. */
  tail: Solid
  tailAt: Point2
}

export interface Pose {
  kind: 'stand' | 'walk' | 'run' | 'sit' | 'lie' | 'rear'
  /** Angles above the horizon, in degrees. */
  neck: number
  head: number
  /** Turn of the body that raises its front; sitting and rearing have their own. */
  pitch?: number
}

const skinned = (solid: Solid, { surface, colour }: Beast) => solid.of('body', surface, colour)
const radians = (degrees: number) => (degrees * Math.PI) / 180

/** One leg from its joint to the ground `length` below, swung forward by an angle. */
function leg(beast: Beast, length: number, hind: boolean, swing: number): Solid {
  const [thigh, knee, shin] = beast.leg
  const { radius, length: foot, hoof = false } = beast.foot
  const back = (hind ? 0.1 : -0.02) * length
  const bone = limb([
    [0, 0, 0, hind ? thigh * 1.15 : thigh],
    [0, -(hind ? 0.38 : 0.42) * length, back, knee],
    [0, -(hind ? 0.66 : 0.68) * length, hind ? -back : 0, shin],
    [0, radius - length, hind ? -0.3 * back : 0, shin],
  ])
  const end = hoof
    ? cone(radius * 1.5, radius * 3, 8)
        .move(0, -length, foot * 0.3)
        .of('hooves', 'bone')
    : skinned(
        ellipsoid(radius * 1.15, radius, foot / 2 + radius, { segments: 7, rings: 4 }).move(0, radius - length, foot / 2),
        beast,
      )
  return skinned(bone, beast)
    .and(end)
    .turn('x', -swing)
    .scale(1, 1 / Math.cos(radians(swing)), 1)
}

/** The hind leg of an animal that sits or lies: a thigh at a height, and the paw before it on the ground. */
function foldedHindLeg({ hind: [x, y, z], leg: [thigh, , shin], foot }: Beast, height: number): Solid {
  const upper = ellipsoid(thigh * 1.2, y * 0.28, y * 0.3, { segments: 10, rings: 6 }).turn('x', 25)
  const paw = limb([
    [x * 1.6, shin, z + y * 0.05, shin],
    [x * 1.6, shin, z + y * 0.36 + foot.length, shin * 1.1],
  ])
  return upper.move(x * 1.25, Math.max(height * 0.75, y * 0.25), z + y * 0.12).and(paw)
}

/** The front leg of an animal that lies, from its joint (y, z) forward along the ground. */
function foldedFrontLeg({ front: [x, length], leg: [thigh, knee, shin] }: Beast, [y, z]: Point2): Solid {
  return limb([
    [x * 1.15, y, z, thigh],
    [x * 1.15, knee, z - length * 0.08, knee],
    [x * 1.15, shin, z + length * 0.3, shin],
    [x * 1.15, shin, z + length * 0.45, shin * 1.1],
  ])
}

/** The leg of a rearing animal that hangs from its joint, bent backwards. */
const hangingLeg = (beast: Beast, more: number) =>
  leg(beast, beast.front[1] * 0.8, true, 52 + more)
    .scale(1, 1, -1)
    .turn('x', -70 - more)

/** The four legs; `low` is how far the body is let down, `shoulder` where the front legs are (y, z). */
function legs(beast: Beast, { kind }: Pose, low: number, shoulder: Point2): Solid {
  const { front, hind } = beast
  const swing = { stand: 0, walk: 17, run: 34, sit: 0, lie: 0, rear: 6 }[kind]
  const sides = [1, -1].map((side) => {
    const hindLeg =
      kind === 'sit' || kind === 'lie'
        ? skinned(foldedHindLeg(beast, hind[1] - low).scale(side, 1, 1), beast)
        : leg(beast, hind[1], true, side * swing).move(side * hind[0], hind[1], hind[2])
    if (kind === 'lie') return hindLeg.and(skinned(foldedFrontLeg(beast, shoulder).scale(side, 1, 1), beast))
    // Trotting, a front leg goes with the hind leg across; at a gallop with that of its own side.
    const forward = kind === 'run' ? side * swing + 12 : kind === 'walk' ? -side * swing : 0
    const frontLeg = kind === 'rear' ? hangingLeg(beast, side * 14) : leg(beast, shoulder[0], false, forward)
    return hindLeg.and(frontLeg.move(side * front[0], ...shoulder))
  })
  return union(...sides)
}

/** The neck from (y, z) on, at an angle above the horizon, and its end (y, z). */
function neckOf(
  { length, radii: [w0, h0, w1, h1], sag = 0.05 }: Beast['neck'],
  [y, z]: Point2,
  degrees: number,
): [Solid, Point2] {
  const [cos, sin] = [Math.cos(radians(degrees)), Math.sin(radians(degrees))]
  const at = (t: number, aside: number): Point2 => [z + length * (t * cos + aside * sin), y + length * (t * sin - aside * cos)]
  const neck = spine(
    [
      [...at(-0.15, 0), w0, h0],
      [...at(0.2, sag * 0.8), w0 * 0.85 + w1 * 0.15, h0 * 0.8 + h1 * 0.2],
      [...at(0.6, sag), (w0 + 2 * w1) / 3, (h0 + 2 * h1) / 3],
      [...at(1, 0), w1, h1],
    ],
    { steps: 2, up: [0, cos, -sin] },
  )
  return [neck, [y + length * sin, z + length * cos]]
}

/** A four-legged animal in a pose. */
export function fourLegged(beast: Beast, pose: Pose): Solid {
  const [, hipY, hipZ] = beast.hind
  const pitch = pose.pitch ?? { sit: 46, rear: 50, stand: 0, walk: 0, run: 4, lie: 0 }[pose.kind]
  const trunk = spine(beast.body, { sides: 12 }).move(0, -hipY, -hipZ).turn('x', -pitch).move(0, hipY, hipZ)
  const low = pose.kind === 'sit' || pose.kind === 'lie' ? trunk.box.low[1] : 0
  const [cos, sin] = [Math.cos(radians(pitch)), Math.sin(radians(pitch))]
  /** Where a point of the standing animal is in the pose. */
  const posed = ([y, z]: Point2): Point2 => [
    hipY - low + cos * (y - hipY) + sin * (z - hipZ),
    hipZ - sin * (y - hipY) + cos * (z - hipZ),
  ]
  const [neck, poll] = neckOf(beast.neck, posed(beast.neck.at), pose.neck)
  return union(
    skinned(trunk.move(0, -low, 0).and(neck), beast),
    beast.head.turn('x', -pose.head).move(0, ...poll),
    legs(beast, pose, low, posed([beast.front[1], beast.front[2]])),
    beast.tail.turn('x', pose.kind === 'sit' ? -20 : 0).move(0, ...posed(beast.tailAt)),
  )
}
