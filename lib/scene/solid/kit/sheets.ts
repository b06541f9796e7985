// Thick sheets, and the leaves that are made of them.
import { crossed, minus } from './shapes.js'
import { type Point3, piece, type Solid } from './solid.js'

/**
 * A thick sheet: a surface over u and v from 0 to 1 (`across` x `along` cells), `thickness` thick, which tapers to nothing at its rim where
 * `sharp`.
 */
export function sheet(
  surface: (u: number, v: number) => Point3,
  thickness: number,
  options: { across?: number; along?: number; sharp?: boolean } = {},
): Solid {
  const { across = 4, along = 8, sharp = false } = options
  const columns = across + 1
  const h = 1e-4
  const points: Point3[] = []
  for (const sign of [1, -1])
    for (let j = 0; j <= along; j++)
      for (let i = 0; i <= across; i++) {
        const [u, v] = [i / across, j / along]
        const [u0, u1, v0, v1] = [Math.max(u - h, 0), Math.min(u + h, 1), Math.max(v - h, 0), Math.min(v + h, 1)]
        // Where the sheet comes to a tip its normal is that of the surface close by.
        const [nearU, nearV] = [Math.min(Math.max(u, 0.01), 0.99), Math.min(Math.max(v, 0.01), 0.99)]
        const normal = crossed(minus(surface(u1, nearV), surface(u0, nearV)), minus(surface(nearU, v1), surface(nearU, v0)))
        const length = Math.hypot(...normal)
        const rim = sharp && (i === 0 || i === across || j === 0 || j === along)
        const offset = length > 0 && !rim ? (sign * thickness) / 2 / length : 0
        const at = surface(u, v)
        points.push([at[0] + offset * normal[0], at[1] + offset * normal[1], at[2] + offset * normal[2]])
      }
  const under = columns * (along + 1)
  const triangles: number[] = []
  for (let j = 0; j < along; j++)
    for (let i = 0; i < across; i++) {
      const a = j * columns + i
      triangles.push(a, a + 1, a + columns + 1, a, a + columns + 1, a + columns)
      triangles.push(under + a, under + a + columns + 1, under + a + 1, under + a, under + a + columns, under + a + columns + 1)
    }
  const rim = [
    ...Array.from({ length: across }, (_, i) => i),
    ...Array.from({ length: along }, (_, j) => j * columns + across),
    ...Array.from({ length: across }, (_, i) => along * columns + across - i),
    ...Array.from({ length: along }, (_, j) => (along - j) * columns),
  ]
  rim.forEach((a, i) => {
    const b = rim[(i + 1) % rim.length]!
    triangles.push(b, a, under + a, b, under + a, under + b)
  })
  return piece(points, triangles, 60)
}

export interface LeafOptions {
  /** How far the tip hangs down, in lengths (negative: up). */
  droop?: number
  /** How far the two halves are folded up along the middle, in half widths. */
  fold?: number
  /** Where the leaf is widest, 0 (at the stalk) to 1. */
  widest?: number
  thickness?: number
  cells?: number
}

/** A pointed leaf from the origin along +z, its upper side towards +y. */
export function leaf(length: number, width: number, options: LeafOptions = {}): Solid {
  const { droop = 0.2, fold = 0.2, widest = 0.4, thickness = 0.03 * width, cells = 8 } = options
  const exponent = Math.log(0.5) / Math.log(widest)
  return sheet(
    (u, v) => {
      const half = (width / 2) * Math.sin(Math.PI * Math.min(v, 1 - 1e-9) ** exponent)
      const side = 2 * u - 1
      return [side * half, fold * Math.abs(side) * half - droop * length * v * v, length * v]
    },
    thickness,
    { across: 2, along: cells, sharp: true },
  )
}
