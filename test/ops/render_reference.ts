// The float64 form of render_scenes, pixel by pixel and sample by sample: every triangle is asked of every sample in its reach.
import { type Case, type Expected, type Host, U } from './proof.js'

type Triple = [number, number, number]
type Corner = { x: number; y: number; q: number }

const near = 1 / 32
const far = 2 ** 22
const guard = 2 ** 21
const nearness = 2 ** 23
export const samples: readonly (readonly [number, number])[] = [
  [96, 32],
  [224, 96],
  [32, 160],
  [160, 224],
]
/** Of directions of about length 1, after some ten roundings of float32. */
const margin = 16 * U
const offsets = [0, 65536, 81920, 86016, 87040, 87296, 87360, 87376, 87380]

const row = (host: Host, i: number, columns: number): number[] => [...host.data.subarray(i * columns, (i + 1) * columns)]
const dot = (a: readonly number[], b: readonly number[]): number =>
  (a[0] as number) * (b[0] as number) + (a[1] as number) * (b[1] as number) + (a[2] as number) * (b[2] as number)
const cross = (a: readonly number[], b: readonly number[]): Triple => {
  const [ax, ay, az] = a as Triple
  const [bx, by, bz] = b as Triple
  return [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx]
}
const minus = (a: readonly number[], b: readonly number[]): Triple =>
  [0, 1, 2].map((k) => (a[k] as number) - (b[k] as number)) as Triple
const scaled = (a: readonly number[], factor: number): Triple => a.map((x) => x * factor) as Triple
const plus = (a: readonly number[], b: readonly number[]): Triple =>
  [0, 1, 2].map((k) => (a[k] as number) + (b[k] as number)) as Triple
const mix = (a: readonly number[], b: readonly number[], share: number): Triple => plus(a, scaled(minus(b, a), share))
const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high)
const unit = (a: readonly number[]): Triple => scaled(a, 1 / Math.hypot(...a))

interface Shape {
  object: number
  pose: number[]
  /** Sign of the screen's area of a face that looks at the camera. */
  front: number
  first: number
  vertices: number[][]
  moved: Triple[]
  triangles: { rows: Triple; material: number[]; number: number }[]
}

/** Triangles with integer corners, clockwise on the screen, and how near they are. */
class Outline {
  private readonly across: number
  private readonly down: number
  private readonly range: [number, number]

  private constructor(private readonly corners: [Corner, Corner, Corner]) {
    const [a, b, c] = corners
    const area = (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y)
    const slope = (rise: number) => Math.fround(Math.fround(rise) / Math.fround(area))
    this.across = slope((b.q - a.q) * (c.y - a.y) - (c.q - a.q) * (b.y - a.y))
    this.down = slope((c.q - a.q) * (b.x - a.x) - (b.q - a.q) * (c.x - a.x))
    this.range = [Math.min(a.q, b.q, c.q), Math.max(a.q, b.q, c.q)]
  }
  static of(a: Corner, b: Corner, c: Corner, front: number, both: boolean): Outline | null {
    const area = (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y)
    if (area === 0 || (!both && area > 0 !== front > 0)) return null
    return new Outline(area > 0 ? [a, b, c] : [a, c, b])
  }
  reach(axis: 'x' | 'y', size: number): [number, number] {
    const at = this.corners.map((c) => c[axis])
    return [Math.max(0, Math.floor(Math.min(...at) / 256)), Math.min(size - 1, Math.floor(Math.max(...at) / 256))]
  }
  /** Nearness at a point; 0 outside. */
  at(x: number, y: number): number {
    for (const [i, from] of this.corners.entries()) {
      const to = this.corners[(i + 1) % 3] as Corner
      const dx = to.x - from.x
      const dy = to.y - from.y
      const side = dx * (y - from.y) - dy * (x - from.x)
      if (side < 0 || (side === 0 && !(dy < 0 || (dy === 0 && dx > 0)))) return 0
    }
    const first = this.corners[0]
    return Math.trunc(clamp(first.q + this.across * (x - first.x) + this.down * (y - first.y), ...this.range))
  }
}

/** The part of a polygon where every function is not negative. */
function cut(polygon: Triple[], inside: ((p: Triple) => number)[]): Triple[] {
  for (const f of inside) {
    const kept: Triple[] = []
    for (const [i, a] of polygon.entries()) {
      const b = polygon[(i + 1) % polygon.length] as Triple
      if (f(a) >= 0) kept.push(a)
      if (f(a) >= 0 !== f(b) >= 0) kept.push(plus(a, scaled(minus(b, a), f(a) / (f(a) - f(b)))))
    }
    polygon = kept
  }
  return polygon
}

class Picture {
  private readonly world: number[]
  private readonly shapes: Shape[] = []
  private readonly nearest: Float64Array
  private readonly numbers: Int32Array
  private readonly firstCovers: Uint8Array
  /** Set where a pixel stands so near to an edge of light, wall or horizon that float32 may see it on the other side. */
  private unsure = false
  private sunMap: {
    size: number
    texel: number
    axes: [Triple, Triple, Triple]
    corner: Triple
    step: number
    near: Float64Array
  } | null = null

  constructor(
    private readonly inputs: (Host | null)[],
    private readonly n: number,
    private readonly size: number,
  ) {
    const [vertices, triangles, meshes, , materials, places, poses, worlds] = inputs as Host[]
    this.world = row(worlds as Host, n, 50)
    this.nearest = new Float64Array(size * size * 4)
    this.numbers = new Int32Array(size * size * 4)
    this.firstCovers = new Uint8Array(size * size * 4)
    const objects = places?.shape[1] as number
    let number = 0
    for (let b = 0; b < objects; b++) {
      const [mesh, material] = row(places as Host, n * objects + b, 2) as [number, number]
      if (mesh < 0) continue
      const pose = row(poses as Host, n * objects + b, 14)
      const [firstVertex, count, firstTriangle, faces] = row(meshes as Host, mesh, 4) as [number, number, number, number]
      const linear = [0, 4, 8].map((k) => pose.slice(k, k + 3))
      const front = Math.sign(dot(linear[0] as number[], cross(linear[1] as number[], linear[2] as number[])))
      if (front === 0) continue
      const own = Array.from({ length: count }, (_, i) => row(vertices as Host, firstVertex + i, 6))
      this.shapes.push({
        object: b,
        pose,
        front,
        first: number,
        vertices: own,
        moved: own.map(
          (v) => [0, 4, 8].map((k) => Math.fround(dot(pose.slice(k, k + 3), v) + (pose[k + 3] as number))) as Triple,
        ),
        triangles: Array.from({ length: faces }, (_, t) => {
          const [a, c, d, part] = row(triangles as Host, firstTriangle + t, 4) as [number, number, number, number]
          return { rows: [a, c, d], material: row(materials as Host, material + part, 12), number: number + t }
        }),
      })
      number += faces
    }
    for (const shape of this.shapes) this.draw(shape)
  }

  private draw(shape: Shape): void {
    const scale = (this.world[12] as number) * 128 * this.size
    const snap = ([x, y, z]: Triple): Corner => ({
      x: 128 * this.size + Math.floor((x * scale) / z + 0.5),
      y: 128 * this.size + Math.floor((-y * scale) / z + 0.5),
      q: Math.floor(nearness / z + 0.5),
    })
    const inside = [
      ([, , z]: Triple) => z - near,
      ([x, , z]: Triple) => guard * z + x * scale,
      ([x, , z]: Triple) => guard * z - x * scale,
      ([, y, z]: Triple) => guard * z + y * scale,
      ([, y, z]: Triple) => guard * z - y * scale,
    ]
    for (const { rows, material, number } of shape.triangles) {
      let polygon = rows.map((i) => shape.moved[i] as Triple)
      if (!polygon.flat().every((x) => Math.abs(x) <= far)) continue
      if (!polygon.every((p) => inside.every((f) => f(p) >= 0))) polygon = cut(polygon, inside)
      const corners = polygon.map((p) => snap([p[0], p[1], Math.max(p[2], near)]))
      for (let i = 2; i < corners.length; i++) {
        const outline = Outline.of(
          corners[0] as Corner,
          corners[i - 1] as Corner,
          corners[i] as Corner,
          shape.front,
          material[10] !== 0,
        )
        if (!outline) continue
        const [top, bottom] = outline.reach('y', this.size)
        const [left, right] = outline.reach('x', this.size)
        for (let y = top; y <= bottom; y++)
          for (let x = left; x <= right; x++)
            for (const [s, [dx, dy]] of samples.entries()) {
              const q = outline.at(256 * x + dx, 256 * y + dy)
              const at = 4 * (y * this.size + x) + s
              if (q > 0 && shape.object === 0) this.firstCovers[at] = 1
              if (q > (this.nearest[at] as number)) {
                this.nearest[at] = q
                this.numbers[at] = number
              }
            }
      }
    }
  }

  /** The four samples of a pixel that are of object 0. */
  private ofFirst(pixel: number): number[] {
    const first = this.shapes[0]
    if (first?.object !== 0) return []
    return [0, 1, 2, 3]
      .map((s) => 4 * pixel + s)
      .filter((at) => (this.nearest[at] as number) > 0 && (this.numbers[at] as number) < first.triangles.length)
  }

  counts(): number[] {
    let seen = 0
    const box = [this.size, this.size, 0, 0] as [number, number, number, number]
    for (let pixel = 0; pixel < this.size ** 2; pixel++) {
      const count = this.ofFirst(pixel).length
      if (count === 0) continue
      seen += count
      const x = pixel % this.size
      const y = Math.floor(pixel / this.size)
      box[0] = Math.min(box[0], x)
      box[1] = Math.min(box[1], y)
      box[2] = Math.max(box[2], x + 1)
      box[3] = Math.max(box[3], y + 1)
    }
    return [seen, this.firstCovers.reduce((a, b) => a + b, 0) - seen, ...(seen ? box : [0, 0, 0, 0])]
  }
  mask(pixel: number): number {
    return Math.round((255 * this.ofFirst(pixel).length) / 4)
  }
  depth(pixel: number): number {
    const q = Math.max(0, ...this.ofFirst(pixel).map((at) => this.nearest[at] as number))
    return q ? Math.fround(nearness / q) : 0
  }

  /** The sun's map. */
  castShadows(): void {
    const sun = this.sunOfCamera()
    let least = 0
    for (let k = 1; k < 3; k++) if (Math.abs(sun[k] as number) < Math.abs(sun[least] as number)) least = k
    const axis: Triple = [0, 0, 0]
    axis[least] = 1
    const across = unit(cross(axis, sun))
    const axes = [across, cross(sun, across), sun].map((a) => a.map(Math.fround)) as [Triple, Triple, Triple]
    const all = this.shapes
      .flatMap((shape) => shape.moved.map((p) => axes.map((a) => dot(a, p))))
      .filter((p) => !p.some(Number.isNaN))
    const low = [0, 1, 2].map((k) => Math.min(...all.map((p) => p[k] as number)))
    const high = [0, 1, 2].map((k) => Math.max(...all.map((p) => p[k] as number)))
    const extent = Math.max((high[0] as number) - (low[0] as number), (high[1] as number) - (low[1] as number))
    if (!(extent > 1e-6 && extent < 1e6 && (high[2] as number) - (low[2] as number) < 1e6)) return
    const size = clamp(Math.ceil(this.size / 16) * 16, 64, 512)
    const texel = Math.fround(extent / (size - 2))
    const step = Math.fround(((high[2] as number) - (low[2] as number) + 1e-6) / 2 ** 28)
    const corner = [0, 1].map((k) => Math.fround(((low[k] as number) + (high[k] as number)) / 2 - (texel * size) / 2))
    const map = {
      size,
      texel,
      axes,
      step,
      corner: [...corner, Math.fround(low[2] as number)] as Triple,
      near: new Float64Array(size * size),
    }
    const snap = (p: Triple): Corner => ({
      x: Math.floor((dot(axes[0], p) - map.corner[0]) / (texel / 256) + 0.5),
      y: Math.floor((dot(axes[1], p) - map.corner[1]) / (texel / 256) + 0.5),
      q: 1 + Math.max(0, Math.floor((dot(axes[2], p) - map.corner[2]) / step + 0.5)),
    })
    for (const shape of this.shapes)
      for (const { rows, material } of shape.triangles) {
        if (!rows.every((i) => shape.moved[i]?.every((x) => Math.abs(x) <= far))) continue
        const [a, b, c] = rows.map((i) => snap(shape.moved[i] as Triple)) as [Corner, Corner, Corner]
        const outline = Outline.of(a, b, c, -shape.front, material[10] !== 0)
        if (!outline) continue
        const [top, bottom] = outline.reach('y', size)
        const [left, right] = outline.reach('x', size)
        for (let y = top; y <= bottom; y++)
          for (let x = left; x <= right; x++)
            map.near[y * size + x] = Math.max(map.near[y * size + x] as number, outline.at(256 * x + 128, 256 * y + 128))
      }
    this.sunMap = map
  }

  private sunOfCamera(): Triple {
    const w = this.world
    return [0, 1, 2].map((k) => dot([w[k], w[k + 3], w[k + 6]] as Triple, w.slice(13, 16))) as Triple
  }

  private sunShare(p: Triple): number {
    const map = this.sunMap
    if (!map) return 1
    const x = (dot(map.axes[0], p) - map.corner[0]) / map.texel - 0.5
    const y = (dot(map.axes[1], p) - map.corner[1]) / map.texel - 0.5
    if (!(x >= 0 && y >= 0 && x <= map.size - 2 && y <= map.size - 2)) return 1
    const height = Math.max(0, (dot(map.axes[2], p) - map.corner[2] + 2 * map.texel) / map.step + 1)
    // Float32 sums of numbers as large as the point's distance, and the map's integers of 28 bits as float32.
    const rounding = (8 * U * (1 + Math.hypot(...p))) / map.step + 32
    const lit = (dx: number, dy: number) => {
      const top = map.near[(Math.trunc(y) + dy) * map.size + Math.trunc(x) + dx] as number
      if (Math.abs(top - height) < rounding && top > 0) this.unsure = true
      return top > height ? 0 : 1
    }
    const right = x % 1
    const down = y % 1
    return (lit(0, 0) * (1 - right) + lit(1, 0) * right) * (1 - down) + (lit(0, 1) * (1 - right) + lit(1, 1) * right) * down
  }

  private light(sunlit: number, upwards: number): Triple {
    const w = this.world
    return plus(scaled(w.slice(16, 19), sunlit), mix(w.slice(22, 25), w.slice(19, 22), 0.5 + 0.5 * upwards))
  }

  /** Value of a texture at (u, v) tiles, 0 to 1. */
  private texture(index: number, u: number, v: number, texels: number): number {
    const bytes = (this.inputs[3] as Host).data
    const bounded = clamp(texels, 1, 256)
    const whole = Math.floor(Math.log2(bounded) + 1e-12)
    const level = whole + (bounded / 2 ** whole - 1)
    const at = (l: number): number => {
      const side = 256 >> l
      const x = (u - Math.floor(u)) * side - 0.5
      const y = (v - Math.floor(v)) * side - 0.5
      const texel = (i: number, j: number) =>
        bytes[87381 * index + (offsets[l] as number) + ((j + side) % side) * side + ((i + side) % side)] as number
      const [i, j] = [Math.floor(x), Math.floor(y)]
      const top = texel(i, j) + (x - i) * (texel(i + 1, j) - texel(i, j))
      const bottom = texel(i, j + 1) + (x - i) * (texel(i + 1, j + 1) - texel(i, j + 1))
      return top + (y - j) * (bottom - top)
    }
    const lower = Math.floor(level)
    return (at(lower) + (level - lower) * (at(Math.min(8, lower + 1)) - at(lower))) / 255
  }

  private albedo(material: number, u: number, v: number, metres: number): Triple {
    const m = row(this.inputs[4] as Host, material, 12)
    const tiles = m[7] as number
    const [du, dv] = this.world.slice(48, 50) as [number, number]
    if ((m[6] as number) < 0) return m.slice(0, 3) as Triple
    return mix(m.slice(0, 3), m.slice(3, 6), this.texture(m[6] as number, u * tiles + du, v * tiles + dv, 256 * tiles * metres))
  }

  private fragment(number: number, at: number[], column: number, line: number): Triple {
    const shape = this.shapes.findLast((s) => number >= s.first) as Shape
    const { rows, material: m } = shape.triangles[number - shape.first] as Shape['triangles'][number]
    const focal = this.world[12] as number
    const mean = [0, 1].map(
      (k) => at.reduce((a, s) => a + ((samples[s % 4] as readonly number[])[k] as number), 0) / at.length,
    ) as [number, number]
    const x = (256 * column + mean[0]) / (128 * this.size) - 1
    const y = 1 - (256 * line + mean[1]) / (128 * this.size)
    const ray: Triple = [x / focal, y / focal, 1]
    const [p0, p1, p2] = rows.map((i) => shape.moved[i] as Triple) as [Triple, Triple, Triple]
    // Shares of the corners in the point where the ray meets the triangle's plane, from the volumes beside it.
    const volumes = [dot(ray, cross(p1, p2)), dot(ray, cross(p2, p0)), dot(ray, cross(p0, p1))]
    const total = volumes.reduce((a, b) => a + b, 0)
    const [, b1, b2] = volumes.map((v) => clamp(v / total, 0, 1)) as Triple
    const b0 = Math.max(0, 1 - b1 - b2)
    const point = plus(p0, plus(scaled(minus(p1, p0), b1), scaled(minus(p2, p0), b2)))
    const own = rows.map((i) => shape.vertices[i] as number[]) as [number[], number[], number[]]
    const blend = (f: (v: number[]) => number) => b0 * f(own[0]) + b1 * f(own[1]) + b2 * f(own[2])
    const linear = [0, 4, 8].map((k) => shape.pose.slice(k, k + 3))
    let n = unit(linear.map((l) => blend((v) => dot(l, v.slice(3)))))
    if (m[10] !== 0) {
      if (dot(n, ray) > 0) n = scaled(n, -1)
      this.unsure ||= Math.abs(dot(n, ray)) < margin
    }

    let colour = m.slice(0, 3) as Triple
    if ((m[6] as number) >= 0) {
      const facing = [3, 4, 5].map((k) =>
        Math.abs(Math.fround(Math.fround((own[0][k] as number) + (own[1][k] as number)) + (own[2][k] as number))),
      )
      const axis = facing.indexOf(Math.max(...facing))
      const [first, second] = [
        [2, 1],
        [0, 2],
        [0, 1],
      ][axis] as [number, number]
      const scale = Math.sqrt(linear.flat().reduce((a, l) => a + l * l, 0) / 3)
      const tiles = m[7] as number
      const texels = (256 * tiles * point[2] * 2) / (focal * this.size * scale)
      const value = this.texture(
        m[6] as number,
        blend((v) => v[first] as number) * tiles + (shape.pose[12] as number),
        blend((v) => v[second] as number) * tiles + (shape.pose[13] as number),
        texels,
      )
      colour = mix(colour, m.slice(3, 6), value)
    }
    const sun = this.sunOfCamera()
    const facing = Math.max(0, dot(sun, n))
    this.unsure ||= Math.abs(dot(sun, n)) < margin
    const share = this.sunShare(plus(point, scaled(n, this.sunMap ? 2 * this.sunMap.texel : 0)))
    const light = this.light(facing * share, dot(this.world.slice(3, 6), n))
    const half = minus(sun, unit(ray))
    const cosine = Math.max(0, dot(unit(half), n))
    const [strength, exponent] = m.slice(8, 10) as [number, number]
    const highlight = facing > 0 ? (strength * share * cosine) / (exponent - exponent * cosine + cosine) : 0
    return plus(
      colour.map((c, k) => c * (light[k] as number)),
      scaled(this.world.slice(16, 19), highlight),
    )
  }

  private picture(x: number, y: number): Triple {
    const w = this.world
    const floor = w[26] as number
    if (floor < 0) return mix(w.slice(29, 32), w.slice(32, 35), 0.5 + 0.5 * y)
    const m = row(this.inputs[4] as Host, floor, 12)
    if ((m[6] as number) < 0) return m.slice(0, 3) as Triple
    const [a, b, c, d, u, v] = w.slice(44, 50) as [number, number, number, number, number, number]
    const texels = (Math.sqrt(Math.abs(a * d - b * c)) * 512) / this.size
    return mix(m.slice(0, 3), m.slice(3, 6), this.texture(m[6] as number, a * x + b * y + u, c * x + d * y + v, texels))
  }

  private sky(d: Triple): Triple {
    const w = this.world
    const flat = Math.hypot(d[0], d[2])
    const rise = Math.max(0, d[1]) / Math.hypot(...d)
    const pixel = 2 / ((w[12] as number) * this.size)
    const horizon = w.slice(29, 32)
    let colour = mix(horizon, w.slice(32, 35), Math.min(1, 2 * rise))
    if ((w[28] as number) >= 0) {
      const m = row(this.inputs[4] as Host, w[28] as number, 12)
      if ((m[6] as number) >= 0) {
        const nearer = (m[7] as number) / (Math.max(0, d[1]) + 0.1 * flat)
        const value = this.texture(
          m[6] as number,
          d[0] * nearer + (w[48] as number),
          d[2] * nearer + (w[49] as number),
          256 * nearer * pixel,
        )
        colour = mix(colour, m.slice(3, 6), Math.max(0, 2 * value - 1) * Math.min(1, 4 * rise))
      }
    }
    const a = Math.atan2(d[2], d[0])
    const p = w[43] as number
    const hills =
      (w[42] as number) * (0.5 + 0.25 * Math.cos(3 * a + p) + 0.15 * Math.cos(7 * a + 2 * p) + 0.1 * Math.cos(13 * a + 3 * p))
    const elevation = d[1] / flat
    this.unsure ||= Math.abs(elevation - hills) < margin
    if ((w[42] as number) > 0 && elevation < hills) {
      const [c, s] = [Math.cos(a), Math.sin(a)]
      const facing = Math.max(0, dot([-c, 1, -s], w.slice(13, 16)) * Math.SQRT1_2)
      const light = this.light(facing, Math.SQRT1_2)
      const albedo = this.albedo(w[27] as number, 10 * (c - s), 10 * elevation, 10 * pixel)
      colour = mix(
        albedo.map((x, k) => x * (light[k] as number)),
        horizon,
        0.5,
      )
    }
    return colour
  }

  private background(x: number, y: number): Triple {
    const w = this.world
    if (w[25] === 0) return this.picture(x, y)
    const focal = w[12] as number
    const pixel = 2 / (focal * this.size)
    const ray: Triple = [x / focal, y / focal, 1]
    const d = [0, 3, 6].map((k) => dot(w.slice(k, k + 3), ray)) as Triple
    const position = w.slice(9, 12) as Triple
    if (w[25] === 1) {
      const height = position[1] - (w[36] as number)
      this.unsure ||= Math.abs(d[1]) < margin
      if (!(d[1] < 0 && height > 0)) return this.sky(d)
      const t = height / -d[1]
      const length = Math.hypot(...d)
      const at = plus(position, scaled(d, t))
      const albedo = this.albedo(w[26] as number, at[0], at[2], t * Math.sqrt(length / Math.max(-d[1], 1e-4 * length)) * pixel)
      const light = this.light(this.sunShare(scaled(ray, t)) * Math.max(0, w[14] as number), 1)
      return mix(
        albedo.map((a, k) => a * (light[k] as number)),
        w.slice(29, 32),
        (t * length) / (t * length + (w[41] as number)),
      )
    }
    const distances = [0, 1, 2].map((k) => {
      const step = d[k] as number
      const reach = ((w[(step > 0 ? 38 : 35) + k] as number) - (position[k] as number)) / step
      return step === 0 ? 1e6 : Math.max(0, reach)
    })
    const t = Math.min(...distances)
    this.unsure ||= distances.filter((other) => other < t * (1 + margin)).length > 1
    const axis = [1, 0, 2].find((k) => (distances[k] as number) <= t) as number
    const at = plus(position, scaled(d, t))
    const away = d[axis] as number
    const material = axis === 1 ? (away < 0 ? 26 : 28) : 27
    const metres = t * Math.sqrt(Math.hypot(...d) / Math.abs(away)) * pixel
    const albedo = this.albedo(w[material] as number, axis === 0 ? at[2] : at[0], axis === 1 ? at[2] : at[1], metres)
    const sign = away > 0 ? -1 : 1
    const facing = Math.max(0, sign * (w[13 + axis] as number))
    const light = this.light(facing * this.sunShare(scaled(ray, t)), axis === 1 ? sign : 0)
    return albedo.map((a, k) => a * (light[k] as number)) as Triple
  }

  /** sRGB of a pixel, not rounded, and whether float32 may see it otherwise. */
  pixel(column: number, line: number): { colour: Triple; unsure: boolean } {
    this.unsure = false
    const colour = this.colour(column, line)
    return { colour, unsure: this.unsure }
  }
  private colour(column: number, line: number): Triple {
    const pixel = line * this.size + column
    const photo =
      this.world[25] === 3
        ? [0, 1, 2].map((c) => this.inputs[8]?.data[((3 * this.n + c) * this.size + line) * this.size + column] as number)
        : null
    const groups = new Map<number, number[]>()
    for (let s = 0; s < 4; s++)
      if ((this.nearest[4 * pixel + s] as number) > 0) {
        const number = this.numbers[4 * pixel + s] as number
        groups.set(number, [...(groups.get(number) ?? []), s])
      }
    if (photo && groups.size === 0) return photo as Triple
    let sum: Triple = [0, 0, 0]
    let left = 4
    for (const [number, at] of groups) {
      sum = plus(sum, scaled(this.fragment(number, at, column, line), at.length / 4))
      left -= at.length
    }
    if (left) {
      const behind = photo
        ? photo.map((x) => (x / 255 <= 0.04045 ? x / 255 / 12.92 : ((x / 255 + 0.055) / 1.055) ** 2.4))
        : this.background((2 * column + 1) / this.size - 1, 1 - (2 * line + 1) / this.size)
      sum = plus(sum, scaled(behind, left / 4))
    }
    return sum.map((x) => {
      const linear = clamp(x, 0, 1)
      return 255 * (linear < 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055)
    }) as Triple
  }
}

/** Every output of a case; images not rounded. `unsure` are the elements of images that float32 may see on the other side of an edge. */
export function render({ inputs, options, request }: Case): { expected: Expected; unsure: Set<number> } {
  const unsure = new Set<number>()
  const n = inputs[5]?.shape[0] as number
  const size = Number(options?.size ?? 64)
  const plane = size * size
  const images = new Float64Array(3 * n * plane)
  const counts = new Float64Array(6 * n)
  const masks = new Float64Array(n * plane)
  const depths = new Float64Array(n * plane)
  for (let i = 0; i < n; i++) {
    const picture = new Picture(inputs, i, size)
    if (options?.shadows !== false) picture.castShadows()
    counts.set(picture.counts(), 6 * i)
    for (let pixel = 0; pixel < plane; pixel++) {
      masks[i * plane + pixel] = picture.mask(pixel)
      depths[i * plane + pixel] = picture.depth(pixel)
      if (!request?.includes('images')) continue
      const seen = picture.pixel(pixel % size, Math.floor(pixel / size))
      seen.colour.forEach((x, c) => {
        images[(3 * i + c) * plane + pixel] = x
        if (seen.unsure) unsure.add((3 * i + c) * plane + pixel)
      })
    }
  }
  const all: Expected = {
    images: { dtype: 'u8', shape: [n, 3, size, size], data: images },
    counts: { dtype: 'i32', shape: [n, 6], data: counts },
    masks: { dtype: 'u8', shape: [n, size, size], data: masks },
    depths: { dtype: 'f32', shape: [n, size, size], data: depths },
  }
  return {
    expected: Object.fromEntries(Object.entries(all).filter(([name]) => name === 'counts' || request?.includes(name))),
    unsure,
  }
}
