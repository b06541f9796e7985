// Where the files of a set of meshes lie: a folder with all that is below it, or a zip archive. What a file refers to stays inside.
import { posix } from 'node:path'
import { listFolder, type Path, readWhole, statFile } from '../../data/files.js'
import { listZip, readZipEntry } from '../../data/zip_index.js'
import { DataError } from '../../errors.js'

/** The largest file that is read: a mesh of a million triangles takes less. */
const mostBytes = 2 ** 28
const mostFiles = 1_000_000
const deepest = 12

/** Files by their names, parts separated by slashes, without one in front. */
export interface MeshFiles {
  /** The folder or archive, for messages. */
  readonly path: string
  /** Sorted. */
  readonly names: readonly string[]
  has(name: string): boolean
  /** @throws {DataError} when it is missing, damaged, or larger than 256 MiB */
  read(name: string): Promise<Buffer>
}

const expectedFile = 'a readable file of at most 256 MiB'

function refuseLarge(op: string, argument: string, bytes: number): void {
  if (bytes > mostBytes) throw new DataError({ op, argument, actual: `${bytes} bytes long`, expected: expectedFile })
}

/** Every file below a folder; what begins with a dot is passed over. */
export async function filesOfFolder(op: string, path: string, expected: string): Promise<MeshFiles> {
  const places = new Map<string, Path>()
  const walk = async (folder: Path, prefix: string, depth: number): Promise<void> => {
    for (const entry of await listFolder(op, folder, expected)) {
      if (entry.name.startsWith('.')) continue
      if (entry.isFile) places.set(prefix + entry.name, entry.path)
      else if (entry.isFolder && depth < deepest) await walk(entry.path, `${prefix}${entry.name}/`, depth + 1)
      if (places.size > mostFiles)
        throw new DataError({ op, argument: path, actual: `a folder of more than ${mostFiles} files`, expected })
    }
  }
  await walk(path, '', 0)
  return {
    path,
    names: [...places.keys()].sort(),
    has: (name) => places.has(name),
    async read(name) {
      const place = places.get(name)
      if (place === undefined) throw missing(op, path, name)
      if (typeof place === 'string') refuseLarge(op, place, (await statFile(op, place, expectedFile)).size)
      return readWhole(op, place, expectedFile)
    },
  }
}

/**
 * The files of a zip archive.
 * @throws {DataError} for an archive with a name that leads out of it
 */
export async function filesOfZip(op: string, path: string): Promise<MeshFiles> {
  const entries = new Map((await listZip(op, path)).map((entry) => [entry.name, entry]))
  for (const name of entries.keys())
    if (/^[/\\]|^[a-z]:|(^|[/\\])\.\.([/\\]|$)/i.test(name))
      throw new DataError({
        op,
        argument: path,
        actual: `an archive with a file '${name}'`,
        expected: 'one whose files stay inside it',
      })
  return {
    path,
    names: [...entries.keys()].sort(),
    has: (name) => entries.has(name),
    async read(name) {
      const entry = entries.get(name)
      if (!entry) throw missing(op, path, name)
      refuseLarge(op, `${path}:${name}`, entry.size)
      return readZipEntry(op, path, entry)
    },
  }
}

const missing = (op: string, path: string, name: string) =>
  new DataError({ op, argument: path, actual: `without a file '${name}'`, expected: 'every file that it names' })

/**
 * The file that `from` refers to as `reference`, or null where there is none within the folder or archive: nothing outside is looked at. Names are
 * compared as they stand, then without regard to case and to how letters with marks are composed, for most meshes come from systems that do not tell
 * these apart.
 */
export function referred(files: MeshFiles, from: string, reference: string): string | null {
  const name = posix.join(posix.dirname(from), reference.replaceAll('\\', '/'))
  if (files.has(name)) return name
  const plain = (text: string) => text.normalize('NFC').toLowerCase()
  const wanted = plain(name)
  return files.names.find((other) => plain(other) === wanted) ?? null
}
