// What evaluations of a run leave in its folder.
import { join } from 'node:path'
import type { Images } from '../data/index.js'
import type { Classification, ShadowScores } from '../eval/index.js'
import { writeAtomic } from '../io/index.js'
import { LightField } from '../light/index.js'
import { type ImageSheet, imageSheet } from '../plot/index.js'
import { Permutation } from '../random.js'
import { version } from '../version.js'
import type { ClassificationRecord } from './classify_page.js'
import { curvesByLight, type ShadowRecord, shadowChart } from './shadow_page.js'

/**
 * Writes `classify-<images>.json` into the folder of a run: `striate report` shows those of whole splits.
 * @param images which were evaluated: `train`, `test`, or another name for a part of them
 * @param network SHA-256 of the network that was evaluated (`networkSha256`)
 */
export async function writeClassification(
  folder: string,
  images: string,
  { prediction: _prediction, ...result }: Classification,
  classes: readonly string[],
  network: string,
): Promise<ClassificationRecord> {
  const record: ClassificationRecord = { kind: 'classify', striate: version, network, classes: [...classes], ...result }
  await writeAtomic(join(folder, `classify-${images}.json`), `${JSON.stringify(record, null, 1)}\n`)
  return record
}

/**
 * Writes `shadows-<name>.json` into the folder of a run, with a curve for every light and some of the images in each: `striate report` shows those
 * of whole splits.
 * @param name which images were evaluated: `train`, `test`, or another name for a part of them
 * @param images those that were evaluated
 * @param network SHA-256 of the network that was evaluated (`networkSha256`)
 */
export async function writeShadows(
  folder: string,
  name: string,
  images: Images,
  scores: ShadowScores,
  network: string,
): Promise<ShadowRecord> {
  const record: ShadowRecord = { kind: 'shadows', striate: version, network, ...scores }
  const place = (ending: string) => join(folder, `shadows-${name}${ending}`)
  for (const curves of curvesByLight(record)) await writeAtomic(place(`-${curves[0]?.kind}.svg`), await shadowChart(curves))
  const samples = await sampleSheet(images, record)
  await writeAtomic(place('-images.png'), samples.png)
  await writeAtomic(place('-images.svg'), samples.svg)
  await writeAtomic(place('.json'), `${JSON.stringify(record, null, 1)}\n`)
  return record
}

/** Some images, drawn by the seed: as they are, then in each light at the paper's strength or the one in the middle. */
async function sampleSheet(images: Images, { curves, seed }: ShadowRecord): Promise<ImageSheet> {
  const [count, channels, height, width] = images.shape
  const order = new Permutation(count, seed)
  const room = Math.max(3, Math.min(10, Math.floor(900 / Math.max(72, width))))
  const chosen = Array.from({ length: Math.min(count, room) }, (_, i) => order.at(i))
  const pixels = await images.rows(chosen)
  const stride = channels * height * width
  const rows = [{ label: 'raw', images: pixels }]
  for (const { kind, cover, format, points } of curves) {
    if (format !== 'u8') continue
    const strengths = points.slice(1).map((p) => p.strength)
    const strength = strengths.includes(0.3) ? 0.3 : strengths[Math.floor(strengths.length / 2)]
    if (strength === undefined) continue
    const lit = new Uint8Array(pixels.length)
    chosen.forEach((index, i) => {
      // An image's light is that of its place in the set.
      const light = { kind, ...(cover === null ? {} : { cover }) }
      const field = new LightField(light, [1, channels, height, width], { seed, first: index })
      lit.set(field.apply(pixels.subarray(i * stride, (i + 1) * stride), strength, 'u8'), i * stride)
    })
    rows.push({ label: `${kind} ${strength}`, images: lit })
  }
  return imageSheet(rows, [chosen.length, channels, height, width], {
    title: `Images of ${images.name} as they are and in changed light`,
  })
}
