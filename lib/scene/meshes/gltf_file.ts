// What a glTF file says, checked before anything is made of it: its JSON, the data that it refers to, and that each lies within the other.
import type { GLTF, JSONDocument } from '@gltf-transform/core'
import { z } from 'zod'
import { optionError, whole } from '../../options.js'
import type { Refusal } from './raw.js'
import { type MeshFiles, referred } from './sources.js'

export const expectedGltf = 'a sound glTF 2.0 file'

/** Bytes of all accessors, and of the pictures within buffers: as many may be copied. */
const mostBytes = 2 ** 29
const deepestNode = 1000

const componentBytes = { 5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4 } as const
type ComponentType = keyof typeof componentBytes
const componentTypes = Object.keys(componentBytes).map(Number) as ComponentType[]
const components = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4, MAT2: 4, MAT3: 9, MAT4: 16 } as const

const index = whole(0)
const componentType = z.literal(componentTypes)
const name = z.string().optional()
const numbers = (length: number) => z.array(z.number()).length(length).optional()
const list = <T extends z.ZodType>(item: T) => z.array(item).default([])
const place = z.object({ bufferView: index, byteOffset: index.default(0) })
const texture = z.object({ index }).optional()

/** What is used of a file; everything else in it is left out. */
const gltfSchema = z.object({
  asset: z.object({ version: z.string() }),
  extensionsRequired: list(z.string()),
  scene: index.optional(),
  scenes: list(z.object({ nodes: list(index) })),
  nodes: list(
    z.object({
      children: list(index),
      mesh: index.optional(),
      matrix: numbers(16),
      translation: numbers(3),
      rotation: numbers(4),
      scale: numbers(3),
    }),
  ),
  meshes: list(
    z.object({
      primitives: list(
        z.object({
          attributes: z.object({ POSITION: index.optional(), NORMAL: index.optional() }),
          indices: index.optional(),
          material: index.optional(),
          mode: whole(0, 6).optional(),
        }),
      ),
    }),
  ),
  accessors: list(
    z.object({
      ...place.partial({ bufferView: true }).shape,
      componentType,
      normalized: z.boolean().optional(),
      count: whole(1),
      type: z.enum(Object.keys(components) as (keyof typeof components)[]),
      sparse: z.object({ count: whole(1), indices: place.extend({ componentType }), values: place }).optional(),
    }),
  ),
  bufferViews: list(
    z.object({ buffer: index, byteOffset: index.default(0), byteLength: whole(1), byteStride: whole(4, 252).optional() }),
  ),
  buffers: list(z.object({ uri: z.string().optional(), byteLength: whole(1) })),
  images: list(z.object({ name, uri: z.string().optional(), mimeType: z.string().optional(), bufferView: index.optional() })),
  textures: list(z.object({ source: index.optional() })),
  materials: list(
    z.object({
      name,
      alphaMode: z.enum(['OPAQUE', 'MASK', 'BLEND']).optional(),
      pbrMetallicRoughness: z
        .object({
          baseColorFactor: numbers(4),
          baseColorTexture: texture,
          metallicFactor: z.number().optional(),
          metallicRoughnessTexture: texture,
        })
        .optional(),
    }),
  ),
})
type Gltf = z.output<typeof gltfSchema>
type Accessor = Gltf['accessors'][number]

/**
 * Reads a file with what it refers to.
 * @throws {DataError} in one sentence for what is malformed, cut off, too large or not there
 */
export async function readGltfFile(files: MeshFiles, file: string, refuse: Refusal): Promise<JSONDocument> {
  const bytes = await files.read(file)
  const isBinary = file.toLowerCase().endsWith('.glb')
  const { text, binary } = isBinary ? chunksOf(bytes, refuse) : { text: bytes, binary: null }
  const json = parse(text, refuse)
  const resources: Record<string, Uint8Array<ArrayBuffer>> = Object.create(null)
  const read = async (uri: string): Promise<string> => {
    const found = await dataOf(files, file, uri, refuse)
    resources[uri] ??= new Uint8Array(found)
    return uri
  }
  for (const [i, { uri, byteLength }] of json.buffers.entries()) {
    const key = uri === undefined ? '@glb.bin' : resources[uri] ? uri : await read(uri)
    if (uri === undefined && binary && i === 0) resources[key] = new Uint8Array(binary)
    const there = uri === undefined && i > 0 ? 0 : (resources[key]?.length ?? 0)
    if (there < byteLength) throw refuse(`a file whose buffer ${i} has ${there} of ${byteLength} bytes`, expectedGltf)
  }
  for (const { uri, bufferView } of json.images)
    if (bufferView === undefined && uri !== undefined && !resources[uri]) await read(uri)
  checkData(json, refuse)
  checkParts(json, refuse)
  checkNodes(json, refuse)
  return { json: { ...json, asset: { version: '2.0' } } as unknown as GLTF.IGLTF, resources }
}

const [jsonChunk, binaryChunk] = [0x4e4f534a, 0x004e4942]

/** The JSON and the data of a binary file. */
function chunksOf(bytes: Buffer, refuse: Refusal): { text: Buffer; binary: Buffer | null } {
  if (bytes.length < 20 || bytes.toString('latin1', 0, 4) !== 'glTF')
    throw refuse('not read (it does not begin as a binary glTF file does)', expectedGltf)
  const version = bytes.readUInt32LE(4)
  if (version !== 2) throw refuse(`not read (it is of version ${version})`, expectedGltf)
  const chunk = (at: number) => {
    const [length, type] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)]
    const end = at + 8 + length
    if (end > bytes.length) throw refuse(`not read (it is cut off: it has ${bytes.length} bytes of ${end})`, expectedGltf)
    return { type, content: bytes.subarray(at + 8, end), end }
  }
  const first = chunk(12)
  if (first.type !== jsonChunk) throw refuse('not read (it does not begin with its JSON)', expectedGltf)
  const second = first.end + 8 <= bytes.length ? chunk(first.end) : null
  return { text: first.content, binary: second?.type === binaryChunk ? second.content : null }
}

function parse(text: Buffer, refuse: Refusal): Gltf {
  let value: unknown
  try {
    value = JSON.parse(text.toString('utf8').replace(/^\uFEFF/, ''))
  } catch (cause) {
    throw refuse('not read (it is no JSON)', expectedGltf, cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refuse('not read (it is no JSON object)', expectedGltf)
  const parsed = gltfSchema.safeParse(value)
  if (!parsed.success) {
    const { argument, actual, expected } = optionError('', gltfSchema, value, parsed.error)
    throw refuse(`a file whose ${argument} is ${actual}`, expected)
  }
  const { asset, extensionsRequired } = parsed.data
  if (!/^2\.\d+$/.test(asset.version)) throw refuse(`not read (it is of version ${asset.version.slice(0, 20)})`, expectedGltf)
  if (extensionsRequired.length > 0)
    throw refuse(`not read (it needs the extension ${extensionsRequired[0]})`, `${expectedGltf} that needs no extension`)
  return { ...parsed.data, extensionsRequired: [] }
}

/** What a reference stands for: the data that it holds itself, or a file. */
async function dataOf(files: MeshFiles, file: string, uri: string, refuse: Refusal): Promise<Buffer> {
  const [, encoding, data] = /^data:[^,]*?(;base64)?,(.*)$/s.exec(uri) ?? []
  const decoded = (text: string): string => {
    try {
      return decodeURIComponent(text)
    } catch (cause) {
      throw refuse(
        `a file that refers to '${text.slice(0, 80)}'`,
        'references whose percent signs are followed by two digits',
        cause,
      )
    }
  }
  if (data !== undefined) return encoding ? Buffer.from(data, 'base64') : Buffer.from(decoded(data), 'latin1')
  const name = referred(files, file, decoded(uri))
  if (name) return files.read(name)
  throw refuse(`a file that refers to '${uri.slice(0, 80)}'`, 'references to files that are there, beside or below it')
}

/** Refuses views that reach out of their buffers, accessors that reach out of their views, and more than is copied of both. */
function checkData({ buffers, bufferViews, accessors, images }: Gltf, refuse: Refusal): void {
  bufferViews.forEach(({ buffer, byteOffset, byteLength }, i) => {
    const end = byteOffset + byteLength
    const { byteLength: whole = 0 } = buffers[buffer] ?? {}
    if (end > whole) throw refuse(`a file whose bufferView ${i} ends at byte ${end} of a buffer of ${whole}`, expectedGltf)
  })
  let total = 0
  const checkExtent = (i: number, view: number, offset: number, count: number, size: number): void => {
    const { byteLength = 0, byteStride = size } = bufferViews[view] ?? {}
    const end = offset + (count - 1) * byteStride + size
    if (end > byteLength || byteStride < size)
      throw refuse(`a file whose accessor ${i} ends at byte ${end} of a view of ${byteLength}`, expectedGltf)
  }
  accessors.forEach(({ bufferView, byteOffset, componentType, count, type, sparse }, i) => {
    const size = componentBytes[componentType] * components[type]
    total += size * count
    if (bufferView !== undefined) checkExtent(i, bufferView, byteOffset, count, size)
    if (!sparse) return
    const { indices, values } = sparse
    const indexBytes = componentBytes[indices.componentType]
    checkExtent(i, indices.bufferView, indices.byteOffset, sparse.count, indexBytes)
    checkExtent(i, values.bufferView, values.byteOffset, sparse.count, size)
    total += (size + indexBytes) * sparse.count
  })
  images.forEach(({ bufferView, uri }, i) => {
    if (bufferView === undefined && uri === undefined) throw refuse(`a file whose image ${i} is without data`, expectedGltf)
    total += bufferView === undefined ? 0 : within(refuse, `image ${i}`, 'bufferView', bufferView, bufferViews).byteLength
  })
  if (total > mostBytes) throw refuse(`a file with ${total} bytes of values`, `at most ${mostBytes}`)
}

/** What a place in a list refers to. */
function within<T>(refuse: Refusal, from: string, kind: string, at: number, all: readonly T[]): T {
  if (at < all.length) return all[at] as T
  throw refuse(`a file whose ${from} refers to ${kind} ${at} of ${all.length}`, 'references to what is there')
}

/** Refuses primitives, materials and textures that refer to what is not there, or to values of another kind. */
function checkParts({ meshes, accessors, materials, textures, images }: Gltf, refuse: Refusal): void {
  const checkValues = (from: string, what: string, at: number | undefined, isOne: (accessor: Accessor) => boolean) => {
    if (at === undefined) return
    const accessor = within(refuse, from, 'accessor', at, accessors)
    if (!isOne(accessor))
      throw refuse(`a file whose ${from} has ${what} of ${accessor.type} ${accessor.componentType}`, expectedGltf)
  }
  const isVector = ({ type }: Accessor) => type === 'VEC3'
  const isCount = ({ type, componentType }: Accessor) => type === 'SCALAR' && [5121, 5123, 5125].includes(componentType)
  meshes.forEach(({ primitives }, i) => {
    for (const { attributes, indices, material } of primitives) {
      const from = `mesh ${i}`
      checkValues(from, 'positions', attributes.POSITION, isVector)
      checkValues(from, 'normals', attributes.NORMAL, isVector)
      checkValues(from, 'indices', indices, isCount)
      if (material !== undefined) within(refuse, from, 'material', material, materials)
    }
  })
  materials.forEach(({ pbrMetallicRoughness: look = {} }, i) => {
    for (const key of ['baseColorTexture', 'metallicRoughnessTexture'] as const) {
      const used = look[key]
      if (!used) continue
      const { source } = within(refuse, `material ${i}`, 'texture', used.index, textures)
      // The picture of an extension.
      if (source === undefined) delete look[key]
      else within(refuse, `texture ${used.index}`, 'image', source, images)
    }
  })
}

/** Refuses nodes that are no tree, or too deep a one. */
function checkNodes({ scene, scenes, nodes, meshes }: Gltf, refuse: Refusal): void {
  if (scene !== undefined) within(refuse, 'scene', 'scene', scene, scenes)
  const parents = new Int32Array(nodes.length).fill(-1)
  nodes.forEach(({ children, mesh }, i) => {
    if (mesh !== undefined) within(refuse, `node ${i}`, 'mesh', mesh, meshes)
    for (const child of children) {
      within(refuse, `node ${i}`, 'node', child, nodes)
      if (parents[child] !== -1 || child === i)
        throw refuse(`a file whose node ${child} is in two places`, 'nodes that are a tree')
      parents[child] = i
    }
  })
  scenes.forEach((one, i) => {
    for (const node of one.nodes) {
      within(refuse, `scene ${i}`, 'node', node, nodes)
      if (parents[node] !== -1)
        throw refuse(`a file whose scene ${i} begins with node ${node}, part of another`, 'nodes that are a tree')
    }
  })
  let seen = 0
  let level = [...nodes.keys()].filter((node) => parents[node] === -1)
  for (let depth = 0; level.length > 0; ++depth) {
    if (depth === deepestNode) throw refuse(`a file whose nodes lie more than ${deepestNode} deep`, 'at most so many')
    seen += level.length
    level = level.flatMap((node) => nodes[node]?.children ?? [])
  }
  if (seen < nodes.length) throw refuse('a file with a node within itself', 'nodes that are a tree')
}
