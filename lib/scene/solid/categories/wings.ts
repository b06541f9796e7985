// Wings and propellers, of aircraft and of boats.
import { box, cone, type Point3, type Solid, skin, xy } from '../kit/index.js'

/** A wing from its root at x = 0 to its tip at x = span, swept back, raised by `rise` at the tip; its section is a lens. */
export function wing(
  span: number,
  root: number,
  tip: number,
  options: { sweep?: number; rise?: number; thickness?: number } = {},
): Solid {
  const { sweep = 0, rise = 0, thickness = 0.1 } = options
  const section = (x: number, y: number, z: number, chord: number): Point3[] =>
    xy([0.5, 0, 0.3, 0.5, 0, 0.55, -0.5, 0, 0, -0.25, 0.3, -0.3]).map(([a, b]) => [
      x,
      y + b! * chord * thickness,
      z + (a! - 0.5) * chord + root / 2,
    ])
  return skin([section(0, 0, 0, root), section(span, rise, -sweep, tip)], { crease: 40 })
}

/** A propeller of blades of a length about the z axis. */
export const propeller = (count: number, length: number, width: number) =>
  box(width, length, 0.015)
    .move(0, length / 2, 0)
    .turn('y', 22)
    .around(count, { axis: 'z' })
    .and(cone(width * 0.8, width * 1.6, 10).turn('x', 90))
    .of('propeller', 'metal')
