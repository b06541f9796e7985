// A classifier of your own images: node examples/2_your_own_images.mjs [folder]
// The folder holds one folder per class, with images of any size. Without one, the script makes such a folder of scenes first.
// The images stay on the disk and are decoded as they are needed: the folder may be larger than the memory.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { classify, labelsOf, openImages, renderSet, selectImages, splitTrainValidation, trainLocal } from 'striate'

const made = process.argv[2] === undefined
const folder = process.argv[2] ?? (await mkdtemp(join(tmpdir(), 'striate-images-')))
if (made) await makeFolder(folder)

const images = await openImages(folder, { size: 32, memoryLimit: 1_000_000 })
const { labels, classes } = labelsOf(images)
console.log(`${images.shape[0]} images of ${classes.length} classes, ${images.pixels ? 'in memory' : 'on the disk'}`)

// A fifth of each class is set aside to test on.
const { train, validation: test } = splitTrainValidation(labels, 0.2, 0)
const [learnedFrom, testedOn] = [await selectImages(images, train), await selectImages(images, test)]
const { net } = await trainLocal(learnedFrom, {
  filters: { units: 64, window: 5, steps: 1000 },
  blocks: [{ pool: { size: 9, stride: 5 } }],
})
const { score } = await classify(net, testedOn)
console.log(
  `test error ${(100 * score.value).toFixed(0)} % of ${test.length} images, chance ${(100 * score.raw.chance).toFixed(0)} %`,
)
if (made) await rm(folder, { recursive: true })

async function makeFolder(root) {
  const { shape, pixels, targets } = await renderSet({ count: 1600, size: 40, seed: 2 })
  const [count, , height, width] = shape
  const plane = height * width
  for (const name of targets.class.classes) await mkdir(join(root, name))
  for (let i = 0; i < count; i++) {
    const planar = pixels.subarray(i * 3 * plane, (i + 1) * 3 * plane)
    const rgb = Uint8Array.from({ length: 3 * plane }, (_, at) => planar[(at % 3) * plane + Math.floor(at / 3)])
    const name = targets.class.classes[targets.class.values[i]]
    await sharp(rgb, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(join(root, name, `${i}.png`))
  }
}

/* prints
1600 images of 8 classes, on the disk
test error 65 % of 320 images, chance 88 %
*/
