// The kit of solids against volumes that are known, what is said of a mesh that is wrong, and every built-in instance of every category.
import { describe, expect, it } from 'vitest'
import { categories } from '../../lib/scene/solid/categories/index.js'
import { buildMesh, instances, Random } from '../../lib/scene/solid/category.js'
import {
  box,
  curve,
  cylinder,
  ellipse,
  helix,
  inset,
  lathe,
  leaf,
  loft,
  piece,
  polygon,
  prism,
  rectangle,
  type Solid,
  sheet,
  sphere,
  star,
  sweep,
  torus,
  triangulate,
  tube,
  twiceArea,
  union,
  vessel,
  xy,
  xyz,
} from '../../lib/scene/solid/kit/index.js'
import { checkMesh, checkPiece, type Mesh, mostTriangles, signedVolume } from '../../lib/scene/solid/mesh.js'

const volume = (solid: Solid) => solid.pieces.reduce((sum, { points, triangles }) => sum + signedVolume(points, triangles), 0)
/** Area of a regular polygon in a circle, as a share of the circle's. */
const share = (corners: number) => (corners / (2 * Math.PI)) * Math.sin((2 * Math.PI) / corners)

describe('solids', () => {
  const frustum = (low: number, high: number, height: number) => (height / 3) * (low + high + Math.sqrt(low * high))
  const cases: [string, Solid, number][] = [
    ['a box', box(2, 3, 4), 24],
    ['a box mirrored', box(2, 3, 4).move(5).mirror('x'), 24],
    ['a box turned about each axis', box(2, 3, 4).turn('x', 30).turn('y', 50).turn('z', 70), 24],
    ['a box with one axis turned round', box(2, 3, 4).scale(1, -2, 1), 48],
    ['a box and its image', box(1, 1, 1).move(2).mirrored('x'), 2],
    ['five boxes around', box(1, 1, 1).move(3).around(5), 5],
    ['four boxes in a row', box(1, 1, 1).repeat(4, [2, 0, 0]), 4],
    ['a tapered box', box(2, 3, 2).taper('y', 1, 0.5), frustum(4, 1, 3)],
    ['a frame', prism(rectangle(4, 4), 2, { holes: [rectangle(1, 2)] }), (16 - 2) * 2],
    [
      'a frame with four holes',
      prism(rectangle(9, 9), 1, {
        holes: [
          [1, 1],
          [1, 4],
          [4, 1],
          [4, 4],
        ].map(([x, y]) => rectangle(1, 1).map(([a, b]) => [a + x! - 2, b + y! - 2] as const)),
      }),
      81 - 4,
    ],
    ['a bevelled plate', prism(rectangle(4, 4), 2, { bevel: 0.5 }), 16 + 2 * frustum(9, 16, 0.5)],
    ['a star', prism(star(5, 2, 1), 3), (3 * Math.abs(twiceArea(star(5, 2, 1)))) / 2],
    ['a cylinder', cylinder(2, 5, { segments: 17 }), 20 * Math.PI * share(17)],
    ['a cone', cylinder(2, 6, { top: 0, segments: 12 }), 8 * Math.PI * share(12)],
    ['a vessel', vessel(xy(2, 0, 2, 3, 2, 5), 0.5, { segments: 12 }), Math.PI * share(12) * (4 * 5 - 1.5 ** 2 * 4.5)],
    ['a lathe on its axis', lathe(xy(0, 0, 1, 1, 0, 2), { segments: 8 }), ((2 * Math.PI) / 3) * share(8)],
    ['a straight tube', tube(xyz(1, 2, 3, 1, 2, 7), 1.5, { sides: 9 }), 2.25 * Math.PI * share(9) * 4],
    [
      'a loft',
      loft([
        { outline: rectangle(2, 2), y: 0 },
        { outline: rectangle(2, 2), y: 3, size: 0.5, x: 1 },
      ]),
      frustum(4, 1, 3),
    ],
    ['a sheet', sheet((u, v) => [4 * u, 0, 3 * v], 0.25, { across: 3, along: 5 }), 3],
  ]
  it.each(cases)('%s has the volume that is known', (_, solid, expected) => {
    expect(volume(solid)).toBeCloseTo(expected, 6)
    for (const one of solid.pieces) expect(checkPiece(one)).toBeUndefined()
  })

  const curved: [string, (steps: number) => Solid, number][] = [
    ['a ball', (n) => sphere(1.5, { segments: 2 * n, rings: n }), (4 / 3) * Math.PI * 1.5 ** 3],
    ['a ring', (n) => torus(3, 0.5, { segments: 2 * n, sides: n }), 2 * Math.PI ** 2 * 3 * 0.25],
    [
      'a closed tube',
      (n) =>
        tube(
          ellipse(3, 3, 2 * n).map(([x, z]) => [x, 0, z] as const),
          0.5,
          { sides: n, closed: true },
        ),
      2 * Math.PI ** 2 * 3 * 0.25,
    ],
    [
      'a bent rod',
      (n) => loft(Array.from({ length: n + 1 }, (_, i) => ({ outline: rectangle(0.5, 0.5), y: (4 * i) / n }))).bend('y', 'x', 90),
      1,
    ],
  ]
  it.each(curved)('%s comes to the volume of the smooth body, the error a quarter at twice the steps', (_, build, expected) => {
    const [coarse, fine] = [24, 48].map((n) => Math.abs(volume(build(n)) - expected) / expected) as [number, number]
    expect(coarse).toBeLessThan(0.02)
    expect(fine).toBeLessThan(0.3 * coarse)
  })

  it('closed solids come of every shape', () => {
    const shapes = [
      box(1, 2, 3, 0.2),
      box(1, 0.2, 3, 0.5),
      cylinder(1, 2, { round: 0.3 }),
      tube(helix(1, 3, 2), (t) => 0.2 - 0.2 * t, { round: false }),
      tube(curve(xyz(0, 0, 0, 1, 1, 0, 2, 0, 1)), (t) => [0.3 - 0.1 * t, 0.2], { round: true }),
      sweep(star(5, 0.2, 0.1), xyz(0, 0, 0, 0, 1, 0, 1, 1, 0), { twist: 90 }),
      loft([0, 1, 2, 3].map((y) => ({ outline: rectangle(1, 1), y }))).twist('y', 90),
      leaf(1, 0.5),
      leaf(2, 0.1, { droop: -0.5, fold: 1, widest: 0.7 }),
    ]
    for (const shape of shapes) for (const one of shape.pieces) expect(checkPiece(one)).toBeUndefined()
    expect(checkMesh(union(...shapes).toMesh())).toBeUndefined()
  })

  it('normals point away from the middle of a ball and are those of its six sides on a box', () => {
    const ball = sphere(2, { segments: 32, rings: 16 }).toMesh()
    for (let v = 0; v < ball.positions.length; v += 3) {
      const [p, n] = [ball.positions.subarray(v, v + 3), ball.normals.subarray(v, v + 3)]
      expect((p[0]! * n[0]! + p[1]! * n[1]! + p[2]! * n[2]!) / Math.hypot(...p)).toBeGreaterThan(0.99)
    }
    const normals = box(1, 2, 3).toMesh().normals
    expect(normals.length / 3).toBe(24)
    for (let v = 0; v < normals.length; v += 3) expect([...normals.subarray(v, v + 3)].map(Math.abs).sort()).toEqual([0, 0, 1])
  })

  it('an outline is cut into triangles of its area that use every point, those on straight lines too', () => {
    const outlines = [
      rectangle(2, 1),
      star(7, 2, 0.5),
      xy(0, 0, 1, 0, 2, 0, 3, 0, 3, 2, 2, 2, 1, 2, 0, 2),
      ellipse(1, 2, 40),
      polygon(3, 1),
    ]
    for (const outline of outlines)
      for (const points of [outline, [...outline].reverse()]) {
        const triangles = triangulate(points)
        expect(new Set(triangles).size).toBe(points.length)
        expect(triangles.length).toBe(3 * (points.length - 2))
        const areas = Array.from({ length: triangles.length / 3 }, (_, f) =>
          twiceArea([0, 1, 2].map((k) => points[triangles[3 * f + k]!]!)),
        )
        expect(Math.min(...areas)).toBeGreaterThan(0)
        expect(areas.reduce((a, b) => a + b)).toBeCloseTo(Math.abs(twiceArea(points)), 9)
      }
    expect(() => triangulate(xy(0, 0, 1, 1, 1, 0, 0, 1))).toThrow('triangulate: outline is one that crosses itself')
    expect(inset(rectangle(4, 2), 0.5)).toEqual(rectangle(3, 1))
  })

  it('an open surface and a vessel whose outside goes down are refused', () => {
    expect(() => vessel(xy(1, 0, 1, 2, 2, 1), 0.1)).toThrow('vessel: profile[2] is lower than the point before it')
    const open = piece(xyz(0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1), [0, 2, 1, 0, 1, 3, 0, 3, 2]).of('tent', 'cloth')
    expect(() => open.toMesh()).toThrow('toMesh: solid is wrong: part tent is open at 3 edges; expected closed surfaces')
  })
})

describe('what is wrong with a mesh', () => {
  const good = box(1, 2, 3).toMesh()
  const changed = (change: Partial<Mesh>): Mesh => ({ ...good, ...change })
  it.each<[string, Mesh, RegExp | undefined]>([
    ['nothing', good, undefined],
    ['no triangle', changed({ triangles: new Int32Array(0), parts: new Uint8Array(0) }), /no triangles/],
    ['a hole', changed({ triangles: good.triangles.slice(3), parts: good.parts.slice(1) }), /3 of its edges are open/],
    ['inside out', changed({ triangles: good.triangles.map((_, i, all) => all[i - (i % 3) + 2 - (i % 3)]!) }), /face inwards/],
    ['a sliver', changed({ positions: good.positions.map((x, i) => (i % 3 === 0 ? x * 1e-12 : x)) }), /has an area of/],
    ['too large', changed({ positions: good.positions.map((x) => 2 * x) }), /longest side is 2/],
    ['off the middle', changed({ positions: good.positions.map((x) => x + 0.1) }), /not about the origin/],
    ['not a number', changed({ positions: good.positions.map((x, i) => (i === 7 ? Number.NaN : x)) }), /not finite/],
    ['a long normal', changed({ normals: good.normals.map((x) => 2 * x) }), /normal 0 is not of length 1/],
    ['a vertex that is not there', changed({ triangles: good.triangles.map((v) => v + 1) }), /vertex that is not there/],
    ['a part that is not there', changed({ parts: good.parts.map(() => 1) }), /is of no part/],
    ['too many triangles', sphere(1, { segments: 60, rings: 40 }).toMesh(), new RegExp(`more than ${mostTriangles}`)],
    [
      'too many parts',
      union(
        ...Array.from({ length: 9 }, (_, i) =>
          box(1, 1, 1)
            .move(2 * i)
            .of(`part ${i}`, 'wood'),
        ),
      ).toMesh(),
      /9 parts/,
    ],
  ])('%s', (_, mesh, expected) => {
    if (expected) expect(checkMesh(mesh)).toMatch(expected)
    else expect(checkMesh(mesh)).toBeUndefined()
  })
})

describe('random shape parameters', () => {
  const five = [0, 1, 2, 3, 4].map((k) => new Random('chair', k))
  it('go through a list once in as many instances, and spread over a range', () => {
    for (let call = 0; call < 3; call++)
      expect(five.map((random) => random.cycle(['a', 'b', 'c', 'd', 'e'])).sort()).toEqual(['a', 'b', 'c', 'd', 'e'])
    const spread = five.map((random) => random.spread(10, 20)).sort()
    spread.forEach((value, i) => {
      expect(value).toBeGreaterThanOrEqual(10 + 2 * i)
      expect(value).toBeLessThan(12 + 2 * i)
    })
  })
  it('are those of the category and instance alone', () => {
    const numbers = (name: string, instance: number) => {
      const random = new Random(name, instance)
      return [random.next(), random.between(3, 4), random.whole(1, 6), random.pick([7, 8, 9]), random.cycle([1, 2, 3])]
    }
    expect(numbers('chair', 3)).toEqual(numbers('chair', 3))
    expect(numbers('chair', 3)[0]).not.toBe(numbers('chair', 4)[0])
    expect(numbers('chair', 3)[0]).not.toBe(numbers('table', 3)[0])
  })
})

const side = 24

/**
 * What an object looks like from its six sides when its box is stretched to a cube: the depth, 0 to 1, at each of side x side places, 2 where it
 * is not. Scaling the axes changes nothing of it.
 */
function depths({ positions, triangles }: Mesh): Float32Array {
  const out = new Float32Array(6 * side * side).fill(2)
  const unit = new Float32Array(positions.length)
  for (let axis = 0; axis < 3; axis++) {
    let [low, high] = [Infinity, -Infinity]
    for (let i = axis; i < positions.length; i += 3) {
      low = Math.min(low, positions[i]!)
      high = Math.max(high, positions[i]!)
    }
    for (let i = axis; i < positions.length; i += 3) unit[i] = (positions[i]! - low) / (high - low)
  }
  for (let axis = 0; axis < 3; axis++)
    for (let f = 0; f < triangles.length; f += 3) {
      const corner = (k: number) =>
        [1, 2, 0].map((turn) => unit[3 * triangles[f + k]! + ((axis + turn) % 3)]!) as [number, number, number]
      const [a, b, c] = [corner(0), corner(1), corner(2)]
      const area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
      if (area === 0) continue
      const range = (i: 0 | 1) =>
        [Math.ceil(Math.min(a[i], b[i], c[i]) * side - 0.5), Math.floor(Math.max(a[i], b[i], c[i]) * side - 0.5)] as const
      const [[left, right], [top, bottom]] = [range(0), range(1)]
      for (let y = top; y <= bottom; y++)
        for (let x = left; x <= right; x++) {
          const [px, py] = [(x + 0.5) / side, (y + 0.5) / side]
          const u = ((b[0] - px) * (c[1] - py) - (c[0] - px) * (b[1] - py)) / area
          const v = ((c[0] - px) * (a[1] - py) - (a[0] - px) * (c[1] - py)) / area
          if (u < 0 || v < 0 || u + v > 1) continue
          const depth = u * a[2] + v * b[2] + (1 - u - v) * c[2]
          const at = (2 * axis * side + y) * side + x
          out[at] = Math.min(out[at]!, depth)
          out[at + side * side] = Math.min(out[at + side * side]!, 1 - depth)
        }
    }
  return out
}

/** Mean difference of depth over the places where at least one of two objects is; where only one is, it counts as 1. */
function difference(a: Float32Array, b: Float32Array): number {
  let [sum, count] = [0, 0]
  for (let i = 0; i < a.length; i++) {
    if (a[i] === 2 && b[i] === 2) continue
    sum += a[i] === 2 || b[i] === 2 ? 1 : Math.abs(a[i]! - b[i]!)
    count++
  }
  return sum / count
}

describe('categories', () => {
  it('are at least 117, each once, in order', () => {
    const names = categories.map(({ name }) => name)
    expect(names.length).toBeGreaterThanOrEqual(117)
    expect(names).toEqual([...new Set(names)].sort())
    for (const name of names) expect(name).toMatch(/^[a-z]+(_[a-z]+)*$/)
  })

  it('differ in shape by a measure that scaling the axes leaves at nothing', () => {
    const drop = lathe(curve(xy(0, 0, 0.5, 0.3, 0.2, 1, 0, 1.2)))
    const [plain, scaled] = [drop, drop.scale(1, 3, 0.5)].map((solid) => depths(solid.toMesh())) as [Float32Array, Float32Array]
    expect(difference(plain, scaled)).toBeLessThan(0.005)
    expect(difference(plain, depths(drop.mirror('y').toMesh()))).toBeGreaterThan(0.1)
  })

  it.each(categories.map((category) => [category.name, category] as const))('%s', (_, category) => {
    const meshes = Array.from({ length: instances + 1 }, (_, k) => buildMesh(category, k))
    meshes.forEach((mesh, k) => {
      const wrong = checkMesh(mesh)
      expect(wrong && `instance ${k}: ${wrong}`).toBeUndefined()
    })
    expect(buildMesh(category, 2)).toEqual(meshes[2])
    const standard = meshes.slice(0, instances).map(depths)
    for (let a = 0; a < instances; a++)
      for (let b = 0; b < a; b++) expect(difference(standard[a]!, standard[b]!), `instances ${b} and ${a}`).toBeGreaterThan(0.04)
  })
})
