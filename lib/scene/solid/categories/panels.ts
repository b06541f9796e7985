// Round parts on the front of devices.
import { cylinder, type Solid } from '../kit/index.js'

/** A cylinder along z from `z` on. */
export const barrel = (radius: number, length: number, z = 0, segments = 22): Solid =>
  cylinder(radius, length, { segments }).turn('x', 90).move(0, 0, z)

/** A knob in front of a panel. */
export const knob = (radius: number, x: number, y: number, z: number): Solid =>
  cylinder(radius, radius, { segments: 14 }).turn('x', 90).move(x, y, z)
