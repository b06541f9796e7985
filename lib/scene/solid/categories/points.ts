// Points from flat lists of coordinates, which are shorter to write and to read.
import type { Point2, Point3 } from '../kit/index.js'

/** The values in groups of a size. */
export const grouped = (values: readonly number[], size: number): number[][] =>
  Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size))

/** [x0, y0, x1, y1, ...] as points of the plane. */
export const xy = (values: readonly number[]): Point2[] => grouped(values, 2) as unknown as Point2[]

/** [x0, y0, z0, x1, ...] as points in space. */
export const xyz = (values: readonly number[]): Point3[] => grouped(values, 3) as unknown as Point3[]
