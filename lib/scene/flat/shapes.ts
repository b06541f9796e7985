// The shapes as signed distances: negative inside, and never larger in size than the true distance, so that a renderer may skip by them.
// Coordinates are the object's own: x right, y down, the shape within the unit circle.

export const shapeNames = ['disc', 'square', 'triangle', 'ring', 'cross', 'star', 'crescent', 'bar'] as const
export type ShapeName = (typeof shapeNames)[number]

export type SignedDistance = (x: number, y: number) => number

function box(x: number, y: number, halfWidth: number, halfHeight: number): number {
  return Math.max(Math.abs(x) - halfWidth, Math.abs(y) - halfHeight)
}

const starInner = 0.42
const starAngle = Math.PI / 5
// Unit normal of the edge from the tip (1, 0) to the inner corner at 36 degrees.
const starEdge = [starInner * Math.cos(starAngle) - 1, starInner * Math.sin(starAngle)] as const
const starLength = Math.hypot(...starEdge)
const [starX, starY] = [starEdge[1] / starLength, -starEdge[0] / starLength]

function star(x: number, y: number): number {
  const radius = Math.hypot(x, y)
  const turn = Math.abs(Math.atan2(x, -y)) % (2 * starAngle)
  const angle = Math.min(turn, 2 * starAngle - turn)
  return (radius * Math.cos(angle) - 1) * starX + radius * Math.sin(angle) * starY
}

/** One function per shape. */
export const shapes: Readonly<Record<ShapeName, SignedDistance>> = {
  disc: (x, y) => Math.hypot(x, y) - 0.85,
  square: (x, y) => box(x, y, 0.7, 0.7),
  triangle: (x, y) => Math.max(y, Math.abs(x) * (Math.sqrt(3) / 2) - y / 2) - 0.5,
  ring: (x, y) => Math.abs(Math.hypot(x, y) - 0.72) - 0.2,
  cross: (x, y) => Math.min(box(x, y, 0.95, 0.27), box(x, y, 0.27, 0.95)),
  star,
  crescent: (x, y) => Math.max(Math.hypot(x, y) - 0.95, 0.78 - Math.hypot(x - 0.5, y)),
  bar: (x, y) => box(x, y, 0.95, 0.28),
}
