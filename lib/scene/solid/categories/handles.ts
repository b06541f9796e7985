// Handles and lips of vessels.
import { arc, curve, inPlane, type Point2, type Solid, tube } from '../kit/index.js'

/** A handle in the xy plane, on the right, through points. */
export const ear = (points: readonly Point2[], radius: number, flat = 1): Solid =>
  tube(inPlane('xy', curve(points)), () => [radius, radius * flat], { sides: 8 })

/** A hoop handle over the top, from side to side at height y. */
export const hoop = (radius: number, y: number, height: number, thickness: number): Solid =>
  tube(
    inPlane(
      'xy',
      arc(0, 0, 1, 0, 180, 14).map(([x, up]) => [x * radius, y + up * height]),
    ),
    thickness,
    { sides: 6 },
  )

/** Pulls the rim at the left into a pouring lip. */
export const lip = (solid: Solid, from: number, to: number, reach: number): Solid =>
  solid.warp((x, y, z) => {
    const t = Math.max(0, (y - from) / (to - from))
    const width = x < 0 ? Math.exp(-((z / (0.35 * reach)) ** 2)) : 0
    return [x - reach * t * t * width, y + 0.4 * reach * t * width, z]
  })
