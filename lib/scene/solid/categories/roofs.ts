// Walls and roofs that buildings share.
import { type Point3, prism, type Solid, skin, xy, xyz } from '../kit/index.js'
/** A gabled house's walls with their gables, its ridge along z. */
export const gabled = (w: number, wall: number, ridge: number, d: number) =>
  prism(xy([-w / 2, 0, w / 2, 0, w / 2, wall, 0, ridge, -w / 2, wall]), d)

/** Two thick slopes of a gable roof that overhang, its ridge along z. */
export function gableRoof(w: number, wall: number, ridge: number, d: number, thick = 0.06): Solid {
  const slope = (ridge - wall) / (w / 2)
  const out = w / 2 + 0.12
  return prism(
    [
      [0, ridge],
      [out, ridge - slope * out],
      [out, ridge - slope * out + thick],
      [0, ridge + thick * 1.3],
      [-out, ridge - slope * out + thick],
      [-out, ridge - slope * out],
    ],
    d + 0.24,
  )
}

/** A roof whose four sides all slope. */
export const hipRoof = (w: number, d: number, y: number, h: number, ridge: number) => {
  const ring = (x: number, z: number, at: number): Point3[] => xyz([x, at, -z, x, at, z, -x, at, z, -x, at, -z])
  return skin([
    ring(w / 2 + 0.12, d / 2 + 0.12, y),
    ring(w / 2 + 0.12, d / 2 + 0.12, y + 0.04),
    ring(0.01, ridge / 2 + 0.01, y + h),
  ])
}
