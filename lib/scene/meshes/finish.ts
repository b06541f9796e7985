// From the triangles of a file to a mesh in the object frame: checked for holes, turned outwards, with what its parts are made of.
import { type Mesh, meshOf, type PartMaterial, type Piece, type Surface, signedVolume } from '../solid/mesh.js'
import type { RawMaterial, RawMesh, Refusal } from './raw.js'

/** Faces of a file without normals that meet at a smaller angle are one curved surface. */
const creaseDeg = 46
const mostParts = 256

const surfaceWords: readonly [Surface, RegExp][] = [
  ['glass', /glass|crystal|mirror|window|vidrio|cristal/],
  ['metal', /metal|steel|chrom|alumin|iron|brass|copper|gold|silver|inox|acier/],
  ['wood', /wood|oak|pine|walnut|teak|bamboo|holz|bois|madera|parquet/],
  ['leather', /leather|cuir|cuero/],
  ['cloth', /cloth|fabric|textile|cushion|pillow|curtain|cotton|linen|wool|tissu|tela|carpet|towel/],
  ['ceramic', /ceramic|porcelain|china|tile/],
  ['stone', /stone|marble|granite|concrete|rock|marmo/],
  ['brick', /brick|ladrillo/],
  ['leaf', /leaf|leaves|grass|hoja|feuille/],
  ['bark', /bark|trunk|tronco/],
  ['rubber', /rubber|tyre|tire/],
  ['plastic', /plastic|plastique|pvc/],
  ['paper', /paper|papel|papier/],
  ['skin', /skin|piel|peau/],
]

function partOf({ name, colour, isMetal, isClear }: RawMaterial, twoSided: boolean): PartMaterial {
  const lower = name.toLowerCase()
  const found = surfaceWords.find(([, words]) => words.test(lower))?.[0]
  const surface = isClear ? 'glass' : isMetal ? 'metal' : (found ?? 'paint')
  return { name: name || 'body', surface, ...(colour && { colour }), ...(twoSided && { twoSided }) }
}

/** For each vertex the first one at the same place. */
function weld(positions: Float64Array): Int32Array {
  const first = new Map<string, number>()
  return Int32Array.from({ length: positions.length / 3 }, (_, vertex) => {
    const key = `${positions[3 * vertex]} ${positions[3 * vertex + 1]} ${positions[3 * vertex + 2]}`
    const known = first.get(key)
    if (known === undefined) first.set(key, vertex)
    return known ?? vertex
  })
}

/** A surface whose triangles hang together by their corners. */
interface Surfaces {
  /** [F]: which surface each triangle belongs to. */
  of: Int32Array
  /** Of each surface, edges that are not walked as often in one direction as in the other. */
  openEdges: number[]
}

function findSurfaces(corners: Int32Array): Surfaces {
  const parent = new Map<number, number>()
  const root = (vertex: number): number => {
    let at = vertex
    for (let up = parent.get(at); up !== undefined && up !== at; up = parent.get(at)) {
      const above = parent.get(up) ?? up
      parent.set(at, above)
      at = above
    }
    return at
  }
  for (let i = 0; i < corners.length; i += 3) {
    const top = root(corners[i]!)
    parent.set(top, top)
    parent.set(root(corners[i + 1]!), top)
    parent.set(root(corners[i + 2]!), top)
  }
  const numbers = new Map<number, number>()
  const of = Int32Array.from({ length: corners.length / 3 }, (_, face) => {
    const top = root(corners[3 * face]!)
    const number = numbers.get(top) ?? numbers.size
    numbers.set(top, number)
    return number
  })
  const walked = new Map<number, [times: number, surface: number]>()
  for (let i = 0; i < corners.length; ++i) {
    const [from, to] = [corners[i]!, corners[i % 3 === 2 ? i - 2 : i + 1]!]
    if (from === to) continue
    const key = Math.min(from, to) * 2 ** 26 + Math.max(from, to)
    const edge = walked.get(key) ?? [0, of[Math.floor(i / 3)]!]
    edge[0] += from < to ? 1 : -1
    walked.set(key, edge)
  }
  const openEdges: number[] = Array(numbers.size).fill(0)
  for (const [times, surface] of walked.values()) if (times !== 0) openEdges[surface]!++
  return { of, openEdges }
}

/** The corners of a triangle in order, or the other way round. */
const [forwards, backwards] = [
  [0, 1, 2],
  [0, 2, 1],
] as const

/** Adds unit normals of a triangle's corners; zeros where the file has none, or one on the other side of the face. */
function addNormals(
  to: number[],
  { positions, normals }: RawMesh,
  [a, b, c]: readonly number[],
  face: number,
  order: readonly number[],
): void {
  const edge = (end: number, axis: number) => positions[3 * end + axis]! - positions[3 * a! + axis]!
  const [ux, uy, uz] = [edge(b!, 0), edge(b!, 1), edge(b!, 2)]
  const [vx, vy, vz] = [edge(c!, 0), edge(c!, 1), edge(c!, 2)]
  for (const k of order) {
    const [x, y, z] = [normals[9 * face + 3 * k]!, normals[9 * face + 3 * k + 1]!, normals[9 * face + 3 * k + 2]!]
    const length = Math.hypot(x, y, z)
    const isOutside = x * (uy * vz - uz * vy) + y * (uz * vx - ux * vz) + z * (ux * vy - uy * vx) > 0
    if (isOutside && Number.isFinite(length)) to.push(x / length, y / length, z / length)
    else to.push(0, 0, 0)
  }
}

/**
 * The mesh that a file's triangles make: of unit size about the origin, equal vertices welded, closed surfaces turned outwards, normals made where the
 * file has none.
 * @param holes whether a mesh with holes is refused, or drawn from both sides where it has them
 * @throws {DataError} when nothing of it has an extent, it has holes, or more than 256 parts
 */
export function finishMesh(raw: RawMesh, holes: 'refuse' | 'allow', refuse: Refusal): Mesh {
  const { positions, parts, materials } = raw
  const welded = weld(positions)
  const corners = raw.corners.map((corner) => welded[corner]!)
  const surfaces = findSurfaces(corners)
  const open = surfaces.openEdges.reduce((sum, edges) => sum + edges, 0)
  if (open > 0 && holes === 'refuse')
    throw refuse(`a mesh with holes (${open} open edges)`, 'a closed one, or holes allowed, which are drawn from both sides')

  const facesOf: number[][] = surfaces.openEdges.map(() => [])
  surfaces.of.forEach((surface, face) => void facesOf[surface]!.push(face))
  const groups = new Map<string, { material: PartMaterial; faces: number[]; isInverted: boolean[] }>()
  facesOf.forEach((faces, surface) => {
    const twoSided = surfaces.openEdges[surface]! > 0
    const isInverted =
      !twoSided &&
      signedVolume(
        positions,
        faces.flatMap((face) => [...corners.subarray(3 * face, 3 * face + 3)]),
      ) < 0
    for (const face of faces) {
      const key = `${parts[face]} ${twoSided}`
      const group = groups.get(key) ?? { material: partOf(materials[parts[face]!]!, twoSided), faces: [], isInverted: [] }
      groups.set(key, group)
      group.faces.push(face)
      group.isInverted.push(isInverted)
    }
  })
  const pieces = [...groups.values()].map(({ material, faces, isInverted }): Piece => {
    const numbers = new Map<number, number>()
    const points: number[] = []
    const triangles: number[] = []
    const normals: number[] = []
    faces.forEach((face, i) => {
      const order = isInverted[i] ? backwards : forwards
      const turned = order.map((k) => corners[3 * face + k]!)
      addNormals(normals, raw, turned, face, order)
      for (const corner of turned) {
        const number = numbers.get(corner) ?? numbers.size
        if (number === numbers.size) points.push(...positions.subarray(3 * corner, 3 * corner + 3))
        numbers.set(corner, number)
        triangles.push(number)
      }
    })
    return {
      material,
      points: Float64Array.from(points),
      triangles: Int32Array.from(triangles),
      creaseDeg,
      normals: Float32Array.from(normals),
    }
  })
  const mesh = meshOf(pieces)
  if (mesh.triangles.length === 0) throw refuse('a mesh whose triangles have no area', 'at least one that has')
  if (mesh.materials.length > mostParts) throw refuse(`a mesh of ${mesh.materials.length} parts`, `at most ${mostParts}`)
  return mesh
}
