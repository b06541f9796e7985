// Padded seats.
import type { Category } from '../category.js'
import { box, curve, cylinder, prism, rectangle, type Solid, sweep, tube, union, xy, xyz } from '../kit/index.js'
import { bar, block, corners, fourLegs } from './joinery.js'

/** An armchair or sofa with cushions: `seats` seats side by side. */
function upholstered(kind: string, seats: number, width: number): Solid {
  const [depth, seat, top] = [0.8, 0.4, 0.82]
  const half = width / 2
  const arm = kind === 'low' ? 0.12 : 0.18
  const armTop = kind === 'high' ? 0.66 : 0.6
  const base = block([-half + 0.02, 0.12, -depth / 2], [half - 0.02, 0.28, depth / 2 - 0.03], 0.03)
  const inner = 2 * (half - arm)
  const cushion = box(inner / seats - 0.01, 0.16, depth - 0.2, 0.06)
    .move(0, seat - 0.05, 0.1)
    .repeat(seats, [inner / seats, 0, 0])
  const rest = box(inner / seats - 0.01, top - seat, 0.18, 0.08)
    .turn('x', -10)
    .move(0, (top + seat) / 2 + 0.04, -depth / 2 + 0.22)
    .repeat(seats, [inner / seats, 0, 0])
  const back =
    kind === 'wing'
      ? block([-half + 0.05, 0.2, -depth / 2], [half - 0.05, 1.08, -depth / 2 + 0.16], 0.06)
      : block([-half + 0.03, 0.2, -depth / 2], [half - 0.03, top - 0.04, -depth / 2 + 0.14], 0.05)
  const side = block([half - arm, 0.14, -depth / 2 + 0.03], [half, armTop, depth / 2], kind === 'box' ? 0.02 : 0.06)
  const roll = cylinder(0.1, depth - 0.04, { segments: 14 })
    .turn('x', 90)
    .move(half - 0.09, armTop, -depth / 2 + 0.03)
  const wing = block([half - 0.12, 0.6, -depth / 2 + 0.02], [half - 0.03, 1.05, -depth / 2 + 0.38], 0.04)
  // The back of a camel's shape, highest in the middle.
  const hump = prism(
    [
      [-half + 0.04, 0.2],
      [half - 0.04, 0.2],
      ...curve(xy([half - 0.04, 0.68, half * 0.5, 0.86, 0, 1.02, -half * 0.5, 0.86, -half + 0.04, 0.68]), { steps: 3 }),
    ],
    0.16,
    { bevel: 0.03 },
  ).move(0, 0, -depth / 2 + 0.09)
  const arms = union(side, ...(kind === 'roll' || kind === 'wing' ? [roll] : []), ...(kind === 'wing' ? [wing] : []))
  const feet = corners(cylinder(0.025, 0.13, { top: 0.035, segments: 10 }), half - 0.08, depth / 2 - 0.1)
  return union(
    base.and(kind === 'high' ? hump : back, kind === 'low' ? arms.mirror('x') : arms.mirrored('x')).of('body', 'cloth'),
    cushion.and(...(kind === 'high' ? [] : [rest])).of('cushions', 'cloth'),
    feet.of('feet', 'wood'),
  )
}

export const upholstery: readonly Category[] = [
  {
    name: 'armchair',
    build(random) {
      const kind = random.cycle(['roll', 'wing', 'box', 'tub', 'frame'])
      const width = random.spread(0.78, 0.98)
      if (kind === 'tub')
        return union(
          sweep(
            rectangle(0.1, 0.42, 0.05, 2),
            curve(
              xyz([
                0.36, 0.5, 0.34, 0.38, 0.52, 0, 0.25, 0.6, -0.3, 0, 0.64, -0.38, -0.25, 0.6, -0.3, -0.38, 0.52, 0, -0.36, 0.5,
                0.34,
              ]),
            ),
          ).of('body', 'leather'),
          cylinder(0.4, 0.16, { round: 0.05 }).scale(1, 1, 0.95).move(0, 0.22).of('body', 'leather'),
          cylinder(0.34, 0.13, { round: 0.05 }).move(0, 0.36, 0.03).of('cushions', 'leather'),
          fourLegs('splayed', 0.24, 0.3, 0.3, 0.05).of('feet', 'wood'),
        )
      if (kind === 'frame') {
        const side = tube(
          curve(
            xyz([
              0.36, 0, 0.36, 0.36, 0.3, 0.33, 0.36, 0.58, 0.3, 0.36, 0.6, 0.1, 0.36, 0.58, -0.2, 0.36, 0.3, -0.3, 0.36, 0, -0.36,
            ]),
            { steps: 3 },
          ),
          0.025,
        )
        return union(
          side.mirrored('x').of('frame', 'wood'),
          bar([-0.36, 0.3, 0.3], [0.36, 0.3, 0.3], 0.02)
            .and(bar([-0.36, 0.3, -0.28], [0.36, 0.3, -0.28], 0.02))
            .of('frame', 'wood'),
          box(0.64, 0.14, 0.66, 0.05).turn('x', 6).move(0, 0.38, 0.02).of('cushions', 'cloth'),
          box(0.64, 0.62, 0.14, 0.05).turn('x', -18).move(0, 0.7, -0.34).of('cushions', 'cloth'),
        )
      }
      return upholstered(kind, 1, width)
    },
  },
  {
    name: 'sofa',
    build(random) {
      const kind = random.cycle(['roll', 'box', 'corner', 'high', 'low'])
      const count = random.cycle([3, 2, 3, 2, 4])
      const width = random.spread(0.62, 0.7) * count + 0.36
      const body = upholstered(kind === 'corner' ? 'box' : kind, count, width)
      if (kind !== 'corner') return body
      const half = width / 2
      return union(
        body,
        block([half - 0.86, 0.12, 0.36], [half - 0.02, 0.28, 1.15], 0.03)
          .and(block([half - 0.16, 0.14, 0.3], [half, 0.6, 1.15], 0.03))
          .of('body', 'cloth'),
        block([half - 0.84, 0.28, 0.38], [half - 0.18, 0.43, 1.13], 0.05).of('cushions', 'cloth'),
      )
    },
  },
]
