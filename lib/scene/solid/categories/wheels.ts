// Parts of vehicles: wheels on axles, bodies with wheel arches, cabins with windows.

import { arc, box, cylinder, type Point2, type Point3, prism, type Solid, skin, torus, tube, union, xyz } from '../kit/index.js'
import type { Surface } from '../mesh.js'

/** A wheel with a tyre and a hub cap, about the x axis. */
export function tyredWheel(radius: number, width: number): Solid {
  const tyre = cylinder(radius, width, { round: width * 0.3, segments: 18 }).of('tyres', 'rubber')
  const cap = cylinder(radius * 0.58, width * 1.1, { segments: 12 })
    .of('wheels', 'metal')
    .move(0, -width * 0.05)
  return tyre
    .and(cap)
    .move(0, -width / 2)
    .turn('z', 90)
}

/** A wheel of a thin rim on spokes, about the x axis. */
export function spokedWheel(
  radius: number,
  options: { spokes?: number; rim?: number; spoke?: number; surface?: Surface; segments?: number } = {},
): Solid {
  const { spokes = 12, rim = radius * 0.06, spoke = radius * 0.015, surface = 'rubber', segments = 22 } = options
  const wire = tube(xyz([0, 0, 0, radius - rim, 0, 0]), spoke, { sides: segments < 20 ? 3 : 4 })
    .around(spokes)
    .of('spokes', surface === 'wood' ? 'wood' : 'metal')
  const hub = cylinder(radius * 0.1 + spoke, rim * 3, { segments: 8 })
    .move(0, rim * -1.5)
    .of('spokes', surface === 'wood' ? 'wood' : 'metal')
  return union(
    torus(radius - rim, [rim, rim * 0.8], { segments, sides: segments < 20 ? 4 : 5 }).of('wheels', surface),
    wire,
    hub,
  ).turn('z', 90)
}

/** A wheel for rails: a conical disc, about the x axis. */
export function railWheel(radius: number, width: number): Solid {
  const disc = cylinder(radius, width, { top: radius * 0.85, segments: 12 }).move(0, -width / 2)
  return disc.of('wheels', 'metal').turn('z', 90)
}

/** A pair of wheels that stand on the ground at ±x. */
export function pair(wheel: Solid, x: number, z: number): Solid {
  return wheel.stand().move(x, 0, z).mirrored('x')
}

/** A side view (z to the right, y up) given a width along x. */
export function sideways(outline: readonly Point2[], width: number, options: { bevel?: number } = {}): Solid {
  return prism(outline, width, options).turn('y', -90)
}

/** The lower edge of a side view from back to front, with an arch over each wheel (its radius and z). */
export function arches(back: number, front: number, floor: number, radius: number, wheels: readonly number[]): Point2[] {
  const arch = radius * 1.16
  const low = (Math.asin((floor - radius) / arch) * 180) / Math.PI
  return [[back, floor], ...wheels.flatMap((z) => arc(z, radius, arch, 180 - low, low, 7)), [front, floor]]
}

export interface Windows {
  /** Back and front z of the foot, then of the roof. */
  z: readonly [number, number, number, number]
  /** Height of the foot and of the roof. */
  y: readonly [number, number]
  /** Half widths at the foot and at the roof. */
  x: readonly [number, number]
  pillars?: readonly number[]
}

/** The upper part of a car: panes of glass under a roof, with pillars at the corners and at parts of the length. */
export function cabin({
  z: [back, front, backTop, frontTop],
  y: [low, high],
  x: [half, halfTop],
  pillars = [0, 0.5, 1],
}: Windows): Solid {
  const ring = (b: number, f: number, x: number, y: number): Point3[] => xyz([x, y, b, x, y, f, -x, y, f, -x, y, b])
  const glass = skin([ring(back, front, half, low - 0.02), ring(backTop, frontTop, halfTop, high)]).of('windows', 'glass')
  const roof = box(2 * halfTop + 0.06, 0.07, frontTop - backTop + 0.1, 0.03).move(0, high, (frontTop + backTop) / 2)
  const posts = pillars.map((t) =>
    tube(xyz([half, low - 0.02, back + t * (front - back), halfTop, high, backTop + t * (frontTop - backTop)]), 0.035, {
      sides: 5,
    }).mirrored('x'),
  )
  return glass.and(union(roof, ...posts).of('body', 'paint'))
}
