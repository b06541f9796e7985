// Things to keep things in.
import type { Category } from '../category.js'
import { arc, curve, type Point2, prism, type Solid, union, xy } from '../kit/index.js'
import { bar, block, doorFront, drawers, fourLegs, type HandleKind } from './joinery.js'

/** A hollow case open to the front: sides, top, bottom and back. */
function carcass(half: number, low: number, high: number, depth: number, wall = 0.03): Solid {
  return union(
    block([half - wall, low, -depth], [half, high, depth]).mirrored('x'),
    block([-half, low, -depth], [half, low + wall, depth]),
    block([-half, high - wall, -depth], [half, high, depth]),
    block([-half, low, -depth], [half, high, -depth + 0.02]),
  )
}

const handleKinds: readonly HandleKind[] = ['knob', 'bar', 'cup', 'knob', 'bar']

export const storage: readonly Category[] = [
  {
    name: 'bookcase',
    build(random) {
      const kind = random.cycle(['full', 'ladder', 'cubes', 'cupboard', 'half'])
      const [half, high, depth] = [random.spread(0.38, 0.6), kind === 'half' ? 1.1 : random.spread(1.6, 2), 0.15]
      const rows = Math.round((high - (kind === 'cupboard' ? 0.6 : 0)) / 0.36)
      const low = kind === 'cupboard' ? 0.62 : 0.06
      const step = (high - 0.05 - low) / rows
      if (kind === 'cubes') {
        const cube = (x: number, y: number) => carcass(0.2, 0, 0.4, 0.17, 0.02).move(x, y)
        const places = [4, 3, 3, 2].flatMap((rows, column) =>
          Array.from({ length: rows }, (_, row) => [column * 0.38, row * 0.38] as const),
        )
        const filled = places.filter(() => random.chance(0.6))
        const row = ([x, y]: readonly [number, number]) =>
          block([0, 0, 0], [0.05, 0.27, 0.2])
            .repeat(4, [0.06, 0, 0], 'start')
            .move(x - 0.16, y + 0.02, -0.1)
        return union(
          union(...places.map(([x, y]) => cube(x, y))).of('frame', 'wood'),
          union(...filled.map(row)).of('books', 'paper'),
        )
      }
      const shelves = union(
        ...Array.from({ length: rows }, (_, i) =>
          block([-half + 0.02, low + i * step, -depth + 0.01], [half - 0.02, low + i * step + 0.025, depth - 0.01]),
        ),
      )
      const books = union(
        ...Array.from({ length: rows }, (_, i) => {
          const y = low + i * step + 0.025
          const tilt = random.chance(0.5)
          const row: Solid[] = []
          for (let x = -half + 0.06, n = 0; x < half * (kind === 'full' ? 0.8 : random.between(-0.3, 0.7)) && n < 9; ++n) {
            const [w, h] = [random.between(0.035, 0.075), step * random.between(0.5, 0.82)]
            row.push(block([x, y, -depth + 0.04], [x + w - 0.004, y + h, depth - 0.06]))
            x += w
          }
          return union(...row, ...(tilt ? [block([half - 0.2, y, -0.1], [half - 0.06, y + 0.05, 0.1])] : []))
        }),
      )
      const frame =
        kind === 'ladder'
          ? bar([half, 0, 0.16], [half, high, -0.12], 0.02)
              .and(bar([half, 0, -0.14], [half, high, -0.14], 0.02))
              .mirrored('x')
          : carcass(half, 0, high, depth)
      const doors = [doorFront([-half, 0], [0.05, 0.6], depth, 'right'), doorFront([0, half], [0.05, 0.6], depth, 'left')]
      return union(
        frame.and(shelves).of('frame', 'wood'),
        books.of('books', 'paper'),
        ...(kind === 'cupboard'
          ? doors.flatMap(({ fronts, handles }) => [fronts.of('frame', 'wood'), handles.of('handles', 'metal')])
          : []),
      )
    },
  },
  {
    name: 'box',
    build(random) {
      const kind = random.cycle(['open', 'closed', 'half', 'long', 'stack'])
      const one = (w: number, h: number, d: number, flaps: readonly number[]): Solid => {
        const t = 0.012
        const walls = union(
          block([-w, 0, -d], [w, t, d]),
          block([w - t, 0, -d], [w, h, d]).mirrored('x'),
          block([-w, 0, d - t], [w, h, d]).mirrored('z'),
        )
        const flap = (half: number, long: number, angle: number) => block([-half, 0, 0], [half, t, long]).turn('x', angle)
        const lids = [
          flap(w, d * 0.95, flaps[0]!).move(0, h, -d),
          flap(w, d * 0.95, flaps[1]!)
            .turn('y', 180)
            .move(0, h + 0.001, d),
          flap(d, w * 0.9, flaps[2]!)
            .turn('y', 90)
            .move(-w, h, 0),
          flap(d, w * 0.9, flaps[3]!)
            .turn('y', -90)
            .move(w, h, 0),
        ]
        return walls.and(...lids)
      }
      const [w, d] = [random.spread(0.3, 0.45), random.spread(0.24, 0.36)]
      const label = (y: number, z: number) =>
        block([-0.09, y, z], [0.09, y + 0.1, z + 0.006]).of('label', 'paper', [0.8, 0.8, 0.8])
      const tape = block([-0.025, 0, -d - 0.004], [0.025, 0.5, d + 0.004])
      if (kind === 'open') return union(one(w, 0.4, d, [-140, -130, -120, -150]).of('box', 'paper'), label(0.14, d))
      if (kind === 'closed')
        return union(
          block([-w, 0, -d], [w, 0.5, d]).of('box', 'paper'),
          tape.scale(1, 1.01, 1).of('tape', 'plastic'),
          label(0.2, d),
        )
      if (kind === 'half') return union(one(w * 0.8, 0.5, d, [-35, -150, -130, -70]).of('box', 'paper'), label(0.2, d))
      if (kind === 'long') return union(one(w * 1.5, 0.22, d, [-100, -160, -110, -125]).of('box', 'paper'), label(0.06, d))
      return union(
        block([-w, 0, -d], [w, 0.36, d])
          .and(
            one(w * 0.7, 0.3, d * 0.7, [-150, -120, -60, -140])
              .turn('y', 12)
              .move(0.03, 0.36),
          )
          .of('box', 'paper'),
        tape.scale(1, 0.73, 1).of('tape', 'plastic'),
        label(0.14, d),
      )
    },
  },
  {
    name: 'chest_of_drawers',
    build(random) {
      const rows = random.cycle([
        [1, 1, 1],
        [1, 1, 1, 1],
        [1.4, 1.2, 1, 1, 0.8],
        [1, 1],
        [1, 1, 1, 0.7],
      ])
      const kind = random.cycle(['legs', 'plinth', 'bow', 'split', 'tall'])
      const legs = random.cycle(['tapered', 'turned', 'splayed', 'square', 'round'] as const)
      const [half, depth] = [kind === 'tall' ? 0.32 : random.spread(0.4, 0.62), 0.22]
      const foot = kind === 'plinth' ? 0.06 : 0.16
      const high = foot + rows.length * 0.22
      const handles = random.cycle(handleKinds)
      const columns: [number, number][] =
        kind === 'split'
          ? [
              [-half + 0.02, 0],
              [0, half - 0.02],
            ]
          : [[-half + 0.02, half - 0.02]]
      const sets = columns.map((column) => drawers(rows, column, [foot + 0.02, high - 0.02], depth, handles))
      const top =
        kind === 'bow'
          ? prism(
              [
                [-half - 0.03, -depth - 0.02],
                ...curve(xy([half + 0.03, -depth - 0.02, half + 0.03, depth, 0, depth + 0.1, -half - 0.03, depth]), {
                  steps: 3,
                }).slice(2),
              ],
              0.03,
            )
              .turn('x', 90)
              .move(0, high + 0.015)
          : block([-half - 0.03, high, -depth - 0.01], [half + 0.03, high + 0.03, depth + 0.04], 0.01)
      return union(
        block([-half, foot, -depth], [half, high, depth])
          .and(top, ...sets.map(({ fronts }) => fronts))
          .of('body', 'wood'),
        union(...sets.map((set) => set.handles)).of('handles', 'metal'),
        (kind === 'plinth'
          ? block([-half + 0.03, 0, -depth], [half - 0.03, 0.07, depth - 0.03])
          : fourLegs(legs, foot, half, depth, 0.06)
        ).of('feet', 'wood'),
      )
    },
  },
  {
    name: 'wardrobe',
    build(random) {
      const kind = random.cycle(['cornice', 'plain', 'mirror', 'drawers', 'three'])
      const [half, high, depth] = [kind === 'three' ? 0.75 : random.spread(0.45, 0.6), random.spread(1.75, 2.05), 0.28]
      const low = kind === 'drawers' ? 0.52 : 0.1
      const count = kind === 'three' ? 3 : 2
      const edges = Array.from({ length: count + 1 }, (_, i) => -half + 0.01 + (i * (2 * half - 0.02)) / count)
      const ajar = (one: Solid, i: number) =>
        kind === 'plain' && i === 0 ? one.move(half, 0, -depth).turn('y', -75).move(-half, 0, depth) : one
      const doors = edges.slice(1).map((x, i) => {
        const { fronts, handles } = doorFront([edges[i]!, x], [low, high - 0.03], depth, i === 0 ? 'right' : 'left')
        return { fronts: ajar(fronts, i), handles: ajar(handles, i) }
      })
      const under = drawers([1, 1], [-half + 0.01, half - 0.01], [0.1, 0.52], depth, random.cycle(handleKinds))
      const crown =
        kind === 'cornice'
          ? [
              block([-half - 0.05, high, -depth], [half + 0.05, high + 0.05, depth + 0.07], 0.02),
              prism(
                curve(xy([-half, 0, -half * 0.4, 0.05, 0, 0.2, half * 0.4, 0.05, half, 0]), { steps: 3 }).reverse(),
                0.06,
              ).move(0, high + 0.04, depth),
            ]
          : kind === 'mirror'
            ? [
                prism(
                  [[-half, 0], [half, 0], ...arc(0, 0, 1, 0, 180, 12).map(([x, y]): Point2 => [x * half, 0.02 + 0.3 * y])],
                  2 * depth + 0.04,
                ).move(0, high),
              ]
            : kind === 'three'
              ? [block([-half / 3 - 0.03, high, -depth], [half / 3 + 0.03, high + 0.32, depth + 0.04], 0.01)]
              : [block([-half - 0.02, high, -depth], [half + 0.02, high + 0.03, depth + 0.03])]
      return union(
        block([-half, 0.08, -depth], [half, high, depth])
          .and(...crown, ...doors.map(({ fronts }) => fronts), ...(kind === 'drawers' ? [under.fronts] : []))
          .of('body', 'wood'),
        union(...doors.map(({ handles }) => handles), ...(kind === 'drawers' ? [under.handles] : [])).of('handles', 'metal'),
        (kind === 'plain' || kind === 'three'
          ? block([-half + 0.02, 0, -depth], [half - 0.02, 0.09, depth - 0.04])
          : fourLegs(kind === 'cornice' ? 'turned' : 'tapered', 0.1, half, depth, 0.09)
        ).of('feet', 'wood'),
        ...(kind === 'mirror'
          ? [block([0.07, low + 0.1, depth], [half - 0.08, high - 0.13, depth + 0.02]).of('mirror', 'glass')]
          : []),
      )
    },
  },
]
