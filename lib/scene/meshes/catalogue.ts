// The catalogue of a Sweet Home 3D library of furniture: Java properties, one numbered set of keys a model.
import { posix } from 'node:path'
import { refusal } from './raw.js'
import type { MeshFiles } from './sources.js'

export interface CatalogueEntry {
  /** In the catalogue's main language: 'Dining chair 2'. */
  readonly title: string
  /** Of its model, in the archive. */
  readonly file: string
  /** Rows of the rotation that comes first. */
  readonly rotation: readonly number[]
  /** Width (x), height (y) and depth (z) in centimetres; 0 where the catalogue has none. */
  readonly sides: readonly [number, number, number]
  /** Who made it, and under which licence. */
  readonly credit: string
}

const catalogueName = /(^|\/)(Plugin|Contributed|Default)?FurnitureCatalog\.properties$/

/** The file that is a catalogue, if there is one. */
export const catalogueOf = (files: MeshFiles): string | undefined => files.names.find((name) => catalogueName.test(name))

/** Java properties: Latin-1 with escapes, a value on several lines where a backslash ends one. */
export function parseProperties(bytes: Buffer): Map<string, string> {
  const values = new Map<string, string>()
  const plain = (text: string) =>
    text.replace(/\\(u[\da-fA-F]{4}|.)/g, (_, code: string) =>
      code.length === 5
        ? String.fromCharCode(Number.parseInt(code.slice(1), 16))
        : ({ t: '\t', n: '\n', r: '\r', f: '\f' }[code] ?? code),
    )
  const lines = bytes
    .toString('latin1')
    .replace(/(?<!\\)((?:\\\\)*)\\(\r\n|\n|\r)[ \t\f]*/g, '$1')
    .split(/\r\n|\n|\r/)
  for (const line of lines) {
    const [, key, value] = /^[ \t\f]*(?![#!])((?:\\.|[^\\=: \t\f])+)[ \t\f]*[=:]?[ \t\f]*(.*)$/.exec(line) ?? []
    if (key !== undefined) values.set(plain(key), plain(value ?? ''))
  }
  return values
}

/**
 * The models of a catalogue, in its order.
 * @throws {DataError} for a model without a name or a file, one whose file lies outside the archive, and sizes that are no numbers above 0
 */
export async function readCatalogue(op: string, files: MeshFiles, name: string): Promise<CatalogueEntry[]> {
  const refuse = refusal(op, `${files.path}:${name}`)
  const values = parseProperties(await files.read(name))
  const numbers = [...values.keys()].flatMap((key) => /^model#(\d+)$/.exec(key)?.[1] ?? [])
  return numbers.map((number): CatalogueEntry => {
    const value = (key: string) => values.get(`${key}#${number}`)?.trim()
    const [title, model] = [value('name'), value('model')]
    if (!title || !model) throw refuse(`a catalogue whose model ${number} has no name or no file`, 'name and model of each')
    // From the root of the archive, or else from the catalogue on.
    const fromRoot = posix.normalize(model.replaceAll('\\', '/').replace(/^\/+/, ''))
    const file = files.has(fromRoot) ? fromRoot : posix.join(posix.dirname(name), fromRoot)
    if (fromRoot.startsWith('../'))
      throw refuse(`a catalogue whose model ${number} is '${model}'`, 'models that lie inside the archive')
    const list = (key: string, usual: readonly number[]) => {
      const text = value(key)
      const found = text ? text.split(/\s+/).map(Number) : usual
      if (found.length !== usual.length || !found.every(Number.isFinite))
        throw refuse(
          `a catalogue with ${key}#${number} of '${text}'`,
          usual.length === 1 ? 'a number' : `${usual.length} numbers`,
        )
      return found
    }
    const side = (key: string): number => {
      const [length = 0] = list(key, [0])
      if (value(key) && length <= 0) throw refuse(`a catalogue with ${key}#${number} of '${value(key)}'`, 'a number above 0')
      return length
    }
    return {
      title,
      file,
      rotation: list('modelRotation', [1, 0, 0, 0, 1, 0, 0, 0, 1]),
      sides: [side('width'), side('height'), side('depth')],
      credit: [value('creator'), value('license') ?? values.get('license')].filter(Boolean).join(', '),
    }
  })
}
