// Things to work, eat and play at.
import type { Category } from '../category.js'
import {
  box,
  curve,
  cylinder,
  lathe,
  type Point2,
  prism,
  rectangle,
  sphere,
  superellipse,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { bar, block, corners, drawers, fourLegs, legKinds } from './joinery.js'

/** A column with three or more feet under a table top. */
function pedestal(height: number, feet: number) {
  const column = lathe(
    curve(xy([0.1, 0.12, 0.06, 0.2, 0.09, 0.32, 0.05, 0.5, 0.08, 0.66, 0.16, 0.72]), { steps: 2 }).map(
      ([r, y]) => [r, (y * height) / 0.72] as const,
    ),
    { segments: 14 },
  )
  const foot = tube(
    curve(xyz([0, 0.16, 0.04, 0, 0.17, 0.16, 0, 0.06, 0.3, 0, 0.025, 0.42]), { steps: 3 }),
    (t) => 0.045 - 0.02 * t,
    { round: true },
  )
  return column.and(foot.around(feet))
}

export const tables: readonly Category[] = [
  {
    name: 'desk',
    build(random) {
      const kind = random.cycle(['double', 'single', 'trestle', 'corner', 'roll'])
      const [half, depth, top] = [random.spread(0.6, 0.8), 0.32, 0.74]
      const board = block([-half, top, -depth], [half, top + 0.035, depth], 0.008)
      const stack = (x0: number, x1: number) => {
        const { fronts, handles } = drawers(
          random.cycle([
            [1, 1, 1],
            [2, 1],
            [1, 1, 1, 1],
            [2, 1, 1],
            [1, 1],
          ]),
          [x0, x1],
          [0.06, top - 0.01],
          depth - 0.05,
          random.cycle(['knob', 'bar', 'cup', 'bar', 'knob']),
        )
        return union(
          block([x0, 0.03, -depth + 0.03], [x1, top, depth - 0.05])
            .and(fronts)
            .of('body', 'wood'),
          handles.of('handles', 'metal'),
        )
      }
      const left = stack(-half + 0.03, -half + 0.42)
      const back = block([-half + 0.05, 0.3, -depth + 0.03], [half - 0.05, top, -depth + 0.05])
      const leg = block([half - 0.08, 0, -depth + 0.03], [half - 0.03, top, -depth + 0.08]).and(
        block([half - 0.08, 0, depth - 0.08], [half - 0.03, top, depth - 0.03]),
      )
      if (kind === 'double') return union(board.and(back).of('top', 'wood'), left, left.mirror('x'))
      if (kind === 'trestle') {
        const frame = union(
          ...[-1, 1].map((s) => bar([0.16 * s, 0, 0.26], [0.06 * s, top, 0.2], 0.02)),
          bar([-0.13, 0.2, 0.25], [0.13, 0.2, 0.25], 0.015),
        )
          .mirrored('z')
          .and(bar([0, top - 0.02, -0.22], [0, top - 0.02, 0.22], 0.02))
        const shelf = block([-half, top + 0.26, -depth], [half, top + 0.28, -depth + 0.22]).and(
          ...[-half, 0, half - 0.02].map((x) => block([x, top, -depth], [x + 0.02, top + 0.27, -depth + 0.2])),
        )
        return union(
          board.and(shelf).of('top', 'wood'),
          frame
            .move(half * 0.7)
            .mirrored('x')
            .of('legs', 'metal'),
        )
      }
      if (kind === 'corner')
        return union(
          board.of('top', 'wood'),
          block([half - 0.55, top, depth - 0.01], [half, top + 0.035, depth + 0.75], 0.008).of('top', 'wood'),
          left,
          block([half - 0.04, 0, -depth + 0.02], [half - 0.01, top, depth + 0.73])
            .and(back)
            .of('body', 'wood'),
        )
      if (kind === 'roll') {
        const hutch = union(
          block([-half, top + 0.03, -depth], [half, top + 0.5, -depth + 0.03]),
          ...[-half, half - 0.03].map((x) =>
            prism(xy([-0.32, 0, 0.22, 0, 0.05, 0.3, -0.1, 0.47, -0.32, 0.47]), 0.03)
              .turn('y', -90)
              .move(x + 0.015, top + 0.03),
          ),
          block([-half, top + 0.47, -depth], [half, top + 0.5, -depth + 0.22]),
          ...[0.15, 0.3].map((y) => block([-half, top + y, -depth], [half, top + y + 0.015, -depth + 0.16])),
          ...[-0.3, 0.3].map((x) => block([x, top, -depth], [x + 0.015, top + 0.47, -depth + 0.16])),
        )
        return union(hutch.of('hutch', 'wood'), board.and(back).of('top', 'wood'), left, left.mirror('x'))
      }
      return union(board.and(back).of('top', 'wood'), left, leg.of('legs', 'metal'))
    },
  },
  {
    name: 'dressing_table',
    build(random) {
      const kind = random.cycle(['oval', 'square', 'triple', 'round', 'arch'])
      const legs = random.cycle(legKinds)
      const [half, depth, top] = [random.spread(0.45, 0.62), 0.22, 0.72]
      const outline: Record<string, Point2[]> = {
        oval: superellipse(0.24, 0.36, 2),
        square: rectangle(0.62, 0.56, 0.03),
        triple: rectangle(0.42, 0.6, 0.04),
        round: superellipse(0.32, 0.32, 2),
        arch: [
          ...rectangle(0.5, 0.4).slice(0, 2),
          ...superellipse(0.25, 0.3, 2, 24)
            .slice(0, 13)
            .map(([x, y]): Point2 => [x, y + 0.2]),
        ],
      }
      const shape = outline[kind]!
      const low = Math.min(...shape.map(([, y]) => y))
      const glass = (scale: number) =>
        prism(
          shape.map(([x, y]) => [x * scale, y * scale] as const),
          0.02,
        )
      const mirror = (x: number, z: number, turn: number) =>
        union(glass(1).of('frame', 'wood'), glass(0.88).move(0, 0, 0.012).of('mirror', 'glass'))
          .turn('y', turn)
          .move(x, top + 0.09 - low, z)
      const { fronts, handles } = drawers([1], [-half + 0.02, half - 0.02], [top - 0.17, top - 0.01], depth, 'knob')
      return union(
        block([-half, top, -depth - 0.03], [half, top + 0.03, depth + 0.03], 0.01)
          .and(block([-half + 0.02, top - 0.18, -depth], [half - 0.02, top, depth]), fronts)
          .of('body', 'wood'),
        handles.of('handles', 'metal'),
        fourLegs(legs, top - 0.17, half - 0.01, depth, 0.055).of('legs', 'wood'),
        mirror(0, -depth + 0.02, 0),
        ...(kind === 'triple'
          ? [mirror(-0.38, -depth + 0.1, 32).scale(0.95), mirror(0.38, -depth + 0.1, -32).scale(0.95)]
          : [
              bar([-0.02, top, -depth], [-0.02, top + 0.2, -depth], 0.02)
                .mirrored('x')
                .of('frame', 'wood'),
            ]),
      )
    },
  },
  {
    name: 'pool_table',
    build(random) {
      const legs = random.cycle(['square', 'turned', 'panel', 'cross', 'splayed'])
      const [half, depth, top] = [random.spread(1.05, 1.35), 0.65, 0.8]
      const hole = (x: number, z: number) => cylinder(0.075, 0.03, { segments: 12 }).move(x, top + 0.005, z)
      const pockets = union(...[-1, 0, 1].flatMap((i) => [-1, 1].map((j) => hole(i * half, j * depth))))
      const cushion = union(
        block([0.09, top, depth - 0.05], [half - 0.09, top + 0.05, depth + 0.08], 0.02)
          .mirrored('x')
          .mirrored('z'),
        block([half - 0.05, top, -depth + 0.09], [half + 0.08, top + 0.05, depth - 0.09], 0.02).mirrored('x'),
      )
      const under = {
        square: fourLegs('square', 0.62, half, depth, 0.14),
        turned: fourLegs('turned', 0.62, half, depth, 0.2),
        panel: block([half - 0.3, 0, -depth + 0.1], [half - 0.15, 0.62, depth - 0.1]).mirrored('x'),
        cross: union(bar([half - 0.5, 0, 0], [half - 0.1, 0.62, 0], 0.05), bar([half - 0.1, 0, 0], [half - 0.5, 0.62, 0], 0.05))
          .move(0, 0, depth - 0.15)
          .mirrored('x')
          .mirrored('z'),
        splayed: corners(
          tube(xyz([0.06, 0, 0.06, -0.1, 0.62, -0.1]), (t) => 0.04 + 0.03 * t),
          half - 0.08,
          depth - 0.08,
        ),
      }[legs]!
      const ball = sphere(0.035, { segments: 8, rings: 5 })
      const rack = [0, 1, 2, 3].flatMap((row) =>
        Array.from({ length: row + 1 }, (_, i) => ball.move(half * 0.4 + row * 0.064, top + 0.04, (i - row / 2) * 0.072)),
      )
      const cue = bar([-half * 0.7, top + 0.06, depth * 0.5], [half * 0.25, top + 0.065, -depth * 0.1], 0.012, 6)
      return union(
        block([-half, top - 0.02, -depth], [half, top + 0.01, depth]).of('cloth', 'cloth', [0.02, 0.25, 0.08]),
        cushion.and(block([-half - 0.05, top - 0.2, -depth - 0.05], [half + 0.05, top - 0.015, depth + 0.05])).of('body', 'wood'),
        pockets.of('pockets', 'leather', [0.02, 0.02, 0.02]),
        under.of('legs', 'wood'),
        union(...rack, ball.move(-half * 0.5, top + 0.04)).of('balls', 'plastic'),
        ...(random.cycle([true, false, true, false, true]) ? [cue.of('cue', 'wood')] : []),
      )
    },
  },
  {
    name: 'table',
    build(random) {
      const kind = random.cycle(['legs', 'round', 'oval', 'trestle', 'low'])
      const legs = random.cycle(legKinds)
      const [half, depth] = [random.spread(0.55, 0.9), random.spread(0.36, 0.5)]
      const top = kind === 'low' ? 0.42 : 0.73
      if (kind === 'round')
        return union(cylinder(0.55, 0.04, { round: 0.015 }).move(0, top).of('top', 'wood'), pedestal(top, 4).of('legs', 'wood'))
      if (kind === 'oval')
        return union(
          prism(superellipse(half, depth, 2.4, 28), 0.035)
            .turn('x', -90)
            .move(0, top)
            .of('top', 'wood'),
          pedestal(top, 3)
            .move(half * 0.45)
            .mirrored('x')
            .of('legs', 'wood'),
        )
      if (kind === 'trestle') {
        const side = prism(
          xy([
            -0.3, 0, 0.3, 0, 0.3, 0.06, 0.08, 0.1, 0.07, 0.6, 0.25, 0.68, 0.25, 0.74, -0.25, 0.74, -0.25, 0.68, -0.07, 0.6, -0.08,
            0.1, -0.3, 0.06,
          ]),
          0.07,
        ).turn('y', 90)
        return union(
          block([-half, top, -depth], [half, top + 0.05, depth], 0.01).of('top', 'wood'),
          side
            .move(half * 0.7)
            .mirrored('x')
            .and(block([-half * 0.75, 0.3, -0.03], [half * 0.75, 0.38, 0.03]))
            .of('legs', 'wood'),
        )
      }
      const frame = union(
        block([-half + 0.06, top - 0.1, depth - 0.08], [half - 0.06, top, depth - 0.06]).mirrored('z'),
        block([half - 0.08, top - 0.1, -depth + 0.06], [half - 0.06, top, depth - 0.06]).mirrored('x'),
      )
      const shelf = block([-half + 0.04, 0.12, -depth + 0.04], [half - 0.04, 0.14, depth - 0.04])
      return union(
        block([-half, top, -depth], [half, top + 0.035, depth], 0.012).of('top', 'wood'),
        fourLegs(legs, top, half - 0.03, depth - 0.03, 0.06).of('legs', 'wood'),
        (kind === 'low' ? shelf : frame).of('frame', 'wood'),
      )
    },
  },
  {
    name: 'football_table',
    build(random) {
      const kind = random.cycle(['posts', 'splayed', 'panel', 'cross', 'turned'])
      const rods = random.cycle([8, 6, 4, 8, 6])
      const [half, depth, top] = [random.spread(0.6, 0.75), 0.34, 0.85]
      const trough = union(
        block([-half, top - 0.22, -depth], [half, top - 0.1, depth]),
        block([-half, top - 0.22, depth - 0.03], [half, top, depth]).mirrored('z'),
        block([half - 0.03, top - 0.22, -depth], [half, top, depth]).mirrored('x'),
      )
      const under = {
        posts: fourLegs('square', 0.65, half, depth, 0.09),
        splayed: corners(tube(xyz([0.08, 0, 0.1, -0.06, 0.65, -0.06]), 0.04), half, depth),
        panel: block([half - 0.2, 0, -depth + 0.06], [half - 0.1, 0.65, depth - 0.06])
          .and(block([half - 0.3, 0, -depth], [half, 0.05, depth]))
          .mirrored('x'),
        cross: union(bar([0, 0, -depth], [0, 0.65, depth - 0.05], 0.035), bar([0, 0, depth], [0, 0.65, -depth + 0.05], 0.035))
          .move(half - 0.15)
          .mirrored('x'),
        turned: fourLegs('turned', 0.65, half, depth, 0.13),
      }[kind]!
      const player = box(0.05, 0.13, 0.03)
        .and(box(0.035, 0.04, 0.035).move(0, 0.08))
        .move(0, -0.03)
      const row = (i: number) => {
        const x = -half + ((i + 0.5) * 2 * half) / rods
        const side = i % 2 ? 1 : -1
        const shift = 0.06 * Math.sin(2.4 * i)
        return {
          rod: bar([x, top - 0.03, side * (-depth - 0.12) + shift], [x, top - 0.03, side * (depth + 0.2) + shift], 0.01, 6),
          grip: cylinder(0.022, 0.1, { segments: 8 })
            .turn('x', 90)
            .move(x, top - 0.03, side > 0 ? depth + 0.16 + shift : -depth - 0.26 + shift),
          team: player
            .turn('y', 90)
            .repeat(3, [0, 0, 0.17])
            .move(x, top - 0.02, shift),
        }
      }
      const all = Array.from({ length: rods }, (_, i) => row(i))
      return union(
        trough.of('body', 'wood'),
        under.of('legs', 'wood'),
        union(...all.map(({ rod }) => rod)).of('rods', 'metal'),
        union(...all.map(({ grip }) => grip)).of('grips', 'rubber'),
        union(...all.map(({ team }) => team)).of('players', 'plastic'),
      )
    },
  },
]
