// Scenes as files: what other tools read.
import { join } from 'node:path'
import sharp from 'sharp'
import { rowBytes } from '../data/images.js'
import { batchesOf, labelsOf } from '../data/index.js'
import { makeFolder } from '../io/atomic.js'
import { writeAtomic } from '../io/index.js'
import { refuseUnknown } from '../options.js'
import type { Scenes } from './flat/scenes.js'

/**
 * Writes scenes as class folders of PNG files, `<class>/<six digits>.png`, and then their variables as latents.json.
 * @param run signal: stops after an image; those that were written stay
 * @throws {DataError} naming the file that cannot be written
 */
export async function writeScenes(scenes: Scenes, folder: string, run: { signal?: AbortSignal } = {}): Promise<void> {
  refuseUnknown('writeScenes', run, ['signal'])
  const { labels, classes } = labelsOf(scenes) as { labels: Int32Array; classes: readonly string[] }
  for (const name of classes) await makeFolder(join(folder, name))
  const [count, channels, height, width] = scenes.shape
  const plane = height * width
  const latents: object[] = []
  for (const rows of batchesOf(count, 64)) {
    const pixels = await scenes.rows(rows, run.signal)
    for (const [i, row] of rows.entries()) {
      run.signal?.throwIfAborted()
      const planar = pixels.subarray(i * rowBytes(scenes.shape), (i + 1) * rowBytes(scenes.shape))
      const packed = Uint8Array.from(planar, (_, at) => planar[(at % channels) * plane + Math.floor(at / channels)] as number)
      const file = join(classes[labels[row] as number] as string, `${String(row).padStart(6, '0')}.png`)
      const png = await sharp(packed, { raw: { width, height, channels: channels as 3 } })
        .png()
        .toBuffer()
      await writeAtomic(join(folder, file), png)
      latents.push({ file, ...scenes.latents(row) })
    }
  }
  await writeAtomic(join(folder, 'latents.json'), `${JSON.stringify(latents, null, 1)}\n`)
}
