// Tools of the workshop, mostly with an upright handle and their working end at the top.
import type { Category } from '../category.js'
import {
  arc,
  box,
  curve,
  cylinder,
  ellipse,
  lathe,
  loft,
  type Point2,
  type Point3,
  polygon,
  prism,
  rectangle,
  type Solid,
  sphere,
  star,
  symmetric,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'

/** A wooden shaft from y = 0 upwards, oval and swelling, curved forwards by `curveBy`. */
const shaft = (length: number, radius: number, curveBy = 0): Solid =>
  tube(
    curve([
      [0, 0, 0],
      [0.6 * curveBy, length * 0.25, 0],
      [0, length * 0.6, 0],
      [0, length, 0],
    ] as Point3[]),
    (t) => [radius * (1.15 - 0.3 * Math.sin(Math.PI * t)), radius * 0.8],
    { sides: 10, round: true },
  ).of('handle', 'wood')

const axe: Category = {
  name: 'axe',
  build(random) {
    const kind = random.cycle(['felling', 'double', 'hatchet', 'bearded', 'fire'] as const)
    const length = random.spread(0.9, 1.1) * (kind === 'hatchet' ? 0.6 : 1)
    const blade = (outline: Point2[]): Solid =>
      // Thin towards the edge, which is furthest from the shaft.
      prism(outline, 0.09).warp((x, y, z) => [x, y, z * Math.max(0.06, 1 - Math.abs(x) / 0.4)])
    const wedge = xy(-0.06, -0.08, 0.06, -0.08, 0.2, -0.13, 0.33, -0.2)
    const edge: Point2[] = arc(0.05, 0, 0.35, -36, 36, 6)
    const heads: Record<typeof kind, () => Solid> = {
      felling: () => blade([...wedge.slice(0, 3), ...edge, ...xy(0.2, 0.1, 0.06, 0.08, -0.06, 0.08)]),
      double: () => blade([...xy(0, -0.07, 0.18, -0.12), ...edge, ...xy(0.18, 0.12, 0, 0.07)]).mirrored('x'),
      hatchet: () =>
        blade([
          ...xy(-0.1, -0.05, 0.06, -0.07, 0.16, -0.12),
          ...arc(0.02, -0.02, 0.28, -34, 28, 6),
          ...xy(0.06, 0.07, -0.1, 0.06),
        ]),
      bearded: () =>
        blade([
          ...xy(-0.05, -0.05, 0.1, -0.06, 0.14, -0.3),
          ...arc(-0.08, -0.03, 0.42, -40, 32, 7),
          ...xy(0.06, 0.08, -0.05, 0.08),
        ]),
      fire: () =>
        union(
          blade([...wedge.slice(0, 3), ...edge, ...xy(0.2, 0.1, 0.06, 0.08, -0.06, 0.08)]),
          prism(xy(0, 0.06, 0, -0.06, -0.2, -0.03, -0.36, -0.14, -0.22, 0.06), 0.06),
        ),
    }
    const eye = box(0.12, 0.17, 0.11, 0.02)
    return union(
      shaft(length, kind === 'hatchet' ? 0.045 : 0.035, kind === 'felling' || kind === 'hatchet' ? -0.07 : 0),
      union(heads[kind](), eye)
        .move(0, length - 0.08, 0)
        .of('head', 'metal'),
    )
  },
}

const hammer: Category = {
  name: 'hammer',
  build(random) {
    const kind = random.cycle(['claw', 'sledge', 'mallet', 'ball', 'mason'] as const)
    const length = random.spread(0.8, 1)
    const alongX = (solid: Solid) => solid.turn('z', -90)
    const face = alongX(lathe(xy(0.045, 0, 0.05, 0.08, 0.05, 0.12, 0.08, 0.16, 0.085, 0.25, 0.075, 0.26), { segments: 18 }))
    const eye = box(0.13, 0.13, 0.12, 0.03)
    const prong = tube(
      curve(xyz(-0.03, 0, 0.025, -0.14, 0.01, 0.03, -0.24, -0.04, 0.05, -0.3, -0.13, 0.07)),
      (t) => [0.028 * (1 - 0.4 * t), 0.05 * (1 - 0.85 * t)],
      { sides: 8 },
    )
    const heads: Record<typeof kind, () => Solid> = {
      claw: () => union(face, eye, prong.mirrored('z')),
      sledge: () => alongX(lathe(xy(0.09, -0.25, 0.12, -0.21, 0.12, 0.21, 0.09, 0.25), { segments: 8, crease: 20 })),
      mallet: () => alongX(cylinder(0.15, 0.5, { round: 0.02 }).move(0, -0.25, 0)),
      ball: () =>
        union(
          face,
          eye,
          alongX(cylinder(0.045, 0.16, { segments: 14 })).mirror('x'),
          sphere(0.085, { segments: 16, rings: 10 }).move(-0.19, 0, 0),
        ),
      mason: () =>
        union(
          box(0.2, 0.14, 0.14, 0.01).move(0.14, 0, 0),
          eye,
          prism(
            curve(xy(0, -0.06, -0.15, -0.08, -0.38, -0.16, -0.38, -0.14, -0.16, 0.03, 0, 0.07), { steps: 2, closed: true }),
            0.11,
          ).taper('x', 1.3, 0.9),
        ),
    }
    const grip =
      kind === 'claw' || kind === 'ball'
        ? [
            tube(xyz(0, 0.02, 0, 0, 0.14, 0, 0, 0.3, 0), (t) => [0.05 - 0.012 * Math.sin(Math.PI * t), 0.045], {
              sides: 10,
              round: true,
            }).of('grip', 'rubber'),
          ]
        : []
    return union(
      shaft(length, kind === 'mallet' ? 0.045 : 0.036),
      ...grip,
      heads[kind]()
        .move(0, length - 0.03, 0)
        .of('head', kind === 'mallet' ? 'wood' : 'metal'),
    )
  },
}

const screwdriver: Category = {
  name: 'screwdriver',
  build(random) {
    const kind = random.cycle(['fluted', 'stubby', 'tee', 'wooden', 'precision'] as const)
    const reach = random.spread(0.4, 0.6) * (kind === 'stubby' ? 0.45 : 1)
    const grip = (rim: Point2[], heights: readonly (readonly [number, number])[]) =>
      loft(
        heights.map(([size, y]) => ({ outline: rim, y, size })),
        { crease: 40 },
      )
    const flute = ellipse(1, 1, 36).map(([x, y], i): Point2 => [x * (i % 6 < 2 ? 0.82 : 1), y * (i % 6 < 2 ? 0.82 : 1)])
    const handles: Record<typeof kind, () => Solid> = {
      fluted: () => grip(flute, xy(0.05, 0, 0.06, 0.05, 0.045, 0.08, 0.085, 0.16, 0.09, 0.35, 0.08, 0.44, 0.05, 0.47)),
      stubby: () => grip(flute, xy(0.06, 0, 0.07, 0.04, 0.13, 0.12, 0.14, 0.24, 0.1, 0.34, 0.04, 0.36)),
      tee: () =>
        union(
          cylinder(0.045, 0.22, { segments: 14 }),
          tube(xyz(-0.24, 0.24, 0, 0, 0.26, 0, 0.24, 0.24, 0), (t) => 0.05 + 0.02 * Math.sin(Math.PI * t), {
            sides: 12,
            round: true,
          }),
        ),
      wooden: () =>
        lathe(curve(xy(0.04, 0, 0.06, 0.04, 0.045, 0.1, 0.09, 0.26, 0.08, 0.4, 0, 0.47), { steps: 3 }), { segments: 14 }),
      precision: () =>
        union(
          grip(polygon(6, 1), xy(0.03, 0, 0.035, 0.02, 0.035, 0.3, 0.02, 0.34)),
          cylinder(0.045, 0.03, { segments: 18 }).move(0, 0.36, 0),
          cylinder(0.012, 0.06, { segments: 8 }).move(0, 0.32, 0),
        ),
    }
    const rod = kind === 'precision' ? 0.014 : 0.024
    const flat = loft([
      { outline: rectangle(0.075, 0.008), y: 0 },
      { outline: rectangle(0.08, 0.016), y: 0.05 },
      { outline: rectangle(0.04, 0.04), y: 0.12 },
    ])
    const cross = cylinder(rod * 0.2, 0.06, { top: rod, segments: 4 })
    const tip = random.chance(0.6) || kind === 'wooden' ? flat.scale(kind === 'precision' ? 0.6 : 1) : cross
    return union(
      handles[kind]().of('handle', kind === 'wooden' ? 'wood' : 'plastic'),
      union(cylinder(rod, reach, { segments: 10 }).move(0, -reach, 0), tip.move(0, -reach - 0.05, 0)).of('blade', 'metal'),
    )
  },
}

const wrench: Category = {
  name: 'wrench',
  build(random) {
    const kind = random.cycle(['open', 'combination', 'adjustable', 'ring', 'pipe'] as const)
    const length = random.spread(0.7, 0.95)
    const jaw = (radius: number, gap: number): Solid => {
      const half = (Math.asin(gap / 2 / radius) * 180) / Math.PI
      return prism(
        [...arc(0, 0, radius, 90 + half, 450 - half, 20), ...xy(gap / 2, 0.02, 0, -gap * 0.35, -gap / 2, 0.02)],
        0.07,
        { bevel: 0.012 },
      )
    }
    const eye = (radius: number): Solid =>
      prism(ellipse(radius, radius, 24), 0.08, { holes: [star(6, radius * 0.7, radius * 0.58)], bevel: 0.012 })
    const bar = (from: number, to: number) =>
      prism(rectangle(0.085, to - from), 0.04, { bevel: 0.01 }).move(0, (from + to) / 2, 0)
    if (kind === 'open')
      return union(
        jaw(0.14, 0.13)
          .turn('z', -15)
          .move(0, length / 2, 0),
        jaw(0.11, 0.1)
          .turn('z', 165)
          .move(0, -length / 2, 0),
        bar(-length / 2, length / 2),
      ).of('steel', 'metal')
    if (kind === 'combination')
      return union(
        jaw(0.15, 0.14)
          .turn('z', -15)
          .move(0, length / 2, 0),
        eye(0.12)
          .turn('x', 10)
          .move(0, -length / 2 - 0.05, 0.01),
        bar(-length / 2, length / 2),
      ).of('steel', 'metal')
    if (kind === 'ring') {
      const bent = union(
        eye(0.13).move(0, length / 2 + 0.08, 0.09),
        tube(
          curve([
            [0, length / 2 - 0.02, 0.08],
            [0, length / 2 - 0.14, 0],
            [0, 0, 0],
            [0, 0.14 - length / 2, 0],
            [0, 0.02 - length / 2, 0.08],
          ] as Point3[]),
          (_) => [0.05, 0.03],
          { sides: 10 },
        ),
        eye(0.105).move(0, -length / 2 - 0.06, 0.09),
      )
      return bent.of('steel', 'metal')
    }
    const handle = prism(
      symmetric([
        [0, -length],
        [0.06, -length + 0.03],
        [0.07, -length + 0.1],
        [0.045, -0.2],
        [0.08, 0],
      ] as Point2[]),
      0.06,
      {
        bevel: 0.012,
        holes: kind === 'adjustable' ? [ellipse(0.03, 0.03, 10).map(([x, y]): Point2 => [x, y - length + 0.08])] : [],
      },
    )
    if (kind === 'adjustable') {
      const fixed = prism(
        xy(-0.08, -0.06, 0.08, -0.06, 0.17, 0.06, 0.03, 0.1, -0.03, 0.1, -0.06, 0.3, -0.12, 0.3, -0.16, 0.1),
        0.08,
        { bevel: 0.012 },
      )
      const moving = prism(xy(0.06, 0.03, 0.16, 0.05, 0.19, 0.14, 0.12, 0.28, 0.08, 0.28, 0.07, 0.12), 0.07, { bevel: 0.01 })
      const worm = torus(0.035, 0.014, { segments: 12, sides: 6 }).turn('z', 90).repeat(4, [0.028, 0, 0]).move(0.06, 0, 0.01)
      return union(handle, fixed.turn('z', -12), moving.turn('z', -12), worm).of('steel', 'metal')
    }
    const hook = prism(
      [
        [0.16, -0.1],
        [0.2, -0.1],
        [0.2, 0.24],
        [0.1, 0.36],
        [-0.16, 0.36],
        [-0.2, 0.26],
        [-0.12, 0.24],
        [-0.06, 0.27],
        [0.08, 0.26],
        [0.15, 0.2],
      ] as Point2[],
      0.06,
      { bevel: 0.01 },
    )
    const heel = prism(xy(-0.12, 0, 0.08, -0.1, 0.12, 0.02, 0.1, 0.13, -0.18, 0.13, -0.2, 0.05), 0.08, { bevel: 0.01 })
    return union(
      handle,
      heel,
      hook.move(0, 0.02, 0),
      torus(0.17, 0.025, { segments: 14, sides: 6 }).scale(0.5, 1.4, 0.5).move(0.14, -0.02, 0),
    ).of('steel', 'metal')
  },
}

export const tools: readonly Category[] = [axe, hammer, screwdriver, wrench]
