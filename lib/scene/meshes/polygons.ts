// Polygons of any number of corners in space, cut into triangles.
import { StriateError } from '../../errors.js'
import { triangulate } from '../solid/kit/outline.js'
import type { Point2 } from '../solid/kit/solid.js'

/**
 * Cuts a polygon into triangles, as places of its corners. A fan from a corner that sees all others does for most, then ears are cut. One that crosses
 * itself or has no area becomes a fan all the same, so that its edges still meet those of its neighbours.
 * @param points x, y and z of the corners in order
 */
export function cutPolygon(points: readonly number[]): number[] {
  const count = points.length / 3
  if (count === 3) return [0, 1, 2]
  const at = (i: number, axis: number) => points[(i % count) * 3 + axis] as number
  // Newell's normal, as long as twice the polygon's area; the corners are seen along its largest component.
  const normal = [0, 1, 2].map((axis) => {
    const [u, v] = [(axis + 1) % 3, (axis + 2) % 3]
    let sum = 0
    for (let i = 0; i < count; ++i) sum += (at(i, u) - at(i + 1, u)) * (at(i, v) + at(i + 1, v))
    return sum
  })
  const area = Math.max(...normal.map(Math.abs))
  const axis = normal.findIndex((component) => Math.abs(component) === area)
  const sign = Math.sign(normal[axis] as number) || 1
  const flat = Array.from({ length: count }, (_, i): Point2 => [at(i, (axis + 1) % 3), sign * at(i, (axis + 2) % 3)])
  const fan = (first: number) =>
    Array.from({ length: count - 2 }, (_, i) => [first, (first + i + 1) % count, (first + i + 2) % count] as const)
  const areaOf = ([a, b, c]: readonly [number, number, number]) => {
    const [[ax, ay], [bx, by], [cx, cy]] = [flat[a], flat[b], flat[c]] as [Point2, Point2, Point2]
    return (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
  }
  for (let first = 0; first < count; ++first) {
    const triangles = fan(first)
    // None without an area: that would go, and leave a gap in the edges.
    if (triangles.every((triangle) => areaOf(triangle) > 1e-9 * area)) return triangles.flat()
  }
  try {
    return triangulate(flat)
  } catch (error) {
    if (error instanceof StriateError) return fan(0).flat()
    throw error
  }
}
