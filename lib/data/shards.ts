// Tar shards as WebDataset writes them: the files of one image lie side by side and share a name up to its first dot.
import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { DataError } from '../errors.js'
import { parseWithControl } from '../options.js'
import { columnOf, labelColumn, lackingNumbers, numbersOrWords } from './columns.js'
import { imageExtensions, imageKinds } from './decode.js'
import { descriptionFile, placesInSet, readDescribedSet } from './described_set.js'
import { encodedOptions, openEncoded } from './encoded.js'
import { openFile, readFully } from './files.js'
import type { Images, LoadControl, SkippedFile } from './images.js'
import { filesOfSplit, splitOptions } from './split_folder.js'
import { type TarEntry, visitTar } from './tar_index.js'
import type { Column } from './targets.js'

/** The schema of {@link ShardOptions}. */
export const shardOptions = z.strictObject({
  ...encodedOptions,
  ...splitOptions,
  classes: z.array(z.string()).readonly().optional().describe('class names for labels that are numbers'),
})

/** As `FolderOptions`, but `limit` takes the first images, and `classes` names those that `.cls` files number. */
export interface ShardOptions extends z.input<typeof shardOptions>, LoadControl {}

const op = 'loadShards'
const expected = `tar shards as WebDataset writes them, with ${imageKinds} entries`

/** Whether a file of this name is a tar archive, packed ones included: those are refused with a reason. */
export function isShardName(name: string): boolean {
  return /\.(tar|tar\.gz|tgz)$/.test(name)
}

/** One image and what lies beside it. */
interface Sample {
  shard: number
  image: TarEntry
  cls?: string | undefined
  txt?: string | undefined
  json?: Record<string, unknown> | undefined
}

/** Name up to the first dot of its last part, and what follows; null for what is no sample. */
function splitKey(name: string): { key: string; extension: string } | null {
  const match = /^((?:.*\/)?[^./][^./]*)\.([^/]+)$/.exec(name.replace(/^\.\//, ''))
  return match ? { key: match[1] as string, extension: (match[2] as string).toLowerCase() } : null
}

function parseJson(where: string, text: string): Record<string, unknown> {
  const wanted = { op, argument: where, expected: 'a JSON object' }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new DataError({ ...wanted, actual: `not JSON (${(cause as Error).message})` }, { cause })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new DataError({ ...wanted, actual: `JSON of ${Array.isArray(value) ? 'a list' : String(value)}` })
}

async function indexShards(
  paths: readonly string[],
  signal: AbortSignal | undefined,
): Promise<{ samples: Sample[]; skipped: SkippedFile[] }> {
  const samples: Sample[] = []
  const skipped: SkippedFile[] = []
  for (const [shard, path] of paths.entries()) {
    const first = samples.length
    let open: { key: string; sample: Partial<Sample> } = { key: '', sample: {} }
    const close = () => {
      const { image, ...rest } = open.sample
      // What lies there without an image, such as a description of the set, is no sample.
      if (image) samples.push({ ...rest, shard, image })
      else if (open.key !== '') skipped.push({ name: `${basename(path)}/${open.key}`, reason: 'entries without an image' })
    }
    await visitTar(op, path, signal, async (entry, read) => {
      const named = splitKey(entry.name)
      if (!named) return
      const { key, extension } = named
      if (open.key !== key) {
        close()
        open = { key, sample: {} }
      }
      const { sample } = open
      const where = `${path} (${entry.name})`
      if (imageExtensions.has(extension)) {
        if (sample.image) {
          const actual = `a second image beside ${sample.image.name}`
          throw new DataError({ op, argument: where, actual, expected: 'one image under each name' })
        }
        sample.image = entry
      } else if (extension === 'cls' || extension === 'txt') sample[extension] = (await read()).toString('utf8').trim()
      else if (extension === 'json') sample.json = parseJson(where, (await read()).toString('utf8'))
    })
    close()
    if (samples.length === first) throw new DataError({ op, argument: path, actual: 'a shard without images', expected })
  }
  return { samples, skipped }
}

/** `.cls` is the class; else the words of `.txt` are. Fields of `.json` and other `.txt` are targets under their names; `skipped` takes those that are none. */
function targetsOf(
  samples: readonly Sample[],
  classes: readonly string[] | undefined,
  where: (index: number) => string,
  skipped: SkippedFile[],
): Record<string, Column> {
  const targets: Record<string, Column> = {}
  const fields = new Set(samples.flatMap(({ json }) => Object.keys(json ?? {})))
  for (const field of fields) {
    const values = samples.map(({ json }) => json?.[field])
    const column = columnOf(values)
    if (column) targets[field] = column
    else skipped.push(...lackingNumbers(`json: ${field}`, values))
  }
  const texts = numbersOrWords(samples.map(({ txt }) => txt))
  const text = columnOf(texts)
  if (!text) skipped.push(...lackingNumbers('txt', texts))
  if (samples.some(({ cls }) => cls !== undefined))
    targets.class = labelColumn(op, numbersOrWords(samples.map(({ cls }) => cls)), classes, where)
  if (text) targets[text.kind === 'class' && !targets.class ? 'class' : 'txt'] = text
  return targets
}

/**
 * Opens tar shards in WebDataset's layout as [N,3,H,W] bytes: a file, a folder of `*.tar` (or of `train-*.tar` beside `test-*`, `val-*` or
 * `validation-*`), or a pattern such as `train-{000000..000012}.tar`. Images (`key.jpg`, `.png`, `.webp` ...) come in the order of shards and
 * entries, decoded as in `loadFolder`. Targets: `key.cls` is the `class`, a number or a name; every field of `key.json` that all images have as a
 * number makes a column of numbers, as a word or truth value one of classes, under its own name; `key.txt` likewise under `txt`, or `class` where its
 * words are the only classes. Other entries are not looked at; `skipped` names those without an image. The index is made in one pass over the headers.
 * @throws {DataError} naming the shard that is missing, compressed, damaged or without images, or the entry that is corrupt
 * @throws {OptionError} for an unknown or out-of-range option
 */
export async function loadShards(path: string, options: ShardOptions = {}): Promise<Images> {
  const [parsed, control] = parseWithControl(op, shardOptions, options)
  control.signal?.throwIfAborted()
  const { paths, name } = /\.(tar\.gz|tgz)$/.test(path)
    ? { paths: [path], name: basename(path) }
    : await filesOfSplit(op, path, '.tar', parsed, expected)
  const found = await indexShards(paths, control.signal)
  const { skipped } = found
  const label = ({ shard, image }: Sample) => `${basename(paths[shard] as string)}/${image.name}`
  const folder = dirname(paths[0] as string)
  const isDescribed = !isShardName(path) && existsSync(join(folder, descriptionFile))
  const set = isDescribed ? await readDescribedSet(op, folder) : null
  const inFolder = (file: string) => `${folder}/${file}`
  const samples = set
    ? Array.from(
        placesInSet(op, folder, set, found.samples.map(label), (index) => inFolder(label(found.samples[index] as Sample))),
        (index) => found.samples[index] as Sample,
      )
    : found.samples
  // Kept for the life of the source: as little as will do.
  const names = samples.map(({ image }) => image.name)
  const shards = Int32Array.from(samples, ({ shard }) => shard)
  const offsets = Float64Array.from(samples, ({ image }) => image.offset)
  const sizes = Float64Array.from(samples, ({ image }) => image.size)
  const shardOf = (index: number) => paths[shards[index] as number] as string
  const where = (index: number) => `${shardOf(index)} (${names[index]})`
  const encoded = {
    name,
    count: samples.length,
    targets: set?.targets ?? targetsOf(samples, parsed.classes, where, skipped),
    skipped,
    where,
    label: (index: number) => `${basename(shardOf(index))}/${names[index]}`,
    files: paths,
    sizes: async () => sizes,
    read: async (index: number) => {
      const file = await openFile(op, shardOf(index), expected)
      try {
        const bytes = new Uint8Array(sizes[index] as number)
        await readFully(op, shardOf(index), file, bytes, offsets[index] as number)
        return bytes
      } finally {
        await file.close()
      }
    },
  }
  return openEncoded(op, encoded, parsed, control)
}
