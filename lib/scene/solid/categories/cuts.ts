// Solids with a piece taken out. Where it is done by moving the surface inwards, that stays closed, and needs points where it is cut.
import { type Axis, arc, axisNumber, type Point3, prism, type Solid } from '../kit/index.js'

/** A bite by a ball: points in it go against `outwards` to its far side. */
export function bite(solid: Solid, centre: Point3, radius: number, outwards: Point3): Solid {
  const length = Math.hypot(...outwards)
  const [dx, dy, dz] = outwards.map((c) => c / length) as [number, number, number]
  return solid.warp((x, y, z) => {
    const [px, py, pz] = [x - centre[0], y - centre[1], z - centre[2]]
    const along = px * dx + py * dy + pz * dz
    const aside = px * px + py * py + pz * pz - along * along
    if (aside >= radius * radius) return [x, y, z]
    const depth = -Math.sqrt(radius * radius - aside)
    return along <= depth ? [x, y, z] : [x + (depth - along) * dx, y + (depth - along) * dy, z + (depth - along) * dz]
  })
}

/** All beyond `limit` along an axis is pressed flat. */
export function cut(solid: Solid, axis: Axis, limit: number): Solid {
  return solid.warp((...point) => {
    const out = [...point] as [number, number, number]
    out[axisNumber[axis]] = Math.min(out[axisNumber[axis]], limit)
    return out
  })
}

/** A round with a piece cut out, lying: the outline of its top, its height. */
export const sector = (radius: number, height: number, from: number, to: number, y = 0): Solid =>
  prism([[0, 0], ...arc(0, 0, radius, from, to, 28)], height)
    .turn('x', -90)
    .move(0, y + height / 2, 0)
