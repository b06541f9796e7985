// Where the files of a written set lie in its folder.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { depthsFolder, descriptionFile, masksFolder } from '../data/described_set.js'
import { unfinishedSet } from '../data/files.js'
import { labelsOf } from '../data/index.js'
import { isShardName } from '../data/shards.js'
import { annotationFile, partsIn } from '../data/split_folder.js'
import { headersFile } from '../data/three_d_world.js'
import { OptionError } from '../errors.js'
import type { SceneSet } from './set.js'
import type { WriteSettings } from './write_options.js'

/** Images of a shard. */
export const shardImages = 1000

/** Names that a set's own files and folders have, its page among them. */
const ownNames = [masksFolder, depthsFolder, 'metadata.parquet', 'metadata.jsonl', descriptionFile, unfinishedSet, 'index.html']
/** Files by which other data are known. */
const otherNames = [annotationFile, headersFile]
/** Of a set's locks, and of what is passed over in a folder. */
const takenBeginnings = ['scenes.lock', '.', '__macosx']

function isTaken(name: string): boolean {
  const lower = name.toLowerCase()
  return (
    name === '' ||
    /[/\\]/.test(name) ||
    [...ownNames, ...otherNames].includes(lower) ||
    takenBeginnings.some((beginning) => lower.startsWith(beginning)) ||
    isShardName(lower)
  )
}

/**
 * Refuses classes whose folders would be taken for something else of the set.
 * @throws {OptionError} naming the class
 */
export function checkClassFolders(op: string, classes: readonly string[]): void {
  const refuse = (actual: string, expected: string) => new OptionError({ op, argument: 'a category', actual, expected })
  const taken = classes.find(isTaken)
  if (taken !== undefined)
    throw refuse(`called '${taken}'`, `a name that a set's own files do not have (${ownNames.join(', ')}), or shards`)
  const parts = partsIn(classes.map((name) => ({ name, path: name, isFolder: true, isFile: false })))
  if (parts)
    throw refuse(
      `called '${parts.train.name}' beside another called '${parts.tests[0]?.name}'`,
      'names that are not those of the parts of a data set, or shards',
    )
}

/** The places of a set's files: of every image, and what lies beside it. */
export class SetPlaces {
  readonly isSharded: boolean
  readonly extension: 'png' | 'jpg'
  readonly classes: readonly string[]
  private readonly labels: Int32Array

  constructor(
    private readonly scenes: SceneSet,
    readonly folder: string,
    private readonly settings: WriteSettings,
  ) {
    const found = labelsOf(scenes) as { labels: Int32Array; classes: readonly string[] }
    this.labels = found.labels
    this.classes = found.classes
    this.isSharded = settings.layout === 'shards'
    this.extension = settings.format === 'png' ? 'png' : 'jpg'
  }

  get count(): number {
    return this.scenes.shape[0]
  }

  className(row: number): string {
    return this.classes[this.labels[row] as number] as string
  }

  /** The number of an image in its series. */
  stem(row: number): string {
    return String(this.scenes.first + row).padStart(6, '0')
  }

  shard(row: number): string {
    return `scenes-${String(Math.floor(row / shardImages)).padStart(6, '0')}.tar`
  }

  /** The image within the folder; of one in a shard, the shard and its name there. */
  file(row: number): string {
    return `${this.isSharded ? this.shard(row) : this.className(row)}/${this.stem(row)}.${this.extension}`
  }

  /** What is written of an image in a class folder. */
  paths(row: number): { image: string; mask: string | null; depth: string | null } {
    const place = (top: string, end: string) => join(this.folder, top, this.className(row), `${this.stem(row)}.${end}`)
    return {
      image: place('', this.extension),
      mask: this.settings.masks ? place(masksFolder, 'png') : null,
      depth: this.settings.depths ? place(depthsFolder, 'npy') : null,
    }
  }

  /** Folders in which files are written. */
  folders(): string[] {
    if (this.isSharded) return []
    const { masks, depths } = this.settings
    const tops = ['', ...(masks ? [masksFolder] : []), ...(depths ? [depthsFolder] : [])]
    return tops.flatMap((top) => this.classes.map((own) => join(this.folder, top, own)))
  }

  /** Whether an image is there with all that belongs to it. */
  isThere(row: number): boolean {
    if (this.isSharded) return existsSync(join(this.folder, this.shard(row)))
    return Object.values(this.paths(row)).every((path) => path === null || existsSync(path))
  }

  /** The rows whose image is there, or not, in batches of at most `batch`. */
  async *rows(isThere: boolean, batch: number): AsyncGenerator<Int32Array, void, void> {
    let found: number[] = []
    let known = false
    for (let row = 0; row < this.count; ++row) {
      // Other work goes on meanwhile; one look at a shard is enough.
      if (row % shardImages === 0) await new Promise(setImmediate)
      known = this.isSharded && row % shardImages > 0 ? known : this.isThere(row)
      if (known === isThere) found.push(row)
      if (found.length < batch) continue
      yield Int32Array.from(found)
      found = []
    }
    if (found.length > 0) yield Int32Array.from(found)
  }
}
