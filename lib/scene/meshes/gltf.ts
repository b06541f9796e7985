// glTF 2.0, as JSON with its buffers and pictures beside it or inside it (.gltf) or as one binary file (.glb). Skins and morphs stay at rest.
import type { Document, Material, Node, Primitive } from '@gltf-transform/core'
import { expectedGltf, readGltfFile } from './gltf_file.js'
import { meanColour } from './pictures.js'
import { type RawMaterial, type RawMesh, RawMeshBuilder, type Refusal, refusal } from './raw.js'
import type { MeshFiles } from './sources.js'

async function colourOf(op: string, where: string, material: Material): Promise<RawMaterial> {
  const picture = material.getBaseColorTexture()?.getImage()
  const [r, g, b, opacity] = material.getBaseColorFactor()
  const mean = picture ? await meanColour(op, where, picture) : [1, 1, 1]
  return {
    name: material.getName(),
    colour: [r * mean[0]!, g * mean[1]!, b * mean[2]!],
    isMetal: !material.getMetallicRoughnessTexture() && material.getMetallicFactor() > 0.5,
    isClear: material.getAlphaMode() === 'BLEND' && opacity < 0.7,
  }
}

/** Places of the corners of triangles in a primitive's list of vertices, by its mode: triangles (4), a strip (5) or a fan (6). */
function trianglesOf(mode: number, count: number): [number, number, number][] {
  if (mode === 4) return Array.from({ length: Math.floor(count / 3) }, (_, i) => [3 * i, 3 * i + 1, 3 * i + 2])
  return Array.from({ length: Math.max(0, count - 2) }, (_, i) =>
    mode === 6 ? [0, i + 1, i + 2] : i % 2 === 0 ? [i, i + 1, i + 2] : [i + 1, i, i + 2],
  )
}

/** Adds what a primitive draws, moved by a matrix in columns. */
function addPrimitive(mesh: RawMeshBuilder, primitive: Primitive, m: readonly number[], part: number, refuse: Refusal): void {
  const positions = primitive.getAttribute('POSITION')
  const mode = primitive.getMode()
  if (!positions || mode < 4) return
  const normals = primitive.getAttribute('NORMAL')
  const indices = primitive.getIndices()
  const count = positions.getCount()
  const corners = indices ? indices.getCount() : count
  mesh.checkRoom(Math.max(0, mode === 4 ? Math.floor(corners / 3) : corners - 2))
  // Vertices that no triangle has are left out: several primitives may share one long list.
  const rows = new Map<number, number>()
  const point: number[] = []
  const rowOf = (vertex: number): number => {
    const known = rows.get(vertex)
    if (known !== undefined) return known
    const [x, y, z] = positions.getElement(vertex, point) as [number, number, number]
    const [a, b, c] = [0, 1, 2].map((row) => m[row]! * x + m[row + 4]! * y + m[row + 8]! * z + m[row + 12]!)
    mesh.addPosition(a!, b!, c!, '')
    rows.set(vertex, mesh.vertexCount - 1)
    return mesh.vertexCount - 1
  }
  // Normals turn by the cofactors of the matrix; a mirror turns triangles inside out.
  const at = (row: number, column: number) => m[(row % 3) + 4 * (column % 3)]!
  const cofactor = (row: number, column: number) =>
    at(row + 1, column + 1) * at(row + 2, column + 2) - at(row + 1, column + 2) * at(row + 2, column + 1)
  const isMirror = at(0, 0) * cofactor(0, 0) + at(0, 1) * cofactor(0, 1) + at(0, 2) * cofactor(0, 2) < 0
  const normalAt = (vertex: number): number[] => {
    if (!normals || vertex >= normals.getCount()) return [0, 0, 0]
    const [x, y, z] = normals.getElement(vertex, point) as [number, number, number]
    const sign = isMirror ? -1 : 1
    return [0, 1, 2].map((row) => sign * (cofactor(row, 0) * x + cofactor(row, 1) * y + cofactor(row, 2) * z))
  }
  for (const places of trianglesOf(mode, corners)) {
    const vertices = places.map((place) => (indices ? indices.getScalar(place) : place))
    const outside = vertices.find((vertex) => vertex >= count)
    if (outside !== undefined) throw refuse(`a mesh with a triangle of vertex ${outside}`, `vertices from 0 to ${count - 1}`)
    if (isMirror) vertices.reverse()
    mesh.addTriangle(vertices.map(rowOf), vertices.flatMap(normalAt), part)
  }
}

/**
 * Reads a glTF file: the meshes of its scene at their places.
 * @throws {DataError} when it is malformed, cut off or too large, needs an extension, or refers to what is not there
 */
export async function readGltf(op: string, files: MeshFiles, name: string): Promise<RawMesh> {
  const where = `${files.path}:${name}`
  const refuse = refusal(op, where)
  const parts = await readGltfFile(files, name, refuse)
  const { WebIO } = await import('@gltf-transform/core')
  const document: Document = await new WebIO().readJSON(parts).catch((cause) => {
    throw refuse('not read (the reader of glTF files gave up on it)', expectedGltf, cause)
  })
  const mesh = new RawMeshBuilder(refuse)
  const rows = new Map<Material | null, number>()
  const rowOf = async (material: Material | null): Promise<number> => {
    const known = rows.get(material)
    if (known !== undefined) return known
    const row = mesh.materials.push(material ? await colourOf(op, where, material) : { name: '' }) - 1
    rows.set(material, row)
    return row
  }
  const root = document.getRoot()
  const scene = root.getDefaultScene() ?? root.listScenes()[0]
  const nodes: Node[] = []
  scene?.traverse((node) => void nodes.push(node))
  for (const node of nodes)
    for (const primitive of node.getMesh()?.listPrimitives() ?? [])
      addPrimitive(mesh, primitive, node.getWorldMatrix(), await rowOf(primitive.getMaterial()), refuse)
  return mesh.finish()
}
