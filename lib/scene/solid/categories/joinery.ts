// What furniture and fittings are put together from.
import { arc, box, cylinder, lathe, type Point2, type Point3, prism, type Solid, tube, union, xyz } from '../kit/index.js'

/** A box between two corners. */
export function block([x0, y0, z0]: Point3, [x1, y1, z1]: Point3, round = 0): Solid {
  return box(x1 - x0, y1 - y0, z1 - z0, round).move((x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2)
}

/** A straight bar of round section. */
export function bar(from: Point3, to: Point3, radius: number, sides = 8): Solid {
  return tube([from, to], radius, { sides })
}

/** One solid at the four corners of a rectangle of these half sides, mirrored so that all lean alike. */
export function corners(one: Solid, x: number, z: number): Solid {
  return one.move(x, 0, z).mirrored('x').mirrored('z')
}

export const legKinds = ['square', 'tapered', 'turned', 'splayed', 'round'] as const
export type LegKind = (typeof legKinds)[number]

/** Four legs from the floor to a height, inside a rectangle of these half sides. */
export function fourLegs(kind: LegKind, height: number, x: number, z: number, size: number): Solid {
  if (kind === 'square') return corners(block([-size, 0, -size], [0, height, 0]), x, z)
  if (kind === 'tapered')
    return corners(
      box(size, height, size)
        .taper('y', 0.5, 1.1)
        .stand()
        .move(-size / 2, 0, -size / 2),
      x,
      z,
    )
  if (kind === 'splayed')
    return corners(
      tube(xyz([0, 0, 0, -1.6 * size, height, -1.6 * size]), (t) => size * (0.3 + 0.3 * t)),
      x,
      z,
    )
  if (kind === 'round') return corners(cylinder(size * 0.45, height, { segments: 10 }).move(-size / 2, 0, -size / 2), x, z)
  const profile = [
    [0.3, 0],
    [0.45, 0.08],
    [0.28, 0.16],
    [0.5, 0.45],
    [0.32, 0.7],
    [0.5, 0.76],
    [0.5, 1],
  ] as const
  return corners(
    lathe(
      profile.map(([r, y]) => [r * size, y * height] as const),
      { segments: 10 },
    ).move(-size / 2, 0, -size / 2),
    x,
    z,
  )
}

export type HandleKind = 'knob' | 'bar' | 'cup'

/** A handle on a front that faces +z at the origin. */
export function handle(kind: HandleKind, size: number): Solid {
  if (kind === 'knob') return cylinder(size * 0.25, size * 0.4, { round: size * 0.08, segments: 10 }).turn('x', 90)
  if (kind === 'cup') return box(size, size * 0.35, size * 0.3, size * 0.1).move(0, 0, size * 0.12)
  return union(
    bar([-size, 0, size * 0.4], [size, 0, size * 0.4], size * 0.12, 6),
    ...[-0.8, 0.8].map((x) => bar([x * size, 0, 0], [x * size, 0, size * 0.4], size * 0.12, 6)),
  )
}

/** Fronts of drawers, one above the other, between two heights, on the plane z with a gap around each. */
export function drawers(
  rows: readonly number[],
  [x0, x1]: readonly [number, number],
  [y0, y1]: readonly [number, number],
  z: number,
  kind: HandleKind,
): { fronts: Solid; handles: Solid } {
  const total = rows.reduce((sum, row) => sum + row, 0)
  const gap = 0.012
  let at = y0
  const fronts: Solid[] = []
  const handles: Solid[] = []
  for (const row of rows) {
    const top = at + ((y1 - y0) * row) / total
    fronts.push(block([x0 + gap, at + gap, z - 0.01], [x1 - gap, top - gap, z + 0.02]))
    const places = x1 - x0 > 0.7 ? [0.25, 0.75] : [0.5]
    for (const share of places) handles.push(handle(kind, 0.045).move(x0 + share * (x1 - x0), (at + top) / 2, z + 0.02))
    at = top
  }
  return { fronts: union(...fronts), handles: union(...handles) }
}

/** A door leaf on the plane z, with a raised or sunk frame and its handle by the side that opens. */
export function doorFront(
  [x0, x1]: readonly [number, number],
  [y0, y1]: readonly [number, number],
  z: number,
  opens: 'left' | 'right',
): { fronts: Solid; handles: Solid } {
  const gap = 0.012
  const w = Math.min(0.07, (x1 - x0) / 5)
  const panel = block([x0 + gap, y0 + gap, z - 0.01], [x1 - gap, y1 - gap, z + 0.012])
  const frame = union(
    block([x0 + gap, y0 + gap, z], [x0 + w, y1 - gap, z + 0.03]),
    block([x1 - w, y0 + gap, z], [x1 - gap, y1 - gap, z + 0.03]),
    block([x0 + w, y0 + gap, z], [x1 - w, y0 + w, z + 0.03]),
    block([x0 + w, y1 - w, z], [x1 - w, y1 - gap, z + 0.03]),
  )
  const x = opens === 'left' ? x0 + w / 2 : x1 - w / 2
  return {
    fronts: panel.and(frame),
    handles: bar([x, (y0 + y1) / 2 - 0.07, z + 0.05], [x, (y0 + y1) / 2 + 0.07, z + 0.05], 0.012, 6),
  }
}

export const steel = [0.55, 0.55, 0.56] as const

/** A knob of a stove, its axis along z. */
export const dial = (r: number): Solid =>
  cylinder(r, r * 0.8, { segments: 12 })
    .turn('x', 90)
    .and(block([-r * 0.15, -r, 0], [r * 0.15, r, r]))

/** A shape with an arched top: half its width, and its height to the crown. */
export const arched = (half: number, height: number): Point2[] => [
  [-half, 0],
  [half, 0],
  ...arc(0, height - half, half, 0, 180, 12),
]

/** An opening's casing: the outline less the same drawn in by `width`. */
export const casing = (outline: readonly Point2[], inner: readonly Point2[], depth: number): Solid =>
  prism(outline, depth, { holes: [inner] })
