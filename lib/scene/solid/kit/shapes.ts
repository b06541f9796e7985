// The basic solids: boxes, prisms, solids of revolution, tubes along paths, lofts between outlines.
import { StriateError } from '../../../errors.js'
import { ellipse, inset, rectangle, triangulate, twiceArea } from './outline.js'
import { type Point2, type Point3, piece, type Solid } from './solid.js'

/** Triangles between two rings of `count` points each, the first beginning at `a`, the second at `b`. */
function band(count: number, a: number, b: number): number[] {
  return Array.from({ length: count }, (_, i) => i).flatMap((i) => {
    const next = (i + 1) % count
    return [a + i, a + next, b + next, a + i, b + next, b + i]
  })
}

/**
 * A solid with a skin over rings of equally many points, in order; a ring of one repeated point is a tip. `closed` joins the last ring to the
 * first; else both ends are capped flat.
 */
export function skin(rings: readonly (readonly Point3[])[], options: { closed?: boolean; crease?: number } = {}): Solid {
  const { closed = false, crease = 46 } = options
  const count = rings[0]!.length
  const points = rings.flat()
  const triangles: number[] = []
  for (let r = 0; r < rings.length - (closed ? 0 : 1); r++)
    triangles.push(...band(count, r * count, ((r + 1) % rings.length) * count))
  if (!closed) {
    triangles.push(...cap(rings[0]!, 0, points).reverse())
    triangles.push(...cap(rings[rings.length - 1]!, (rings.length - 1) * count, points))
  }
  return piece(points, triangles, crease)
}

/** Triangles over a nearly flat ring: a fan about its middle where that sees every edge, else a triangulation. */
function cap(ring: readonly Point3[], first: number, points: Point3[]): number[] {
  const count = ring.length
  const middle: Point3 = [0, 1, 2].map((i) => ring.reduce((sum, p) => sum + p[i]!, 0) / count) as unknown as Point3
  const normals = ring.map((p, i) => {
    const q = ring[(i + 1) % count]!
    const [ux, uy, uz] = [p[0] - middle[0], p[1] - middle[1], p[2] - middle[2]]
    const [vx, vy, vz] = [q[0] - middle[0], q[1] - middle[1], q[2] - middle[2]]
    return [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx] as const
  })
  const sum = [0, 1, 2].map((i) => normals.reduce((total, n) => total + n[i]!, 0))
  const size = Math.hypot(...sum)
  if (size < 1e-14) return [] // a tip
  // Edges that collapse to a point (corners of no radius) do not count.
  const seen = normals.every((n, i) => {
    const share = (n[0] * sum[0]! + n[1] * sum[1]! + n[2] * sum[2]!) / size ** 2
    return share > 1e-5 || distance(ring[i]!, ring[(i + 1) % count]!) < 1e-6
  })
  if (seen) {
    points.push(middle)
    return ring.flatMap((_, i) => [first + i, first + ((i + 1) % count), points.length - 1])
  }
  const flat = project(ring, sum)
  return triangulate(flat).map((i) => first + i)
}

/** A ring on the plane across a normal, seen from its tip. */
function project(ring: readonly Point3[], normal: readonly number[]): Point2[] {
  const size = Math.hypot(...normal)
  const n = normal.map((c) => c / size) as unknown as Point3
  const u = unit(crossed(Math.abs(n[1]) < 0.9 ? [0, 1, 0] : [0, 0, 1], n))
  const v = crossed(n, u)
  return ring.map((p) => [dot(p, u), dot(p, v)])
}

const dot = (a: Point3, b: Point3) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
export const crossed = (a: Point3, b: Point3): Point3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
]
const unit = (a: Point3): Point3 => {
  const length = Math.hypot(...a)
  return [a[0] / length, a[1] / length, a[2] / length]
}

/** A box about the origin; `round` rounds all its edges. */
export function box(width: number, height: number, depth: number, round = 0): Solid {
  const radius = Math.min(round, width / 2, height / 2, depth / 2) * 0.999
  if (radius <= 0) return prism(rectangle(width, height), depth)
  const layer = (y: number, angle: number) => {
    const less = 2 * radius * (1 - Math.cos(angle))
    const ring = rectangle(width - less, depth - less, radius * Math.cos(angle) + 1e-9, 2)
    return ring.map(([x, z]): Point3 => [x, y * (height / 2 - radius + radius * Math.sin(angle)), z])
  }
  const angles = [0, Math.PI / 4, Math.PI / 2]
  return skin([...angles.map((angle) => layer(-1, angle)).reverse(), ...angles.map((angle) => layer(1, angle))], { crease: 50 })
}

/**
 * An outline in the xy plane (front view, right is +x) given a depth along z, about z = 0; with holes, and with `bevel` cut off the edges of
 * both faces.
 */
export function prism(
  outline: readonly Point2[],
  depth: number,
  options: { holes?: readonly (readonly Point2[])[]; bevel?: number } = {},
): Solid {
  const { holes = [], bevel = 0 } = options
  const rings = [outline, ...holes].map((ring, i) => (Math.sign(twiceArea(ring)) === (i ? -1 : 1) ? ring : [...ring].reverse()))
  const shrunk = bevel > 0 ? rings.map((ring, i) => inset(ring, i ? -bevel : bevel)) : rings
  const [first, ...others] = shrunk as [Point2[], ...Point2[][]]
  const layers: [readonly (readonly Point2[])[], number][] =
    bevel > 0
      ? [
          [shrunk, -depth / 2],
          [rings, bevel - depth / 2],
          [rings, depth / 2 - bevel],
          [shrunk, depth / 2],
        ]
      : [
          [rings, -depth / 2],
          [rings, depth / 2],
        ]
  const flat = triangulate(first, others)
  const perLayer = rings.reduce((sum, ring) => sum + ring.length, 0)
  const points = layers.flatMap(([set, z]) => set.flatMap((ring) => ring.map(([x, y]): Point3 => [x, y, z])))
  const triangles = [...[...flat].reverse(), ...flat.map((i) => i + (layers.length - 1) * perLayer)]
  let start = 0
  for (const ring of rings) {
    for (let l = 0; l + 1 < layers.length; l++)
      triangles.push(...band(ring.length, l * perLayer + start, (l + 1) * perLayer + start))
    start += ring.length
  }
  return piece(points, triangles, bevel > 0 ? 40 : 46)
}

/**
 * A solid of revolution about the y axis, of a profile [radius, height] from bottom to top; ends off the axis are capped. A profile that goes up
 * outside and down inside is a hollow vessel (`vessel` makes it of the outside alone). A negative radius is none.
 */
export function lathe(profile: readonly Point2[], options: { segments?: number; crease?: number } = {}): Solid {
  const { segments = 24, crease = 46 } = options
  const rings = profile.map(([radius, y]) =>
    ellipse(Math.max(radius, 0), Math.max(radius, 0), segments).map(([x, z]): Point3 => [x, y, z]),
  )
  return skin(rings, { crease })
}

/** A vessel open at the top: the profile of its outside from bottom to rim, never downwards, and the thickness of its wall. */
export function vessel(profile: readonly Point2[], wall: number, options: { segments?: number; crease?: number } = {}): Solid {
  const fall = profile.findIndex(([, y], i) => i > 0 && y < profile[i - 1]![1])
  if (fall > 0)
    throw new StriateError({
      op: 'vessel',
      argument: `profile[${fall}]`,
      actual: 'lower than the point before it',
      expected: 'a profile from bottom to rim',
    })
  const rim = profile[profile.length - 1]!
  const floor = profile[0]![1] + wall
  const above = Math.max(
    1,
    profile.findIndex(([, y]) => y > floor),
  )
  const [[lowR, lowY], [highR, highY]] = [profile[above - 1]!, profile[above]!]
  const bottom = lowR + (highR - lowR) * Math.min(1, (floor - lowY) / (highY - lowY)) - wall
  const inside = profile.slice(above, -1).flatMap(([r, y], i): Point2[] => {
    const [before, after] = [profile[above + i - 1]!, profile[above + i + 1]!]
    // Level stretches are as thick as steep ones, up to twice the wall sideways.
    const sideways = wall * Math.min(2, Math.hypot(1, (after[0] - before[0]) / Math.max(after[1] - before[1], 1e-9)))
    return r - sideways > wall / 4 ? [[r - sideways, y]] : []
  })
  return lathe(
    [...profile, [rim[0] - wall, rim[1]], ...inside.reverse(), [Math.max(bottom, wall / 8), floor], [0, floor]],
    options,
  )
}

/** A cylinder standing on y = 0; `top` is the upper radius (0: a cone), `round` the rounding of both edges. */
export function cylinder(
  radius: number,
  height: number,
  options: { top?: number; round?: number; segments?: number } = {},
): Solid {
  const { top = radius, round = 0, segments = 24 } = options
  if (round <= 0)
    return lathe(
      [
        [radius, 0],
        [top, height],
      ],
      { segments },
    )
  const turns = [0, 1, 2].map((i) => (i * Math.PI) / 4)
  const lower = turns.map((a): Point2 => [radius - round + round * Math.sin(a), round - round * Math.cos(a)])
  const upper = turns.map((a): Point2 => [top - round + round * Math.cos(a), height - round + round * Math.sin(a)])
  return lathe([...lower, ...upper], { segments, crease: 50 })
}

/** A cone standing on y = 0. */
export function cone(radius: number, height: number, segments = 24): Solid {
  return cylinder(radius, height, { top: 0, segments })
}

/**
 * An ellipsoid about the origin. Exponents other than 2 make a superquadric: `vertical` shapes its outline seen from the side, `across` seen from
 * above (above 2 boxy, below 2 pointed).
 */
export function ellipsoid(
  x: number,
  y: number,
  z: number,
  options: { segments?: number; rings?: number; vertical?: number; across?: number } = {},
): Solid {
  const { segments = 20, rings = 10, vertical = 2, across = 2 } = options
  const power = (value: number, exponent: number) => Math.sign(value) * Math.abs(value) ** (2 / exponent)
  const layers = Array.from({ length: rings + 1 }, (_, i) => {
    const latitude = Math.PI * (i / rings - 0.5)
    const radius = i === 0 || i === rings ? 0 : power(Math.cos(latitude), vertical)
    return ellipse(1, 1, segments).map(
      ([a, b]): Point3 => [x * radius * power(a, across), y * power(Math.sin(latitude), vertical), z * radius * power(b, across)],
    )
  })
  return skin(layers, { crease: 60 })
}

export function sphere(radius: number, options: { segments?: number; rings?: number } = {}): Solid {
  return ellipsoid(radius, radius, radius, options)
}

/** A ring about the y axis: `radius` to the middle of the tube, which is `thickness` in radius (or two radii: across, along y). */
export function torus(radius: number, thickness: number | Point2, options: { segments?: number; sides?: number } = {}): Solid {
  const { segments = 24, sides = 10 } = options
  const [a, b] = typeof thickness === 'number' ? [thickness, thickness] : thickness
  const path = ellipse(1, 1, segments)
  return skin(
    path.map(([cos, sin]) => ellipse(a, b, sides).map(([r, y]): Point3 => [(radius + r) * cos, y, (radius + r) * sin])),
    { closed: true },
  )
}

export interface SweepOptions {
  /** The path ends where it begins. */
  closed?: boolean
  /** Factor of the outline's size at t from 0 to 1 along the path: a number, or one for each of its two axes; 0 at an end is a tip. */
  size?: (t: number) => number | Point2
  /** Turn of the outline about the path from its begin to its end, in degrees. */
  twist?: number
  /** What the outline's second axis points to where the path allows it (default up, or -z for an upright path). */
  up?: Point3
  crease?: number
}

/** An outline carried along a path in space, always across it and without twist of its own. */
export function sweep(outline: readonly Point2[], path: readonly Point3[], options: SweepOptions = {}): Solid {
  const { closed = false, size = () => 1, twist = 0, crease = 46 } = options
  const count = path.length
  const at = (i: number) => path[closed ? (i + count) % count : Math.min(Math.max(i, 0), count - 1)]!
  const lengths = [0]
  for (let i = 1; i < count; i++) lengths.push(lengths[i - 1]! + distance(path[i - 1]!, path[i]!))
  const total = lengths[count - 1]! + (closed ? distance(path[count - 1]!, path[0]!) : 0)
  const tangents = path.map((_, i) => unit(minus(at(i + 1), at(i - 1))))
  const wanted = options.up ?? (Math.abs(tangents[0]![1]) > 0.9 ? [0, 0, -1] : [0, 1, 0])
  // Each frame is the one before, turned by the least that keeps it across the path.
  const ups: Point3[] = []
  for (const tangent of tangents) ups.push(across(ups[ups.length - 1] ?? wanted, tangent))
  let residue = 0
  if (closed) {
    const back = across(ups[count - 1]!, tangents[0]!)
    residue = Math.atan2(dot(crossed(back, ups[0]!), tangents[0]!), dot(back, ups[0]!))
  }
  const rings = path.map((centre, i) => {
    const t = lengths[i]! / total
    const turn = t * (residue + (twist * Math.PI) / 180)
    const right = crossed(ups[i]!, tangents[i]!)
    const factor = size(t)
    const [fx, fy] = typeof factor === 'number' ? [factor, factor] : factor

    return outline.map(([a, b]): Point3 => {
      const [u, v] = [a * fx, b * fy]
      const [r, s] = [Math.cos(turn) * u - Math.sin(turn) * v, Math.sin(turn) * u + Math.cos(turn) * v]
      return [0, 1, 2].map((k) => centre[k]! + r * right[k]! + s * ups[i]![k]!) as unknown as Point3
    })
  })
  return skin(rings, { closed, crease })
}

export const minus = (a: Point3, b: Point3): Point3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
const distance = (a: Point3, b: Point3) => Math.hypot(...minus(a, b))
const across = (vector: Point3, tangent: Point3): Point3 => {
  const along = dot(vector, tangent)
  return unit([0, 1, 2].map((k) => vector[k]! - along * tangent[k]!) as unknown as Point3)
}

/**
 * A round tube along a path (smooth it by `curve`). `radius` is a number or a function of t from 0 to 1, of one radius or two (across, up); ends
 * are flat, or `round`.
 */
export function tube(
  path: readonly Point3[],
  radius: number | ((t: number) => number | Point2),
  options: { sides?: number; closed?: boolean; round?: boolean; up?: Point3 } = {},
): Solid {
  const { sides = 8, closed = false, round = false, ...others } = options
  const size = typeof radius === 'number' ? () => radius : radius
  if (!round || closed) return sweep(ellipse(1, 1, sides), path, { ...others, closed, size, crease: 60 })
  // Round ends: three more rings at each, shrinking on a circle of the end's radius.
  const last = path.length - 1
  const lengths = [0]
  for (let i = 1; i <= last; i++) lengths.push(lengths[i - 1]! + distance(path[i - 1]!, path[i]!))
  const total = lengths[last]!
  const mean = (t: number) => {
    const value = size(t)
    return typeof value === 'number' ? value : (value[0] + value[1]) / 2
  }
  const [begin, end] = [mean(0), mean(1)]
  const outer = (from: Point3, to: Point3, by: number) => {
    const direction = unit(minus(to, from))
    return [0, 1, 2].map((k) => to[k]! + by * direction[k]!) as unknown as Point3
  }
  const angles = [30, 60, 90].map((a) => (a * Math.PI) / 180)
  const longer = [
    ...angles.map((a) => outer(path[1]!, path[0]!, begin * Math.sin(a))).reverse(),
    ...path,
    ...angles.map((a) => outer(path[last - 1]!, path[last]!, end * Math.sin(a))),
  ]
  const whole = begin + total + end
  const dome = (t: number, factor: number): number | Point2 => {
    const value = size(t)
    return typeof value === 'number' ? value * factor : [value[0] * factor, value[1] * factor]
  }
  const rounded = (t: number) => {
    const along = t * whole - begin
    if (along < 0) return dome(0, Math.sqrt(Math.max(0, 1 - (along / begin) ** 2)))
    if (along > total) return dome(1, Math.sqrt(Math.max(0, 1 - ((along - total) / end) ** 2)))
    return size(along / total)
  }
  return sweep(ellipse(1, 1, sides), longer, { ...others, size: (t) => (t <= 0 || t >= 1 - 1e-12 ? 0 : rounded(t)), crease: 60 })
}

/** A straight round rod from point to point. */
export function rod(from: Point3, to: Point3, radius: number, sides = 8): Solid {
  return tube([from, to], radius, { sides })
}

/** An outline at a height: the layers of `loft`. */
export interface Layer {
  /** In the xz plane (its second coordinate is z); all layers of a loft have equally many points. */
  readonly outline: readonly Point2[]
  readonly y: number
  readonly x?: number
  readonly z?: number
  /** Factor of the outline's size; 0 is a tip. */
  readonly size?: number
}

/** A solid between outlines at heights, from bottom to top. */
export function loft(layers: readonly Layer[], options: { crease?: number } = {}): Solid {
  return skin(
    layers.map(({ outline, y, x = 0, z = 0, size = 1 }) => outline.map(([a, b]): Point3 => [x + a * size, y, z + b * size])),
    options,
  )
}
