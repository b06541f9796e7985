// Shades of lamps.
import { curve, ellipsoid, lathe, loft, type Point2, rectangle, type Solid, vessel, xy } from '../kit/index.js'

/** A shade open at the bottom (and top), the middle of its lower rim at the origin. */
export function shade(kind: string, r: number, h: number, segments = 22): Solid {
  const hollow = (outside: readonly Point2[]) =>
    lathe([...outside, ...outside.map(([x, y]): Point2 => [x - 0.012, y]).reverse(), outside[0]!].slice(0, -1), { segments })
  if (kind === 'drum') return hollow(xy([r, 0, r, h]))
  if (kind === 'bell') return hollow(curve(xy([r, 0, r * 0.72, h * 0.3, r * 0.5, h * 0.7, r * 0.42, h]), { steps: 2 }))
  if (kind === 'globe') return ellipsoid(r, r, r).move(0, r * 0.9)
  if (kind === 'dome')
    return vessel(curve(xy([r * 0.2, 0, r * 0.6, h * 0.12, r * 0.9, h * 0.5, r, h]), { steps: 2 }), 0.012)
      .mirror('y')
      .move(0, h)
  if (kind === 'square')
    return loft([
      { outline: rectangle(2 * r, 2 * r), y: 0 },
      { outline: rectangle(r, r), y: h },
    ])
  return hollow(xy([r, 0, r * 0.55, h]))
}
