// Figures of snow and of games.
import type { Category, Random } from '../category.js'
import {
  box,
  cone,
  curve,
  cylinder,
  ellipsoid,
  lathe,
  type Point2,
  prism,
  type Solid,
  sphere,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { eyes, limb } from './animal_bodies.js'
import { sideways } from './wheels.js'

function buildSnowman(random: Random): Solid {
  const kind = random.cycle(['hat', 'two', 'broom', 'cap', 'tall'])
  const snow = (solid: Solid) => solid.of('snow', 'stone', [0.85, 0.88, 0.92])
  const coal = (solid: Solid) => solid.of('coal', 'stone', [0.02, 0.02, 0.02])
  const radii = kind === 'two' ? [0.46, 0.32] : kind === 'tall' ? [0.38, 0.32, 0.26, 0.2] : [0.44, 0.33, 0.23]
  const heights: number[] = []
  let y = 0
  for (const [i, r] of radii.entries()) {
    y += i === 0 ? r * 0.85 : r * 0.78
    heights.push(y)
    y += r * 0.78
  }
  const [top, head] = [radii[radii.length - 1]!, heights[heights.length - 1]!]
  const balls = radii.map((r, i) =>
    snow(ellipsoid(r * random.between(0.97, 1.06), r * 0.94, r, { segments: 16, rings: 9 }).move(0, heights[i]!, 0)),
  )
  const button = (i: number, up: number) => {
    const r = radii[i]!
    return coal(sphere(0.035, { segments: 7, rings: 5 }).move(0, heights[i]! + r * 0.9 * Math.sin(up), r * Math.cos(up)))
  }
  const face = union(
    coal(
      sphere(0.032, { segments: 7, rings: 5 })
        .move(top * 0.36, head + top * 0.25, top * 0.9)
        .mirrored('x'),
    ),
    cone(0.045, random.between(0.2, 0.34), 9)
      .turn('x', 92)
      .move(0, head, top * 0.9)
      .of('nose', 'food', [0.75, 0.25, 0.03]),
    ...[-2, -1, 0, 1, 2].map((i) =>
      coal(sphere(0.02, { segments: 6, rings: 4 }).move(i * top * 0.2, head - top * 0.5 + 0.012 * i * i, top * 0.84)),
    ),
  )
  const middle = Math.max(0, radii.length - 2)
  const raise = random.spread(-10, 45)
  const arm = (angle: number) =>
    limb([0, 0, 0, 0.022, 0.28, 0.02, 0.03, 0.017, 0.5, 0.08, 0, 0.01], { sides: 5 })
      .and(
        limb([0.34, 0.03, 0.02, 0.012, 0.44, 0.15, 0.04, 0.007], { sides: 5 }),
        limb([0.38, 0.04, 0.02, 0.01, 0.5, -0.02, 0.06, 0.006], { sides: 5 }),
      )
      .turn('z', angle)
      .move(radii[middle]! * 0.9, heights[middle]! + radii[middle]! * 0.25, 0)
  const arms = union(arm(raise), arm(random.between(-20, 40)).mirror('x')).of('arms', 'bark')
  const brim = head + top * 0.72
  const hats: Record<string, () => Solid> = {
    hat: () =>
      union(cylinder(top * 1.15, 0.04, { segments: 18 }), cylinder(top * 0.72, 0.34, { segments: 16, top: top * 0.78 }))
        .move(0, brim, 0)
        .of('hat', 'cloth'),
    tall: () =>
      union(cylinder(top * 1.2, 0.03, { segments: 16 }), cylinder(top * 0.75, 0.2, { segments: 14 }))
        .turn('z', 10)
        .move(0, brim, 0)
        .of('hat', 'cloth'),
    cap: () =>
      union(
        ellipsoid(top * 1.02, top * 0.8, top * 1.02, { segments: 16, rings: 10 }).warp((x, h, z) => [x, h < 0 ? 0.02 * h : h, z]),
        torus(top * 0.98, 0.045, { segments: 16, sides: 6 }),
        sphere(0.075, { segments: 9, rings: 6 }).move(0, top * 0.85, 0),
      )
        .move(0, head + top * 0.35, 0)
        .of('hat', 'cloth'),
    broom: () =>
      union(
        cylinder(top * 0.95, 0.28, { top: top * 1.05, segments: 16 }),
        torus(top * 1.03, 0.02, { segments: 16, sides: 5 }).move(0, 0.27, 0),
      )
        .turn('z', -12)
        .move(0, brim - 0.04, 0)
        .of('hat', 'metal'),
    two: () =>
      cone(top * 0.8, 0.4, 14)
        .move(0, brim - 0.02, 0)
        .of('hat', 'cloth'),
  }
  const scarf = torus(top * 0.86, [0.06, 0.05], { segments: 18, sides: 6 })
    .move(0, head - top * 0.72, 0)
    .and(
      box(0.11, 0.3, 0.04, 0.015)
        .turn('x', -12)
        .move(0.12, head - top - 0.12, radii[middle]! * 0.92),
    )
    .of('scarf', 'cloth')
  const broom = union(
    tube(xyz([radii[1]! + 0.36, 0.1, 0.1, radii[1]! + 0.26, 1.3, 0.02]), 0.02, { sides: 6 }).of('arms', 'wood'),
    cone(0.17, 0.38, 10)
      .turn('x', 180)
      .scale(1, 1, 0.6)
      .turn('z', 180)
      .turn('x', 180)
      .move(radii[1]! + 0.26, 1.62, 0.02)
      .of('broom', 'straw'),
  )
  return union(
    ...balls,
    face,
    arms,
    hats[kind]!(),
    button(middle, 0.35),
    button(middle, 0.0),
    ...(radii.length > 2 ? [button(0, 0.5)] : []),
    ...(kind === 'cap' || kind === 'hat' ? [scarf] : []),
    ...(kind === 'broom' ? [broom] : []),
  )
}

function buildChessPiece(random: Random): Solid {
  const kind = random.cycle(['pawn', 'rook', 'bishop', 'queen', 'knight'])
  const r = random.spread(0.3, 0.36)
  const piece = (solid: Solid) => solid.of('piece', 'wood')
  const foot: Point2[] = xy([r, 0, r, 0.08, r * 0.92, 0.12, r * 0.95, 0.16, r * 0.7, 0.24])
  const turned = (profile: Point2[]) => lathe([...foot, ...profile], { segments: 22 })
  const collar = (y: number, radius: number) => ellipsoid(radius, 0.03, radius, { segments: 18, rings: 6 }).move(0, y, 0)
  if (kind === 'pawn')
    return piece(
      union(
        turned(curve<Point2>(xy([r * 0.6, 0.28, r * 0.42, 0.45, r * 0.36, 0.68]), { steps: 3 })),
        collar(0.68, r * 0.62),
        sphere(r * 0.62, { segments: 18, rings: 12 }).move(0, 0.86, 0),
      ),
    )
  if (kind === 'rook')
    return piece(
      union(
        turned(xy([r * 0.62, 0.3, r * 0.54, 0.75, r * 0.72, 0.82, r * 0.74, 0.92, r * 0.4, 0.92, r * 0.4, 0.84, 0, 0.84])),
        prism(
          [
            ...[-24, -8, 8, 24].map(
              (a): Point2 => [r * 0.75 * Math.sin((a * Math.PI) / 180), r * 0.75 * Math.cos((a * Math.PI) / 180)],
            ),
            ...[24, -24].map((a): Point2 => [r * 0.48 * Math.sin((a * Math.PI) / 180), r * 0.48 * Math.cos((a * Math.PI) / 180)]),
          ],
          0.13,
        )
          .turn('x', -90)
          .move(0, 0.975, 0)
          .around(5),
      ),
    )
  if (kind === 'bishop')
    return piece(
      union(
        turned(curve<Point2>(xy([r * 0.6, 0.3, r * 0.38, 0.55, r * 0.34, 0.85]), { steps: 3 })),
        collar(0.86, r * 0.66),
        lathe(curve<Point2>(xy([r * 0.3, 0.86, r * 0.5, 1.02, r * 0.36, 1.2, 0, 1.32]), { steps: 4 }), { segments: 18 }),
        sphere(0.05, { segments: 10, rings: 6 }).move(0, 1.34, 0),
      ),
    ).and(box(0.05, 0.24, 0.3).turn('x', -40).move(0, 1.16, 0.12).of('notch', 'wood', [0.02, 0.02, 0.02]))
  if (kind === 'queen')
    return piece(
      union(
        turned(curve<Point2>(xy([r * 0.62, 0.3, r * 0.4, 0.6, r * 0.36, 1.05]), { steps: 3 })),
        collar(1.05, r * 0.7),
        lathe(xy([r * 0.34, 1.05, r * 0.62, 1.35, r * 0.5, 1.35, 0.02, 1.3]), { segments: 18 }),
        cone(0.05, 0.1, 5)
          .move(r * 0.56, 1.33, 0)
          .around(8),
        sphere(0.07, { segments: 10, rings: 7 }).move(0, 1.38, 0),
        ellipsoid(r * 0.42, 0.08, r * 0.42, { segments: 14, rings: 6 }).move(0, 1.31, 0),
      ),
    )
  const horse = curve<Point2>(
    xy([
      -0.2, 0.24, 0.24, 0.24, 0.18, 0.42, 0.1, 0.6, 0.2, 0.68, 0.36, 0.6, 0.42, 0.7, 0.28, 0.92, 0.14, 1.04, 0.0, 1.05, -0.14,
      0.94, -0.26, 0.7, -0.26, 0.44,
    ]),
    { closed: true, steps: 2 },
  )
  return piece(
    union(
      turned(xy([r * 0.66, 0.28, 0, 0.28])),
      sideways(horse, 0.24, { bevel: 0.035 }),
      ...[0, 1, 2, 3].map((i) => box(0.1, 0.09, 0.08, 0.02).move(0, 0.55 + 0.12 * i, -0.25 + 0.045 * i * i)),
      cone(0.04, 0.14, 6).move(0.07, 1.0, 0.03).mirrored('x'),
    ),
  ).and(eyes(0.03, 0.115, 0.88, 0.17))
}

export const figures: readonly Category[] = [
  { name: 'chess_piece', build: buildChessPiece },
  { name: 'snowman', build: buildSnowman },
]
