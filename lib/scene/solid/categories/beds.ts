// Things to lie on.
import type { Category } from '../category.js'
import { box, curve, type Point2, type Point3, prism, rectangle, type Solid, sweep, tube, union, xy, xyz } from '../kit/index.js'
import { bar, block, corners } from './joinery.js'

/** Mattress, pillows and a cover for a bed of these half sides, its head at -z. */
function bedding(half: number, length: number, y: number, pillows: number): Solid {
  const mattress = block([-half, y, -length], [half, y + 0.2, length], 0.05)
  const cover = block([-half - 0.015, y + 0.02, -length * 0.45], [half + 0.015, y + 0.235, length + 0.015], 0.05)
  const pillow = box((2 * half) / pillows - 0.08, 0.13, 0.36, 0.06)
    .turn('x', 12)
    .move(0, y + 0.26, -length + 0.26)
    .repeat(pillows, [(2 * half) / pillows, 0, 0])
  return union(mattress.of('mattress', 'cloth'), cover.of('cover', 'cloth'), pillow.of('pillows', 'cloth'))
}

/** A board across the head or foot of a bed, its lower edge at y. */
function endBoard(kind: string, half: number, y: number, height: number): Solid {
  const posts = block([half - 0.03, 0, -0.03], [half + 0.03, y + height, 0.03]).mirrored('x')
  const rails = union(...[0, height - 0.06].map((at) => block([-half, y + at, -0.02], [half, y + at + 0.06, 0.02])))
  if (kind === 'bars') return union(posts, rails, bar([0, y, 0], [0, y + height, 0], 0.014, 6).repeat(7, [(2 * half) / 8, 0, 0]))
  if (kind === 'arch') {
    const curved: Point2[] = [
      [-half, 0],
      [half, 0],
      ...curve(
        xy([half, height * 0.7, half * 0.5, height * 0.9, 0, height * 1.15, -half * 0.5, height * 0.9, -half, height * 0.7]),
        { steps: 3 },
      ),
    ]
    return union(posts, prism(curved, 0.04).move(0, y))
  }
  if (kind === 'metal') {
    const bow = tube(
      curve(
        xyz([
          -half,
          0,
          0,
          -half,
          y + height * 0.8,
          0,
          -half * 0.6,
          y + height,
          0,
          half * 0.6,
          y + height,
          0,
          half,
          y + height * 0.8,
          0,
          half,
          0,
          0,
        ]),
        { steps: 3 },
      ),
      0.025,
    )
    return union(
      bow,
      bar([-half, y + 0.05, 0], [half, y + 0.05, 0], 0.018),
      bar([0, y, 0], [0, y + height, 0], 0.01, 6).repeat(6, [(2 * half) / 7, 0, 0]),
    )
  }
  if (kind === 'slats')
    return union(posts, block([-half, y, -0.015], [half, y + height * 0.26, 0.015]).repeat(3, [0, height * 0.37, 0], 'start'))
  return block([-half - 0.02, 0.05, -0.05], [half + 0.02, y + height, 0.05], 0.04)
}

export const beds: readonly Category[] = [
  {
    name: 'bed',
    build(random) {
      const kind = random.cycle(['panel', 'bars', 'arch', 'metal', 'slats'])
      const half = random.cycle([0.45, 0.8, 0.7, 0.5, 0.75])
      const canopy = random.cycle([false, false, true, false, false])
      const [length, base] = [1, 0.28]
      const head = random.spread(0.45, 0.75)
      const sides = block([half - 0.02, base - 0.1, -length], [half + 0.03, base + 0.06, length])
        .mirrored('x')
        .and(block([-half, base - 0.06, -length], [half, base, length]))
      const posts = corners(block([-0.03, 0, -0.03], [0.03, 1.9, 0.03]), half + 0.02, length + 0.04)
      const top = union(
        block([half - 0.01, 1.85, -length], [half + 0.05, 1.9, length]).mirrored('x'),
        block([-half, 1.85, length + 0.01], [half, 1.9, length + 0.07]).mirrored('z'),
      )
      return union(
        endBoard(kind, half + 0.02, base, head)
          .move(0, 0, -length - 0.04)
          .and(
            endBoard(kind, half + 0.02, base - 0.1, head * random.cycle([0.5, 0.4, 0.6, 0.25, 0.7])).move(0, 0, length + 0.04),
            sides,
            ...(canopy ? [posts, top] : []),
          )
          .of('frame', kind === 'metal' ? 'metal' : 'wood'),
        bedding(half, length, base, half > 0.6 ? 2 : 1),
      )
    },
  },
  {
    name: 'bunk_bed',
    build(random) {
      const kind = random.cycle(['ladder', 'stairs', 'metal', 'wide', 'desk'])
      const [half, length, low, high] = [0.46, 1, 0.28, random.spread(1.15, 1.35)]
      const metal = kind === 'metal'
      const lower = kind === 'wide' ? 0.7 : half
      const post = metal ? bar([0, 0, 0], [0, high + 0.45, 0], 0.025) : block([-0.035, 0, -0.035], [0.035, high + 0.45, 0.035])
      const bunk = (y: number, wide: number) =>
        union(
          block([wide - 0.02, y - 0.08, -length], [wide + 0.02, y + 0.06, length])
            .mirrored('x')
            .and(block([-wide, y - 0.04, -length], [wide, y, length])),
        )
      const rail = (y: number, z: number) => block([-half, y, z - 0.015], [half, y + 0.06, z + 0.015])
      const guard = union(
        ...[0.26, 0.4].map((y) => block([half - 0.01, high + y, -length], [half + 0.02, high + y + 0.06, length * 0.4])),
        ...[0.26, 0.4].map((y) => block([-half - 0.02, high + y, -length], [-half + 0.01, high + y + 0.06, length])),
      )
      const ends = [0.3, 0.4].flatMap((y) => [-length - 0.03, length + 0.03].map((z) => rail(high + y - 0.02, z)))
      const rungs = (lean: number) =>
        union(
          tube(xyz([half + 0.03 + lean, 0, 0, half + 0.03, high + 0.4, 0]), 0.02).repeat(2, [0, 0, 0.34]),
          ...[0.25, 0.5, 0.75, 1].map((t) =>
            bar(
              [half + 0.03 + lean * (1 - t * 0.8), t * high * 0.95, -0.17],
              [half + 0.03 + lean * (1 - t * 0.8), t * high * 0.95, 0.17],
              0.018,
              6,
            ),
          ),
        ).move(0, 0, length * 0.68)
      const stairs = union(
        ...[1, 2, 3, 4].map((i) =>
          block([-half, 0, length + 0.05 + (4 - i) * 0.22], [half * 0.2, (i * high) / 4.4, length + 0.27 + (4 - i) * 0.22]),
        ),
      )
      const table = block([-half, 0.7, -length * 0.8], [half, 0.73, length * 0.1]).and(
        block([-half, 0, -length * 0.8], [half, 0.7, -length * 0.77]),
        block([-half, 0, length * 0.07], [half, 0.7, length * 0.1]),
        block([-half, 1.0, -length * 0.8], [-half + 0.2, 1.02, length * 0.6]),
      )
      return union(
        corners(post, half, length + 0.03)
          .and(
            bunk(high, half),
            guard,
            ...ends,
            ...(kind === 'desk'
              ? []
              : [bunk(low, lower), corners(block([-0.03, 0, -0.03], [0.03, low + 0.2, 0.03]), lower, length + 0.02)]),
          )
          .of('frame', metal ? 'metal' : 'wood'),
        bedding(half - 0.03, length - 0.03, high, 1),
        ...(kind === 'desk' ? [table.of('desk', 'wood')] : [bedding(lower - 0.03, length - 0.03, low, 1)]),
        (kind === 'stairs' ? stairs : rungs(kind === 'metal' ? 0 : 0.22)).of('steps', metal ? 'metal' : 'wood'),
      ).turn('y', -90)
    },
  },
  {
    name: 'crib',
    build(random) {
      const kind = random.cycle(['straight', 'rockers', 'wheels', 'canopy', 'panel'])
      const [half, depth, low] = [random.spread(0.5, 0.66), 0.34, 0.36]
      const high = random.spread(0.85, 0.98)
      const post = block([-0.025, 0, -0.025], [0.025, high + 0.06, 0.025])
      const side = union(
        block([-half, high - 0.04, -0.02], [half, high, 0.02]),
        block([-half, low - 0.04, -0.02], [half, low, 0.02]),
        bar([0, low, 0], [0, high, 0], 0.012, 6).repeat(11, [(2 * half) / 12, 0, 0]),
      )
      const end =
        kind === 'panel'
          ? prism(
              [
                [-depth, low - 0.05],
                [depth, low - 0.05],
                ...curve(xy([depth, high, 0, high + 0.14, -depth, high]), { steps: 4 }),
              ],
              0.03,
            ).turn('y', 90)
          : union(
              block([-0.02, high - 0.04, -depth], [0.02, high, depth]),
              block([-0.02, low - 0.04, -depth], [0.02, low, depth]),
              bar([0, low, 0], [0, high, 0], 0.012, 6).repeat(5, [0, 0, (2 * depth) / 6]),
            )
      const rocker = sweep(
        rectangle(0.04, 0.05),
        curve(xyz([0, 0.1, 0.52, 0, 0, 0.25, 0, -0.03, 0, 0, 0, -0.25, 0, 0.1, -0.52]), { steps: 3 }),
      )
        .move(half)
        .mirrored('x')
      const wheel = box(0.03, 0.08, 0.08, 0.03)
      const arch = tube(
        curve(
          xyz([
            -half,
            high,
            -depth,
            -half,
            high + 0.45,
            -depth * 0.6,
            -half * 0.6,
            high + 0.6,
            0,
            -half,
            high + 0.45,
            depth * 0.6,
            -half,
            high,
            depth,
          ]),
          { steps: 3 },
        ),
        0.014,
        { sides: 6 },
      )
      const mobile = tube(
        curve(xyz([-half, high, 0, -half, high + 0.5, 0, -half * 0.5, high + 0.55, 0]), { steps: 3 }),
        0.014,
      ).and(
        ...[-1, 0, 1].map((i) =>
          bar([-half * 0.5 + 0.1 * i, high + 0.3, 0.05 * i], [-half * 0.5, high + 0.55, 0], 0.006, 5).and(
            box(0.06, 0.06, 0.06, 0.02).move(-half * 0.5 + 0.1 * i, high + 0.28, 0.05 * i),
          ),
        ),
      )
      return union(
        corners(post, half, depth)
          .and(side.move(0, 0, depth).mirrored('z'), end.move(half).mirrored('x'))
          .of('frame', 'wood'),
        block([-half + 0.02, low - 0.02, -depth + 0.02], [half - 0.02, low + 0.1, depth - 0.02], 0.03).of('mattress', 'cloth'),
        box(0.2, 0.08, 0.4, 0.035)
          .move(-half + 0.16, low + 0.14)
          .of('mattress', 'cloth'),
        ...(kind === 'rockers' ? [rocker.of('frame', 'wood')] : []),
        ...(kind === 'wheels' ? [corners(wheel, half, depth).of('wheels', 'rubber')] : []),
        ...(kind === 'canopy' ? [arch.and(arch.scale(0.85, 1.02, 0.8)).of('canopy', 'metal')] : []),
        ...(kind === 'straight' ? [mobile.of('mobile', 'plastic')] : []),
      )
    },
  },
  {
    name: 'hammock',
    build(random) {
      const kind = random.cycle(['arc', 'posts', 'tripod', 'spreader', 'bowl'])
      const sag = random.spread(0.35, 0.55)
      const length = random.spread(1.1, 1.35)
      const bars = kind === 'spreader' || kind === 'posts'
      const dip = (t: number): number => 1 - sag * (1 - (2 * t - 1) ** 2)
      const wide = (t: number) => (bars ? 0.42 : 0.42 * Math.sin(Math.PI * Math.min(Math.max(0.12 + 0.76 * t, 0), 1)) ** 0.7)
      const bed = sweep(
        rectangle(2, 0.02),
        Array.from(
          { length: 13 },
          (_, i): Point3 => [-length * 0.72 + (length * 1.44 * i) / 12, 0.62 * dip(i / 12) + (bars ? 0 : 0.03), 0],
        ),
        { size: (t) => [wide(t), 1] },
      )
      const end = bed.box
      const rope = union(
        ...[-1, -0.5, 0, 0.5, 1].map((s) =>
          bar([length * 0.72, end.high[1] - 0.02, s * wide(0)], [length * 1.02, 0.86, 0], 0.008, 5),
        ),
      ).mirrored('x')
      const spreader = bar([length * 0.72, end.high[1] - 0.01, -0.44], [length * 0.72, end.high[1] - 0.01, 0.44], 0.018).mirrored(
        'x',
      )
      const stand = {
        arc: sweep(
          rectangle(0.08, 0.05),
          curve(xyz([-length * 1.08, 0.9, 0, -length * 0.75, 0.3, 0, 0, 0.04, 0, length * 0.75, 0.3, 0, length * 1.08, 0.9, 0]), {
            steps: 4,
          }),
        ).and(block([length * 0.35, 0, -0.45], [length * 0.43, 0.07, 0.45]).mirrored('x')),
        posts: block([length * 1.02, 0, -0.05], [length * 1.1, 1.0, 0.05])
          .and(block([length * 0.9, 0, -0.35], [length * 1.2, 0.05, 0.35]))
          .mirrored('x')
          .and(block([-length, 0, -0.03], [length, 0.05, 0.03])),
        tripod: union(
          bar([length * 1.03, 0.88, 0], [length * 1.3, 0, 0.3], 0.025),
          bar([length * 1.03, 0.88, 0], [length * 1.3, 0, -0.3], 0.025),
          bar([length * 1.03, 0.88, 0], [length * 0.75, 0, 0], 0.025),
        ).mirrored('x'),
        spreader: tube(
          curve(xyz([length * 1.05, 0.88, 0, length * 0.9, 0.4, 0, length * 0.6, 0.06, 0, 0, 0.04, 0]), { steps: 3 }),
          0.03,
        )
          .mirrored('x')
          .and(bar([length * 0.6, 0.03, -0.45], [length * 0.6, 0.03, 0.45], 0.03).mirrored('x')),
        bowl: bar([length * 1.04, 0, 0], [length * 1.04, 1.05, 0], 0.06).mirrored('x'),
      }[kind]!
      return union(
        bed.of('bed', 'cloth'),
        rope.of('ropes', 'cloth'),
        ...(bars ? [spreader.of('spreaders', 'wood')] : []),
        stand.of('stand', kind === 'spreader' ? 'metal' : 'wood'),
      )
    },
  },
]
