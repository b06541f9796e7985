// What plants are made of: stalks, leaves in balls and fronds.
import { curve, ellipsoid, type Point3, type Solid, sheet, tube, xyz } from '../kit/index.js'

export const stalk = (height: number, radius: number, lean = 0.1): Solid =>
  tube(curve(xyz(0, 0, 0, lean * 0.3, height * 0.5, 0, lean, height, 0)), (t) => radius * (1 + 0.5 * t * t), { sides: 6 }).of(
    'stalk',
    'bark',
  )

/** A stalk of wood or green from the ground through points. */
export const stem = (points: readonly Point3[], low: number, high: number, sides = 7): Solid =>
  tube(curve(points, { steps: 3 }), (t) => low + (high - low) * t, { sides })

/** A ball of leaves, uneven. */
export const foliage = (x: number, y: number, z: number, phase: number): Solid =>
  ellipsoid(x, y, z, { segments: 16, rings: 9 })
    .warp((a, b, c) => {
      const factor =
        1 +
        0.09 * Math.sin(5.1 * (a / x) + phase) * Math.sin(6.3 * (b / y) + 2 * phase) +
        0.08 * Math.sin(7.7 * (c / z) + 3 * phase)
      return [a * factor, b * factor, c * factor]
    })
    .of('leaves', 'leaf')

/** A frond with leaflets: a long sheet with a toothed rim, hanging. */
export const frond = (length: number, width: number, rise: number, fall: number): Solid =>
  sheet(
    (u, v) => {
      const side = 2 * u - 1
      const tooth = 1 - 0.55 * (Math.round(v * 14) % 2)
      const half = width * Math.sin(Math.PI * Math.min(0.98, 0.05 + 0.93 * v)) ** 0.7 * tooth
      return [side * half, length * (rise * v - fall * v * v) - 0.35 * Math.abs(side) * half, length * v * (1 - 0.25 * v * fall)]
    },
    0.012,
    { across: 2, along: 14, sharp: true },
  )
