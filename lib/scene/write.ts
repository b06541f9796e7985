// Scenes as files: what other tools read.
import { existsSync } from 'node:fs'
import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { descriptionFile } from '../data/described_set.js'
import { unfinishedSet } from '../data/files.js'
import type { LoadControl } from '../data/index.js'
import { OptionError } from '../errors.js'
import { removeUnfinished } from '../io/atomic.js'
import { writeAtomic } from '../io/index.js'
import { takeLock } from '../io/lock.js'
import { readStored } from '../io/stored.js'
import { parseWithControl } from '../options.js'
import { version } from '../version.js'
import { checkClassFolders, SetPlaces } from './places.js'
import type { SceneSet } from './set.js'
import { writeImages } from './write_images.js'
import { type WriteScenesOptions, writeScenesOptions } from './write_options.js'
import { columnsOf, writeTable } from './write_table.js'

const op = 'writeScenes'

/** Which set a folder holds; the file has another name until all of it is there. */
const setSchema = z.object({
  name: z.string(),
  sha256: z.string(),
  count: z.number(),
  striate: z.string(),
  format: z.string(),
  layout: z.string(),
  metadata: z.string(),
  masks: z.boolean(),
  depths: z.boolean(),
})

/**
 * Writes scenes as class folders of images, `<class>/<number in the series>.png`, or as tar shards, `scenes-000000.tar`, with everything known about each
 * image in one table, metadata.parquet or metadata.jsonl, and scenes.json about the set: what it is made from, the columns that are targets with their
 * classes and counts, means and deviations, and the version that wrote it. `openImages` reads it all. Masks lie in masks/ and depths in depths/, or beside
 * their images in the shards. Until all is there, the folder is refused as data; the same call again completes it, makes what was deleted of a whole
 * set again, and leaves one of which nothing is missing as it is.
 * @param options also signal: stops after an image; those that were written stay
 * @throws {OptionError} when the folder holds anything else, scenes have no masks or depths, or a class folder would be called as a file of the set is; {Locked} while another process writes there; {DataError}
 * naming the file that cannot be written
 */
export async function writeScenes(
  scenes: SceneSet,
  folder: string,
  options: WriteScenesOptions & LoadControl = {},
): Promise<void> {
  const [settings, control] = parseWithControl(op, writeScenesOptions, options)
  const places = new SetPlaces(scenes, folder, settings)
  if (!places.isSharded) checkClassFolders(op, places.classes)
  const release = await takeLock(folder, op, 'scenes')
  try {
    const { name, sha256, shape } = scenes
    const own = {
      name,
      sha256,
      count: shape[0],
      striate: version,
      ...settings,
      metadata: `metadata.${settings.metadata}` as const,
    }
    if (!(await begin(own, places))) return
    await removeUnfinished(folder)
    const seen = await writeImages(scenes, places, settings, control)
    await writeTable(scenes, places, own.metadata, seen, control.signal)
    const description = { ...own, size: shape[2], origin: scenes.origin, columns: columnsOf(scenes) }
    await writeAtomic(join(folder, unfinishedSet), `${JSON.stringify(description, null, 1)}\n`)
    await rename(join(folder, unfinishedSet), join(folder, descriptionFile))
  } finally {
    await release()
  }
}

/** Makes sure that the folder holds nothing but this set. @returns whether any of it is still to be written */
async function begin(own: z.output<typeof setSchema>, places: SetPlaces): Promise<boolean> {
  const { folder } = places
  const [whole, unfinished] = [join(folder, descriptionFile), join(folder, unfinishedSet)]
  const begun = [whole, unfinished].find((file) => existsSync(file))
  if (begun) {
    const found = await readStored(op, begun, setSchema, 'what render wrote about its set')
    const differs = Object.entries(own).find(([key, value]) => found[key as keyof typeof found] !== value)
    if (!differs) {
      if (begun === unfinished) return true
      if (await isComplete(places, own.metadata)) return false
      await rename(whole, unfinished)
      return true
    }
    const isOther = found.sha256 !== own.sha256 || found.name !== own.name || found.striate !== own.striate
    const [key, value] = differs
    throw new OptionError({
      op,
      argument: folder,
      actual: isOther
        ? `the folder of another set (${found.name}, made by Striate ${found.striate})`
        : `the folder of ${found.name} with ${key} ${found[key as keyof typeof found]}`,
      expected: isOther ? `one for ${own.name}` : `the same with ${key} ${value}`,
    })
  }
  const other = (await readdir(folder)).find((file) => !file.startsWith('scenes.lock') && !file.startsWith('.'))
  if (other) throw new OptionError({ op, argument: folder, actual: `not empty (it holds ${other})`, expected: 'an empty folder' })
  await writeAtomic(unfinished, `${JSON.stringify(own, null, 1)}\n`)
  return true
}

/** Whether every file of a set that was whole is there still. */
async function isComplete(places: SetPlaces, metadata: string): Promise<boolean> {
  if (!existsSync(join(places.folder, metadata))) return false
  for await (const _ of places.rows(false, 1)) return false
  return true
}
