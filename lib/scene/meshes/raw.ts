// A mesh as a file has it, before it is checked, welded and brought into the object frame.
import { DataError } from '../../errors.js'

export interface RawMaterial {
  name: string
  /** Linear reflectance; without it the part has no colour of its own. */
  colour?: readonly [number, number, number]
  /** Whether it is a metal, or lets light through, where the file says so. */
  isMetal?: boolean
  isClear?: boolean
}

/** Triangles with what they are made of; y points up, the front to +z. */
export interface RawMesh {
  /** [V,3]. */
  positions: Float64Array
  /** [F,3]: rows of `positions`, counter-clockwise seen from outside. */
  corners: Int32Array
  /** [F,3,3]: normals of the corners, zeros where the file has none. */
  normals: Float32Array
  /** [F]: rows of `materials`. */
  parts: Int32Array
  materials: RawMaterial[]
}

/** Triangles of the largest mesh that is read. */
export const mostTriangles = 1_000_000

/** Vertices of the largest mesh: three of each of its triangles. */
export const mostVertices = 3 * mostTriangles

/** The lists of a mesh while it is read. */
export class RawMeshBuilder {
  readonly positions: number[] = []
  private readonly corners: number[] = []
  private readonly normals: number[] = []
  private readonly parts: number[] = []
  readonly materials: RawMaterial[] = []

  /** @param refuse makes the error for a file that is wrong */
  constructor(private readonly refuse: Refusal) {}

  get vertexCount(): number {
    return this.positions.length / 3
  }

  /** @throws {DataError} where so many triangles more would be too many */
  checkRoom(triangles: number): void {
    if (this.parts.length + triangles > mostTriangles)
      throw this.refuse(`a mesh of more than ${mostTriangles.toLocaleString('en')} triangles`, 'at most so many')
  }

  /** @throws {DataError} for a coordinate that is not finite, and one vertex too many */
  addPosition(x: number, y: number, z: number, where: string): void {
    if (!Number.isFinite(x) || !Number.isFinite(y) || !Number.isFinite(z))
      throw this.refuse(`a mesh with the vertex (${x}, ${y}, ${z})${where}`, 'finite coordinates')
    if (this.positions.length === 3 * mostVertices)
      throw this.refuse(`a mesh of more than ${mostVertices.toLocaleString('en')} vertices`, 'at most so many')
    this.positions.push(x, y, z)
  }

  /** A triangle of three vertices, each with a normal of which zeros say that there is none. */
  addTriangle(corners: readonly number[], normals: ArrayLike<number>, part: number): void {
    this.checkRoom(1)
    for (const corner of corners) this.corners.push(corner)
    for (let i = 0; i < 9; ++i) this.normals.push(normals[i] as number)
    this.parts.push(part)
  }

  /** @throws {DataError} when there are no triangles */
  finish(): RawMesh {
    if (this.parts.length === 0) throw this.refuse('a mesh without triangles', 'at least one')
    return {
      positions: Float64Array.from(this.positions),
      corners: Int32Array.from(this.corners),
      normals: Float32Array.from(this.normals),
      parts: Int32Array.from(this.parts),
      materials: this.materials,
    }
  }
}

/** Makes the error about one file, from what it is and what was expected. */
export type Refusal = (actual: string, expected: string, cause?: unknown) => DataError

export function refusal(op: string, where: string): Refusal {
  return (actual, expected, cause) => new DataError({ op, argument: where, actual, expected }, { cause })
}

/** The mesh turned by three rows, then each axis stretched so that its box has these sides (a side of 0 stays as it is). */
export function stretched(raw: RawMesh, rows: readonly number[], sides: readonly [number, number, number]): RawMesh {
  const turned = (from: ArrayLike<number>, at: number, axis: number) =>
    rows[3 * axis]! * from[at]! + rows[3 * axis + 1]! * from[at + 1]! + rows[3 * axis + 2]! * from[at + 2]!
  const positions = raw.positions.map((_, i) => turned(raw.positions, i - (i % 3), i % 3))
  const [low, high] = [Array(3).fill(Infinity), Array(3).fill(-Infinity)] as [number[], number[]]
  for (const corner of raw.corners)
    for (let axis = 0; axis < 3; ++axis) {
      low[axis] = Math.min(low[axis]!, positions[3 * corner + axis]!)
      high[axis] = Math.max(high[axis]!, positions[3 * corner + axis]!)
    }
  const factors = sides.map((side, axis) => (side > 0 && high[axis]! > low[axis]! ? side / (high[axis]! - low[axis]!) : 1))
  return {
    ...raw,
    positions: positions.map((value, i) => value * factors[i % 3]!),
    // Normals lean the other way where the surface is stretched.
    normals: raw.normals.map((_, i) => turned(raw.normals, i - (i % 3), i % 3) / factors[i % 3]!),
  }
}
