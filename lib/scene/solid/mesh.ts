// Triangle meshes of solid objects: what they are made of, how the faces of pieces become one mesh with normals, and what is wrong with one.

/** Kinds of surface: which colours and textures are natural on a part. */
export const surfaces = [
  ...[
    'wood',
    'bark',
    'leaf',
    'petal',
    'fruit',
    'bread',
    'food',
    'straw',
    'skin',
    'fur',
    'feather',
    'shell',
    'bone',
    'metal',
    'paint',
    'plastic',
  ],
  ...['rubber', 'ceramic', 'glass', 'cloth', 'leather', 'paper', 'stone', 'brick', 'soil', 'wax'],
] as const
export type Surface = (typeof surfaces)[number]

export interface PartMaterial {
  /** Which part of the object: 'seat', 'legs'. */
  readonly name: string
  readonly surface: Surface
  /** Linear reflectance from 0 to 1, where the part has a colour of its own. */
  readonly colour?: readonly [number, number, number]
  /** Seen from both sides: parts of meshes read with holes. The kit's solids are closed and do not need it. */
  readonly twoSided?: boolean
}

/** Object frame: right-handed, y up, the front towards +z; the largest side of the bounding box is 1, its middle the origin. */
export interface Mesh {
  /** [V,3] */
  readonly positions: Float32Array
  /** [V,3], of length 1; vertices are split where a surface has an edge. */
  readonly normals: Float32Array
  /** [F,3], counter-clockwise seen from outside. */
  readonly triangles: Int32Array
  /** [F]: which of `materials` a triangle is made of. */
  readonly parts: Uint8Array
  /** What the parts are made of, at most 256. */
  readonly materials: readonly PartMaterial[]
  /** What lengths were multiplied by, from the unit in which it was built or read, so that the largest side is 1. */
  readonly unitScale: number
}

/** One connected surface before it is part of a mesh, in any unit. */
export interface Piece {
  readonly material: PartMaterial
  /** [n,3], equal positions once. */
  readonly points: Float64Array
  /** [f,3], counter-clockwise seen from outside. */
  readonly triangles: Int32Array
  /** Faces that meet at a smaller angle are shaded as one curved surface. */
  readonly creaseDeg: number
  /** [f,3,3]: normals of the corners where a file gives them, of length 1; those of zeros are made of the faces. */
  readonly normals?: Float32Array
}

/** Twice the area of a triangle times its normal. */
function cross(p: ArrayLike<number>, a: number, b: number, c: number): [number, number, number] {
  const [ax, ay, az] = [p[3 * a]!, p[3 * a + 1]!, p[3 * a + 2]!]
  const [ux, uy, uz] = [p[3 * b]! - ax, p[3 * b + 1]! - ay, p[3 * b + 2]! - az]
  const [vx, vy, vz] = [p[3 * c]! - ax, p[3 * c + 1]! - ay, p[3 * c + 2]! - az]
  return [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx]
}

/** The volume that a closed surface encloses: positive where its triangles are counter-clockwise seen from outside. */
export function signedVolume(points: ArrayLike<number>, triangles: ArrayLike<number>): number {
  let six = 0
  for (let f = 0; f < triangles.length; f += 3) {
    const [a, b, c] = [3 * triangles[f]!, 3 * triangles[f + 1]!, 3 * triangles[f + 2]!]
    six += points[a]! * (points[b + 1]! * points[c + 2]! - points[b + 2]! * points[c + 1]!)
    six += points[a + 1]! * (points[b + 2]! * points[c]! - points[b]! * points[c + 2]!)
    six += points[a + 2]! * (points[b]! * points[c + 1]! - points[b + 1]! * points[c]!)
  }
  return six / 6
}

/** Numbers equal keys in the order in which they first come. */
export class Numbering {
  readonly #known = new Map<string, number>()
  /** The key's number, and whether it came for the first time. */
  of(key: string): [number, boolean] {
    const known = this.#known.get(key)
    if (known !== undefined) return [known, false]
    this.#known.set(key, this.#known.size)
    return [this.#known.size - 1, true]
  }
}

/** How often each edge is walked in its own direction less how often in the other: all zero for a closed surface. */
function openEdges(triangles: ArrayLike<number>): number {
  const walked = new Map<string, number>()
  for (let i = 0; i < triangles.length; i++) {
    const [from, to] = [triangles[i]!, triangles[i % 3 === 2 ? i - 2 : i + 1]!]
    const key = from < to ? `${from} ${to}` : `${to} ${from}`
    walked.set(key, (walked.get(key) ?? 0) + (from < to ? 1 : -1))
  }
  let open = 0
  for (const times of walked.values()) if (times !== 0) open++
  return open
}

/** In one sentence what keeps a piece from being a closed, outward surface whose edges have two triangles each; undefined for a good one. */
export function checkPiece({ material, points, triangles }: Piece): string | undefined {
  if (!points.every(Number.isFinite)) return `part ${material.name} has a coordinate that is not finite`
  const open = openEdges(triangles)
  if (open > 0) return `part ${material.name} is open at ${open} edges`
  if (signedVolume(points, triangles) <= 0) return `part ${material.name} encloses no volume`
  return undefined
}

/**
 * One mesh of pieces: scaled to the unit box, with a normal at each corner that is the mean (weighted by angle) of the faces around the point
 * that meet the corner's face below the crease angle. Triangles that single precision leaves without area go.
 */
export function meshOf(pieces: readonly Piece[]): Mesh {
  const low = [Infinity, Infinity, Infinity]
  const high = [-Infinity, -Infinity, -Infinity]
  for (const { points } of pieces)
    for (let i = 0; i < points.length; i++) {
      low[i % 3] = Math.min(low[i % 3]!, points[i]!)
      high[i % 3] = Math.max(high[i % 3]!, points[i]!)
    }
  const scale = 1 / Math.max(high[0]! - low[0]!, high[1]! - low[1]!, high[2]! - low[2]!)
  const positions: number[] = []
  const normals: number[] = []
  const triangles: number[] = []
  const parts: number[] = []
  const materials: PartMaterial[] = []
  const materialNumbers = new Numbering()
  for (const piece of pieces) {
    const [part, fresh] = materialNumbers.of(JSON.stringify(piece.material))
    if (fresh) materials.push(piece.material)
    const at = Float32Array.from(piece.points, (value, i) => (value - (low[i % 3]! + high[i % 3]!) / 2) * scale)
    const corners = withArea(at, piece.triangles)
    const made = creasedNormals(at, corners.triangles, piece.creaseDeg)
    // Vertices of each point, the last first, and behind each the one before.
    const lastOf = new Int32Array(at.length / 3).fill(-1)
    const before: number[] = []
    const first = positions.length / 3
    corners.faces.forEach((f, kept) => {
      parts.push(part)
      for (let k = 0; k < 3; k++) {
        const point = corners.triangles[3 * kept + k]!
        const given = piece.normals?.subarray(9 * f + 3 * k, 9 * f + 3 * k + 3)
        const normal = given?.some((n) => n !== 0) ? given : made.subarray(9 * kept + 3 * k, 9 * kept + 3 * k + 3)
        let vertex = lastOf[point]!
        while (vertex !== -1 && !isNear(normals, 3 * (first + vertex), normal)) vertex = before[vertex]!
        if (vertex === -1) {
          vertex = before.length
          before.push(lastOf[point]!)
          lastOf[point] = vertex
          positions.push(at[3 * point]!, at[3 * point + 1]!, at[3 * point + 2]!)
          normals.push(normal[0]!, normal[1]!, normal[2]!)
        }
        triangles.push(first + vertex)
      }
    })
  }
  return {
    positions: Float32Array.from(positions),
    normals: Float32Array.from(normals),
    triangles: Int32Array.from(triangles),
    parts: Uint8Array.from(parts),
    materials,
    unitScale: scale,
  }
}

/** Whether a normal among others, at a place, is the same to 1 / 4096. */
function isNear(normals: readonly number[], place: number, normal: ArrayLike<number>): boolean {
  for (let i = 0; i < 3; i++) if (Math.round(normals[place + i]! * 4096) !== Math.round(normal[i]! * 4096)) return false
  return true
}

/** The triangles that have an area, and which they are. */
function withArea(points: Float32Array, triangles: Int32Array): { faces: number[]; triangles: Int32Array } {
  const faces: number[] = []
  const kept: number[] = []
  for (let f = 0; f < triangles.length / 3; f++) {
    const [a, b, c] = [triangles[3 * f]!, triangles[3 * f + 1]!, triangles[3 * f + 2]!]
    if (a === b || b === c || c === a || !(Math.hypot(...cross(points, a, b, c)) > 0)) continue
    faces.push(f)
    kept.push(a, b, c)
  }
  return { faces, triangles: Int32Array.from(kept) }
}

/** Normals [f,3,3] of the corners of triangles. */
function creasedNormals(points: Float32Array, triangles: Int32Array, creaseDeg: number): Float64Array {
  const count = triangles.length
  const face = new Float64Array(count)
  const angles = new Float64Array(count)
  // Corners of each point: those before it in `ends`, up to its own.
  const ends = new Int32Array(points.length / 3 + 1)
  for (let corner = 0; corner < count; corner++) ends[triangles[corner]! + 1]!++
  for (let point = 1; point < ends.length; point++) ends[point]! += ends[point - 1]!
  const at = new Int32Array(count)
  for (let f = 0; f < count; f += 3) {
    const normal = cross(points, triangles[f]!, triangles[f + 1]!, triangles[f + 2]!)
    const length = Math.hypot(normal[0], normal[1], normal[2])
    for (let i = 0; i < 3; i++) face[f + i] = normal[i]! / length
    for (let k = 0; k < 3; k++) {
      const [a, b, c] = [3 * triangles[f + k]!, 3 * triangles[f + ((k + 1) % 3)]!, 3 * triangles[f + ((k + 2) % 3)]!]
      let dot = 0
      for (let i = 0; i < 3; i++) dot += (points[b + i]! - points[a + i]!) * (points[c + i]! - points[a + i]!)
      angles[f + k] = Math.atan2(length, dot)
      at[ends[triangles[f + k]!]!++] = f + k
    }
  }
  const least = Math.cos((creaseDeg * Math.PI) / 180)
  const normals = new Float64Array(3 * count)
  for (let corner = 0; corner < count; corner++) {
    const own = corner - (corner % 3)
    const point = triangles[corner]!
    let [x, y, z] = [0, 0, 0]
    // Filling moved every end to the next point's first corner.
    for (let n = point === 0 ? 0 : ends[point - 1]!; n < ends[point]!; n++) {
      const other = at[n]! - (at[n]! % 3)
      const cos = face[own]! * face[other]! + face[own + 1]! * face[other + 1]! + face[own + 2]! * face[other + 2]!
      if (other !== own && cos < least) continue
      const angle = angles[at[n]!]!
      x += angle * face[other]!
      y += angle * face[other + 1]!
      z += angle * face[other + 2]!
    }
    const length = Math.hypot(x, y, z)
    const sound = length > 1e-6
    normals[3 * corner] = sound ? x / length : face[own]!
    normals[3 * corner + 1] = sound ? y / length : face[own + 1]!
    normals[3 * corner + 2] = sound ? z / length : face[own + 2]!
  }
  return normals
}

export const mostTriangles = 3000
export const mostParts = 8

/**
 * In one sentence what is wrong with the mesh of an object, or undefined: closed (each edge is walked as often in one direction as in the other,
 * equal positions taken as one), outward, without slivers, of unit size about the origin, within the budget of triangles and parts.
 */
export function checkMesh({ positions, normals, triangles, parts, materials, unitScale }: Mesh): string | undefined {
  if (triangles.length === 0) return 'it has no triangles'
  if (!(unitScale > 0 && Number.isFinite(unitScale))) return `it was scaled by ${unitScale}`
  if (triangles.length / 3 > mostTriangles) return `it has ${triangles.length / 3} triangles, more than ${mostTriangles}`
  if (materials.length > mostParts) return `it has ${materials.length} parts, more than ${mostParts}`
  if (parts.length !== triangles.length / 3 || parts.some((part) => part >= materials.length)) return 'a triangle is of no part'
  if (triangles.some((v) => v < 0 || v >= positions.length / 3)) return 'a triangle has a vertex that is not there'
  if (!positions.every(Number.isFinite) || !normals.every(Number.isFinite)) return 'it has a number that is not finite'
  for (let v = 0; v < normals.length; v += 3)
    if (Math.abs(Math.hypot(normals[v]!, normals[v + 1]!, normals[v + 2]!) - 1) > 1e-5)
      return `normal ${v / 3} is not of length 1`
  const sides = [0, 1, 2].map((axis) => {
    const values = positions.filter((_, i) => i % 3 === axis)
    const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))]
    return { length: high - low, middle: (low + high) / 2 }
  })
  const longest = Math.max(...sides.map(({ length }) => length))
  if (Math.abs(longest - 1) > 1e-5) return `its longest side is ${longest}, not 1`
  if (sides.some(({ middle }) => Math.abs(middle) > 1e-5)) return 'its box is not about the origin'
  const numbers = new Numbering()
  const welded = Int32Array.from(triangles, (v) => numbers.of(positions.slice(3 * v, 3 * v + 3).join(' '))[0])
  for (let f = 0; f < triangles.length; f += 3) {
    const area = Math.hypot(...cross(positions, triangles[f]!, triangles[f + 1]!, triangles[f + 2]!)) / 2
    if (!(area > 1e-9)) return `triangle ${f / 3}, of ${materials[parts[f / 3]!]!.name}, has an area of ${area}`
  }
  const open = openEdges(welded)
  if (open > 0) return `${open} of its edges are open`
  if (signedVolume(positions, triangles) <= 0) return 'its triangles face inwards'
  return undefined
}
