// Outlines and paths: lists of points in the plane or in space from which solids are made.
import { StriateError } from '../../../errors.js'
import type { Point2, Point3 } from './solid.js'

/** Points of the plane, written x, y, x, y and so on (or as lists of such numbers). */
export function xy(...coordinates: readonly (number | readonly number[])[]): Point2[] {
  const flat = coordinates.flat()
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!])
}

/** Points of space, written x, y, z, x, y, z and so on (or as lists of such numbers). */
export function xyz(...coordinates: readonly (number | readonly number[])[]): Point3[] {
  const flat = coordinates.flat()
  return Array.from({ length: flat.length / 3 }, (_, i) => [flat[3 * i]!, flat[3 * i + 1]!, flat[3 * i + 2]!])
}

/** Points of an arc about (x, y) from one angle to another (degrees, counter-clockwise from +x), both ends included. */
export function arc(x: number, y: number, radius: number, from: number, to: number, steps = 8): Point2[] {
  return Array.from({ length: steps + 1 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / steps) * Math.PI) / 180
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)]
  })
}

/** An ellipse about the origin; a circle where only one radius is given. */
export function ellipse(radiusX: number, radiusY = radiusX, points = 24): Point2[] {
  return arc(0, 0, 1, 0, 360 - 360 / points, points - 1).map(([x, y]) => [x * radiusX, y * radiusY])
}

/** A superellipse: exponent 2 is an ellipse, 4 nearly a rectangle, 1 a diamond. */
export function superellipse(radiusX: number, radiusY: number, exponent: number, points = 24): Point2[] {
  return ellipse(1, 1, points).map(([x, y]) => [
    radiusX * Math.sign(x) * Math.abs(x) ** (2 / exponent),
    radiusY * Math.sign(y) * Math.abs(y) ** (2 / exponent),
  ])
}

/** A rectangle about the origin, its corners rounded by `round` in `steps`. */
export function rectangle(width: number, height: number, round = 0, steps = 3): Point2[] {
  const radius = Math.min(round, width / 2, height / 2)
  const corner = (x: number, y: number, from: number) =>
    arc(x * (width / 2 - radius), y * (height / 2 - radius), radius, from, from + 90, steps)
  if (radius <= 0)
    return [
      [-width / 2, -height / 2],
      [width / 2, -height / 2],
      [width / 2, height / 2],
      [-width / 2, height / 2],
    ]
  return [...corner(1, 1, 0), ...corner(-1, 1, 90), ...corner(-1, -1, 180), ...corner(1, -1, 270)]
}

/** A star of `points` tips, the first one upwards; a regular polygon of twice as many corners where both radii are alike. */
export function star(points: number, outer: number, inner: number): Point2[] {
  return Array.from({ length: 2 * points }, (_, i) => {
    const angle = Math.PI / 2 + (Math.PI * i) / points
    const radius = i % 2 ? inner : outer
    return [radius * Math.cos(angle), radius * Math.sin(angle)]
  })
}

/** A regular polygon, its first corner upwards. */
export function polygon(corners: number, radius: number): Point2[] {
  return arc(0, 0, radius, 90, 450 - 360 / corners, corners - 1)
}

/** The right half of an outline (from bottom to top, or from top to bottom), completed by its mirror image at x = 0. */
export function symmetric(half: readonly Point2[]): Point2[] {
  const left = half.filter(([x]) => x > 0).map(([x, y]): Point2 => [-x, y])
  return [...half, ...left.reverse()]
}

/** A smooth curve through all points (Catmull-Rom), `steps` segments from each point to the next; closed where asked for. */
export function curve<P extends Point2 | Point3>(points: readonly P[], options: { steps?: number; closed?: boolean } = {}): P[] {
  const { steps = 4, closed = false } = options
  const count = points.length
  const at = (i: number): P => points[closed ? (i + count) % count : Math.min(Math.max(i, 0), count - 1)]!
  const out: P[] = []
  for (let i = 0; i < (closed ? count : count - 1); i++) {
    const [a, b, c, d] = [at(i - 1), at(i), at(i + 1), at(i + 2)]
    for (let s = 0; s < steps; s++) {
      const t = s / steps
      out.push(
        b.map((value, k) => {
          const [p, q, r] = [a[k]!, c[k]!, d[k]!]
          return value + 0.5 * t * (q - p + t * (2 * p - 5 * value + 4 * q - r + t * (3 * (value - q) + r - p)))
        }) as unknown as P,
      )
    }
  }
  return closed ? out : [...out, points[count - 1]!]
}

/** Points of a plane put into space: 'xy' at depth z, 'xz' at height y, 'yz' (first coordinate y, second z) at x. */
export function inPlane(plane: 'xy' | 'xz' | 'yz', points: readonly Point2[], offset = 0): Point3[] {
  return points.map(([a, b]) => (plane === 'xy' ? [a, b, offset] : plane === 'xz' ? [a, offset, b] : [offset, a, b]))
}

/** A screw line about the y axis. */
export function helix(radius: number, height: number, turns: number, stepsPerTurn = 12): Point3[] {
  const steps = Math.max(2, Math.round(turns * stepsPerTurn))
  return Array.from({ length: steps + 1 }, (_, i) => {
    const angle = (2 * Math.PI * turns * i) / steps
    return [radius * Math.cos(angle), (height * i) / steps, radius * Math.sin(angle)]
  })
}

/** Twice the area of an outline: positive where it runs counter-clockwise. */
export function twiceArea(outline: readonly Point2[]): number {
  return outline.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = outline[(i + 1) % outline.length]!
    return sum + x * nextY - nextX * y
  }, 0)
}

/** The outline moved inwards by `distance` at each edge (outwards where negative), point for point. */
export function inset(outline: readonly Point2[], distance: number): Point2[] {
  const turn = Math.sign(twiceArea(outline))
  const count = outline.length
  return outline.map(([x, y], i) => {
    const normals = [i - 1, i].map((k) => {
      const [ax, ay] = outline[(k + count) % count]!
      const [bx, by] = outline[(k + 1) % count]!
      const length = Math.hypot(bx - ax, by - ay)
      return [(-turn * (by - ay)) / length, (turn * (bx - ax)) / length] as const
    })
    const [[ax, ay], [bx, by]] = normals as [readonly [number, number], readonly [number, number]]
    // A mitre no longer than four times the distance.
    const factor = distance / Math.max(1 + ax * bx + ay * by, 0.25)
    return [x + (ax + bx) * factor, y + (ay + by) * factor]
  })
}

/**
 * Triangles (numbers of points) of an outline with holes, over all of whose points they go: clipping of ears, the best shaped first. Points on a
 * straight line are corners too, as closed surfaces need them.
 */
export function triangulate(outline: readonly Point2[], holes: readonly (readonly Point2[])[] = []): number[] {
  const points = [...outline, ...holes.flat()]
  const numbered = (first: number, ring: readonly Point2[], sign: number) => {
    const numbers = ring.map((_, i) => first + i)
    return Math.sign(twiceArea(ring)) === sign ? numbers : numbers.reverse()
  }
  const side = (a: Point2, b: Point2, c: Point2) => (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
  const same = (a: Point2, b: Point2) => a[0] === b[0] && a[1] === b[1]
  let ring = numbered(0, outline, 1)
  // Each hole is tied to the ring by the shortest bridge that crosses nothing, the holes furthest right first.
  let first = outline.length
  const rings = holes.map((hole) => {
    first += hole.length
    return numbered(first - hole.length, hole, -1)
  })
  rings.sort((a, b) => Math.max(...b.map((i) => points[i]![0])) - Math.max(...a.map((i) => points[i]![0])))
  rings.forEach((hole, index) => {
    const walls = [ring, ...rings.slice(index)]
    const crosses = (a: Point2, b: Point2) =>
      walls.some((wall) =>
        wall.some((from, i) => {
          const [c, d] = [points[from]!, points[wall[(i + 1) % wall.length]!]!]
          if (same(a, c) || same(a, d) || same(b, c) || same(b, d)) return false
          return side(a, b, c) * side(a, b, d) <= 0 && side(c, d, a) * side(c, d, b) <= 0
        }),
      )
    const bridges = hole.flatMap((h, j) =>
      ring.map((r, i) => ({ i, j, length: Math.hypot(points[h]![0] - points[r]![0], points[h]![1] - points[r]![1]) })),
    )
    bridges.sort((a, b) => a.length - b.length)
    const bridge = bridges.find(({ i, j }) => !crosses(points[ring[i]!]!, points[hole[j]!]!))
    if (!bridge) throw badOutline('a hole that no line reaches')
    const { i, j } = bridge
    ring = [...ring.slice(0, i + 1), ...hole.slice(j), ...hole.slice(0, j + 1), ...ring.slice(i)]
  })
  const triangles: number[] = []
  while (ring.length > 2) {
    let best = -1
    let bestShape = 0
    for (let i = 0; i < ring.length; i++) {
      const [a, b, c] = [-1, 0, 1].map((k) => points[ring[(i + k + ring.length) % ring.length]!]!) as [Point2, Point2, Point2]
      const area = side(a, b, c)
      const sides = [
        Math.hypot(a[0] - b[0], a[1] - b[1]),
        Math.hypot(c[0] - b[0], c[1] - b[1]),
        Math.hypot(a[0] - c[0], a[1] - c[1]),
      ]
      // Points on an ear's rim are in its way: cut off, they would leave a strip without area.
      const slack = 1e-9 * Math.max(...sides) ** 2
      const shape = area / Math.max(...sides) ** 2
      if (shape <= Math.max(bestShape, 1e-7)) continue
      const free = ring.every((number) => {
        const p = points[number]!
        if (same(p, a) || same(p, b) || same(p, c)) return true
        return side(a, b, p) < -slack || side(b, c, p) < -slack || side(c, a, p) < -slack
      })
      if (free) [best, bestShape] = [i, shape]
    }
    if (best < 0) throw badOutline('one that crosses itself or has points on top of each other')
    triangles.push(...[-1, 0, 1].map((k) => ring[(best + k + ring.length) % ring.length]!))
    ring.splice(best, 1)
  }
  return triangles
}

function badOutline(actual: string): StriateError {
  return new StriateError({ op: 'triangulate', argument: 'outline', actual, expected: 'a simple polygon' })
}
