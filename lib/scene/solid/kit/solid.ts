// A solid as a value: closed pieces, each of a material, moved, turned, bent and put together. Nothing here changes a solid; each call gives another.
import { StriateError } from '../../../errors.js'
import { checkPiece, type Mesh, meshOf, Numbering, type PartMaterial, type Piece, type Surface, signedVolume } from '../mesh.js'

export type Point2 = readonly [number, number]
export type Point3 = readonly [number, number, number]
export type Axis = 'x' | 'y' | 'z'

export const axisNumber: Record<Axis, 0 | 1 | 2> = { x: 0, y: 1, z: 2 }

/** A closed piece of points and triangles: equal points become one, empty triangles go, and all is turned outwards. */
export function piece(points: readonly Point3[], triangles: readonly number[], creaseDeg = 46): Solid {
  const numbers = new Numbering()
  const kept: number[] = []
  const numberOf = points.map((point) => {
    const [number, fresh] = numbers.of(point.map((c) => Math.round(c * 1e7) + 0).join(' '))
    if (fresh) kept.push(...point)
    return number
  })
  const faces: number[] = []
  for (let f = 0; f < triangles.length; f += 3) {
    const [a, b, c] = [numberOf[triangles[f]!]!, numberOf[triangles[f + 1]!]!, numberOf[triangles[f + 2]!]!]
    if (a !== b && b !== c && c !== a) faces.push(a, b, c)
  }
  const material: PartMaterial = { name: 'body', surface: 'plastic' }
  return new Solid([outward({ material, points: Float64Array.from(kept), triangles: Int32Array.from(faces), creaseDeg })])
}

function outward(one: Piece): Piece {
  if (signedVolume(one.points, one.triangles) >= 0) return one
  const triangles = one.triangles.map((_, i, all) => all[i - (i % 3) + ((3 - (i % 3)) % 3)]!)
  return { ...one, triangles }
}

export class Solid {
  readonly pieces: readonly Piece[]

  constructor(pieces: readonly Piece[]) {
    this.pieces = pieces
  }

  /** Makes all of it of one material; parts of the same material are one part of the mesh. */
  of(name: string, surface: Surface, colour?: readonly [number, number, number]): Solid {
    const material: PartMaterial = { name, surface, ...(colour && { colour }) }
    return new Solid(this.pieces.map((one) => ({ ...one, material })))
  }

  /** Faces that meet at a smaller angle are shaded as one curved surface (default 46; 0 shows all facets). */
  crease(degrees: number): Solid {
    return new Solid(this.pieces.map((one) => ({ ...one, creaseDeg: degrees })))
  }

  /** Every point moved by a function; surfaces stay closed and outward. */
  warp(to: (x: number, y: number, z: number) => Point3): Solid {
    return new Solid(
      this.pieces.map((one) => {
        const points = new Float64Array(one.points.length)
        for (let i = 0; i < points.length; i += 3) points.set(to(one.points[i]!, one.points[i + 1]!, one.points[i + 2]!), i)
        return outward({ ...one, points })
      }),
    )
  }

  move(x: number, y = 0, z = 0): Solid {
    return this.warp((a, b, c) => [a + x, b + y, c + z])
  }

  /** Scales about the origin: all axes alike, or each. */
  scale(x: number, y = x, z = x): Solid {
    return this.warp((a, b, c) => [a * x, b * y, c * z])
  }

  /** Turns about an axis through the origin, counter-clockwise seen from the axis' tip (x: y to z; y: z to x; z: x to y). */
  turn(axis: Axis, degrees: number): Solid {
    const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]
    if (axis === 'x') return this.warp((x, y, z) => [x, cos * y - sin * z, sin * y + cos * z])
    if (axis === 'y') return this.warp((x, y, z) => [cos * x + sin * z, y, cos * z - sin * x])
    return this.warp((x, y, z) => [cos * x - sin * y, sin * x + cos * y, z])
  }

  /** The image in the plane through the origin across an axis. */
  mirror(axis: Axis): Solid {
    return this.scale(axis === 'x' ? -1 : 1, axis === 'y' ? -1 : 1, axis === 'z' ? -1 : 1)
  }

  /** Itself and its mirror image. */
  mirrored(axis: Axis): Solid {
    return this.and(this.mirror(axis))
  }

  /** Put together with others; pieces may reach into each other. */
  and(...others: readonly Solid[]): Solid {
    return union(this, ...others)
  }

  /** `count` copies, each a step further, centred on the place of the first unless `from` is 'start'. */
  repeat(count: number, [x, y, z]: Point3, from: 'centre' | 'start' = 'centre'): Solid {
    const middle = from === 'centre' ? (count - 1) / 2 : 0
    return union(...Array.from({ length: count }, (_, i) => this.move((i - middle) * x, (i - middle) * y, (i - middle) * z)))
  }

  /** `count` copies turned about the y axis (or another), evenly over `sweep` degrees (a full turn by default). */
  around(count: number, options: { axis?: Axis; sweep?: number; start?: number } = {}): Solid {
    const { axis = 'y', sweep = 360, start = 0 } = options
    const step = sweep === 360 ? 360 / count : sweep / Math.max(1, count - 1)
    return union(...Array.from({ length: count }, (_, i) => this.turn(axis, start + i * step)))
  }

  /** Lowest and highest corner of its box. */
  get box(): { low: [number, number, number]; high: [number, number, number]; size: [number, number, number] } {
    const low: [number, number, number] = [Infinity, Infinity, Infinity]
    const high: [number, number, number] = [-Infinity, -Infinity, -Infinity]
    for (const { points } of this.pieces)
      for (let i = 0; i < points.length; i++) {
        const axis = (i % 3) as 0 | 1 | 2
        low[axis] = Math.min(low[axis], points[i]!)
        high[axis] = Math.max(high[axis], points[i]!)
      }
    return { low, high, size: [high[0] - low[0], high[1] - low[1], high[2] - low[2]] }
  }

  /** Moved up or down so that its lowest point is at height y. */
  stand(y = 0): Solid {
    return this.move(0, y - this.box.low[1], 0)
  }

  /** Across the axis scaled by `start` at its low end to `end` at its high end (by a curve of t from 0 to 1 where given). */
  taper(axis: Axis, start: number, end: number, curve: (t: number) => number = (t) => t): Solid {
    return this.#along(axis, (t, across) => {
      const factor = start + (end - start) * curve(t)
      return across.map((c) => c * factor) as [number, number]
    })
  }

  /** Turned about the axis, by 0 at its low end to `degrees` at its high end. */
  twist(axis: Axis, degrees: number): Solid {
    return this.#along(axis, (t, [a, b]) => {
      const angle = (t * degrees * Math.PI) / 180
      return [Math.cos(angle) * a - Math.sin(angle) * b, Math.sin(angle) * a + Math.cos(angle) * b]
    })
  }

  /** `across` are the two coordinates that follow the axis in the order x, y, z, x, y. */
  #along(axis: Axis, change: (t: number, across: [number, number]) => [number, number]): Solid {
    const [i, j, k] = [axisNumber[axis], (axisNumber[axis] + 1) % 3, (axisNumber[axis] + 2) % 3]
    const { low, size } = this.box
    return this.warp((...point) => {
      const [a, b] = change(size[i] > 0 ? (point[i] - low[i]) / size[i] : 0, [point[j]!, point[k]!])
      const out = [...point]
      out[j] = a
      out[k] = b
      return out as [number, number, number]
    })
  }

  /**
   * Bends what stretches along an axis into an arc of `degrees` in the plane of that axis and another: the low end stays, the high end goes
   * towards the positive side of `towards`.
   */
  bend(axis: Axis, towards: Axis, degrees: number): Solid {
    const [i, j] = [axisNumber[axis], axisNumber[towards]]
    const { low, size } = this.box
    const turn = (degrees * Math.PI) / 180
    if (turn === 0 || size[i] === 0) return this
    const radius = size[i] / turn
    return this.warp((...point) => {
      const angle = (point[i] - low[i]) / radius
      const out = [...point]
      out[i] = low[i] + (radius - point[j]) * Math.sin(angle)
      out[j] = radius - (radius - point[j]) * Math.cos(angle)
      return out as [number, number, number]
    })
  }

  /** The mesh, of unit size about the origin. Pieces must be closed. */
  toMesh(): Mesh {
    for (const one of this.pieces) {
      const wrong = checkPiece(one)
      if (wrong)
        throw new StriateError({ op: 'toMesh', argument: 'solid', actual: `wrong: ${wrong}`, expected: 'closed surfaces' })
    }
    return meshOf(this.pieces)
  }
}

/** Solids put together; pieces may reach into each other and stay closed on their own. */
export function union(...solids: readonly Solid[]): Solid {
  return new Solid(solids.flatMap(({ pieces }) => pieces))
}
