// What learning components takes must not grow with the number of images, of which there may be more than any memory holds.
import { execFile } from 'node:child_process'
import { link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, expect, it } from 'vitest'
import { root } from '#root'
import { uniform } from '../ops/proof.js'

const folder = await mkdtemp(join(tmpdir(), 'striate-memory-'))
afterAll(() => rm(folder, { recursive: true }))

it.skipIf(process.platform !== 'linux')('holds as much for 900 images as for 300', async () => {
  const side = 96
  const next = uniform(1)
  await mkdir(join(folder, 'x'))
  const file = (i: number) => join(folder, 'x', `${String(i).padStart(3, '0')}.png`)
  // A few of noise, each under many names.
  for (let i = 0; i < 8; ++i) {
    const noise = Buffer.from(Uint8Array.from({ length: 3 * side * side }, () => 256 * next()))
    await sharp(noise, { raw: { width: side, height: side, channels: 3 } }).toFile(file(i))
  }
  for (let i = 8; i < 900; ++i) await link(file(i % 8), file(i))
  await writeFile(
    join(folder, 'learn.mts'),
    `import { readFileSync } from 'node:fs'
    import { fitComponents, openImages, waveletNet } from ${JSON.stringify(join(root, 'lib', 'index.ts'))}
    const images = await openImages(process.argv[2], { labels: 'none', memoryLimit: 1e6, limit: Number(process.argv[3]) })
    const config = waveletNet({ units: [27, 8], image: [${side}, ${side}] })
    const { net, record } = await fitComponents(images, config, { memoryLimit: 4e6, batch: 20 })
    net.dispose()
    const peak = Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024
    console.log(JSON.stringify({ images: images.shape[0], inMemory: images.pixels !== null, blocks: record.blocks.length, peak }))`,
  )
  const learn = async (count: number) => {
    const words = ['--import', 'tsx', join(folder, 'learn.mts'), join(folder, 'x'), String(count)]
    const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: root })
    return JSON.parse(stdout) as { images: number; inMemory: boolean; blocks: number; peak: number }
  }
  const [few, many] = [await learn(300), await learn(900)]
  expect([few, many].map(({ images, inMemory, blocks }) => [images, inMemory, blocks])).toEqual([
    [300, false, 2],
    [900, false, 2],
  ])
  // Heaps fill up to what their collectors leave, by 300 images. Kept for the second block, the maps of the first would be
  // 27 x 48 x 48 floats an image, 149 MB of 600 more; pixels alone 17 MB.
  const grown = many.peak - few.peak
  expect(grown).toBeLessThan((600 * 4 * 27 * (side / 2) ** 2) / 4)
})
