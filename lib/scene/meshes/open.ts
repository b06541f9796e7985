// Meshes from files, of any kind that is read, each parsed when it is asked for.
import { stat } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { z } from 'zod'
import { DataError } from '../../errors.js'
import { describeReadError } from '../../io/file_errors.js'
import { parseOptions } from '../../options.js'
import { solidCategories } from '../solid/built_in.js'
import type { Mesh } from '../solid/mesh.js'
import { catalogueOf, readCatalogue } from './catalogue.js'
import { finishMesh } from './finish.js'
import { readGltf } from './gltf.js'
import { categoryOf } from './nouns.js'
import { readObj } from './obj.js'
import { refusal, stretched } from './raw.js'
import { filesOfFolder, filesOfZip, type MeshFiles } from './sources.js'

/** A mesh in a file. */
export interface NamedMesh {
  /** Unique in its set: where it lies, without the ending of its file. */
  readonly name: string
  /** What its catalogue, or else its file, calls it: 'Dining chair 2'. */
  readonly title: string
  /** The noun of its class. */
  readonly category: string
  /** Who made it and under which licence, where a catalogue says so; else empty. */
  readonly credit: string
  /**
   * Reads the mesh, anew by each call.
   * @throws {DataError} in one sentence naming the file, when it is malformed, has no triangles, more than a million, or holes that are not allowed
   */
  read(): Promise<Mesh>
}

export const openMeshesOptions = z.strictObject({
  holes: z
    .enum(['refuse', 'allow'])
    .default('refuse')
    .describe('what is done with meshes that are not closed: refused, or drawn from both sides where they have holes'),
})
export type OpenMeshesOptions = z.input<typeof openMeshesOptions>

const op = 'openMeshes'
const expected =
  'a folder of .obj, .gltf or .glb files (in class folders, or named by their classes), or an archive of Sweet Home 3D furniture'
const isMesh = (name: string) => /\.(obj|gltf|glb)$/i.test(name)
const isArchive = (name: string) => /\.(sh3f|zip|jar)$/i.test(name)

const withoutEnding = (name: string) => name.slice(0, name.length - extname(name).length)

/** What is done with meshes that have holes, and the nouns that are known. */
interface How {
  readonly holes: 'refuse' | 'allow'
  readonly nouns: ReadonlySet<string>
}

async function readMesh(files: MeshFiles, name: string, { holes }: How, entry?: Shape): Promise<Mesh> {
  const refuse = refusal(op, `${files.path}:${name}`)
  if (!isMesh(name)) throw refuse(`a ${extname(name) || 'nameless'} file`, '.obj, .gltf or .glb')
  const raw = /\.obj$/i.test(name) ? await readObj(op, files, name) : await readGltf(op, files, name)
  return finishMesh(entry ? stretched(raw, entry.rotation, entry.sides) : raw, holes, refuse)
}

/** How a catalogue turns and sizes a model. */
interface Shape {
  readonly rotation: readonly number[]
  readonly sides: readonly [number, number, number]
}

/** The meshes that a catalogue lists; without one those of class folders, or of files named by their classes. */
async function meshesOf(files: MeshFiles, how: How): Promise<NamedMesh[]> {
  const catalogue = catalogueOf(files)
  if (!catalogue) return loose(files, how)
  const entries = await readCatalogue(op, files, catalogue)
  return entries.map(({ title, file, credit, ...shape }) => ({
    name: withoutEnding(file),
    title,
    category: categoryOf(title, how.nouns),
    credit,
    read: () => readMesh(files, file, how, shape),
  }))
}

function loose(files: MeshFiles, how: How): NamedMesh[] {
  return files.names.filter(isMesh).map((file) => {
    const [folder, ...below] = file.split('/')
    const title = withoutEnding(basename(file))
    const category =
      below.length > 0
        ? folder!
            .trim()
            .toLowerCase()
            .replaceAll(/[\s-]+/g, '_')
        : categoryOf(title, how.nouns)
    return { name: withoutEnding(file), title, category, credit: '', read: () => readMesh(files, file, how) }
  })
}

const ofArchive = async (path: string, how: How): Promise<NamedMesh[]> => meshesOf(await filesOfZip(op, path), how)

async function ofFolder(path: string, how: How): Promise<NamedMesh[]> {
  const files = await filesOfFolder(op, path, expected)
  const meshes = await meshesOf(files, how)
  for (const archive of files.names.filter(isArchive)) {
    const inside = await ofArchive(`${path.replace(/\/+$/, '')}/${archive}`, how)
    meshes.push(...inside.map((mesh) => ({ ...mesh, name: `${withoutEnding(archive)}/${mesh.name}` })))
  }
  return meshes
}

/** Names that occur twice are told apart by a number. */
function named(meshes: NamedMesh[]): NamedMesh[] {
  const times = new Map<string, number>()
  return meshes.map((mesh) => {
    const time = (times.get(mesh.name) ?? 0) + 1
    times.set(mesh.name, time)
    return time === 1 ? mesh : { ...mesh, name: `${mesh.name}#${time}` }
  })
}

/**
 * Lists the meshes of a folder or archive; none is read yet. A class is the name of the folder that a file lies in, or the noun in the name that the
 * file or a catalogue gives it: that of a built-in category where there is one for it ('Dining chair 2' is a chair). Known are
 * - OBJ with its materials, glTF as .gltf and .glb: in class folders at any depth, or flat;
 * - archives of Sweet Home 3D furniture (.sh3f, .zip, .jar) with their catalogue, and folders of such, as Debian's sweethome3d-furniture.
 *
 * y points up and the front to +z in all of them. A mesh is scaled to the longest side 1 and centred, those of a catalogue after they are turned and
 * sized as it says; a part has the mean colour of its picture times that of its material, and normals are made where the file has none.
 * @throws {DataError} for a path that holds no meshes, and an archive or catalogue that is damaged or leads out of itself
 */
export async function openMeshes(path: string, options: OpenMeshesOptions = {}): Promise<NamedMesh[]> {
  const { holes } = parseOptions(op, openMeshesOptions, options)
  const found = await stat(path).catch((error) => {
    throw describeReadError(op, path, error, expected)
  })
  const how = { holes, nouns: new Set(await solidCategories()) }
  const meshes = found.isDirectory() ? await ofFolder(path, how) : isArchive(path) ? await ofArchive(path, how) : null
  if (meshes && meshes.length > 0) return named(meshes)
  throw new DataError({ op, argument: path, actual: meshes ? 'without meshes' : 'a file', expected })
}
