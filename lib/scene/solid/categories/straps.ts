// Flat bands.
import { curve, type Point3, type Solid, tube } from '../kit/index.js'

/** A flat band along a path, `wide` across it and `thick`. */
export const band = (points: readonly Point3[], wide: number, thick: number, up?: Point3): Solid =>
  tube(curve(points), () => [wide, thick], { sides: 8, ...(up && { up }) })
