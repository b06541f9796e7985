// Scenes as files: what other tools read.
import { existsSync } from 'node:fs'
import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { unfinishedSet } from '../data/files.js'
import { rowBytes } from '../data/images.js'
import { batchesOf, labelsOf } from '../data/index.js'
import { OptionError } from '../errors.js'
import { makeFolder, removeUnfinished } from '../io/atomic.js'
import { writeAtomic } from '../io/index.js'
import { takeLock } from '../io/lock.js'
import { readStored } from '../io/stored.js'
import { refuseUnknown } from '../options.js'
import { version } from '../version.js'
import type { Scenes } from './flat/scenes.js'

const op = 'writeScenes'

/** Which set a folder holds; the file has another name until all of it is there. */
const setFile = 'scenes.json'
const setSchema = z.object({ name: z.string(), sha256: z.string(), count: z.number(), striate: z.string() })

/**
 * Writes scenes as class folders of PNG files, `<class>/<six digits>.png`, with their variables as latents.json and what set it is as scenes.json.
 * Until all is there, the folder is refused as data; the same call again completes it, and leaves a whole set as it is.
 * @param run signal: stops after an image; those that were written stay
 * @throws {OptionError} when the folder holds anything else; {Locked} while another process writes there; {DataError} naming the file that cannot
 * be written
 */
export async function writeScenes(scenes: Scenes, folder: string, run: { signal?: AbortSignal } = {}): Promise<void> {
  refuseUnknown(op, run, ['signal'])
  const release = await takeLock(folder, op, 'scenes')
  try {
    if (await begin(scenes, folder)) await write(scenes, folder, run.signal)
  } finally {
    await release()
  }
}

/** Makes sure that the folder holds nothing but this set. @returns whether any of it is still to be written */
async function begin({ name, sha256, shape: [count] }: Scenes, folder: string): Promise<boolean> {
  const own = { name, sha256, count, striate: version }
  const [whole, unfinished] = [join(folder, setFile), join(folder, unfinishedSet)]
  const begun = [whole, unfinished].find((file) => existsSync(file))
  if (begun) {
    const found = await readStored(op, begun, setSchema, 'what render wrote about its set')
    if (JSON.stringify(found) === JSON.stringify(own)) return begun === unfinished
    const actual = `the folder of another set (${found.name}, made by Striate ${found.striate})`
    throw new OptionError({ op, argument: folder, actual, expected: `one for ${name}` })
  }
  const other = (await readdir(folder)).find((file) => !file.startsWith('scenes.lock') && !file.startsWith('.'))
  if (other) throw new OptionError({ op, argument: folder, actual: `not empty (it holds ${other})`, expected: 'an empty folder' })
  await writeAtomic(unfinished, `${JSON.stringify(own, null, 1)}\n`)
  return true
}

async function write(scenes: Scenes, folder: string, signal?: AbortSignal): Promise<void> {
  const { labels, classes } = labelsOf(scenes) as { labels: Int32Array; classes: readonly string[] }
  await removeUnfinished(folder)
  for (const name of classes) {
    await makeFolder(join(folder, name))
    await removeUnfinished(join(folder, name))
  }
  const [count, channels, height, width] = scenes.shape
  const plane = height * width
  const fileOf = (row: number) => join(classes[labels[row] as number] as string, `${String(row).padStart(6, '0')}.png`)
  const { default: sharp } = await import('sharp')
  // A file that is there is whole, and of this set.
  const left = Array.from({ length: count }, (_, row) => row).filter((row) => !existsSync(join(folder, fileOf(row))))
  for (const rows of batchesOf(Int32Array.from(left), 64)) {
    const pixels = await scenes.rows(rows, signal)
    for (const [i, row] of rows.entries()) {
      signal?.throwIfAborted()
      const planar = pixels.subarray(i * rowBytes(scenes.shape), (i + 1) * rowBytes(scenes.shape))
      const packed = Uint8Array.from(planar, (_, at) => planar[(at % channels) * plane + Math.floor(at / channels)] as number)
      const png = await sharp(packed, { raw: { width, height, channels: channels as 3 } })
        .png()
        .toBuffer()
      await writeAtomic(join(folder, fileOf(row)), png)
    }
  }
  const latents = Array.from({ length: count }, (_, row) => ({ file: fileOf(row), ...scenes.latents(row) }))
  await writeAtomic(join(folder, 'latents.json'), `${JSON.stringify(latents, null, 1)}\n`)
  await rename(join(folder, unfinishedSet), join(folder, setFile))
}
