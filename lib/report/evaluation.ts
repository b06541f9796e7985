// What evaluations of a run leave in its folder.
import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import type { Images } from '../data/index.js'
import { DataError } from '../errors.js'
import type { Classification, ShadowScores } from '../eval/index.js'
import { writeAtomic } from '../io/index.js'
import { LightField } from '../light/index.js'
import { type ImageSheet, imageSheet } from '../plot/index.js'
import { Permutation } from '../random.js'
import { version } from '../version.js'
import { curvesByLight, type ShadowRecord, shadowChart } from './shadow_page.js'

/**
 * Refuses the folder of a run that results cannot be written into, before they are computed.
 * @throws {DataError}
 */
export async function checkWritable(op: string, folder: string): Promise<void> {
  await access(folder, constants.W_OK).catch((cause) => {
    const actual = 'a folder that this user may not write'
    throw new DataError({ op, argument: folder, actual, expected: 'a writable one for the results' }, { cause })
  })
}

/** What `classify-<split>.json` holds. */
export interface ClassificationRecord extends Omit<Classification, 'prediction'> {
  classes: readonly string[]
}

/** Writes `classify-<split>.json` into the folder of a run. */
export async function writeClassification(
  folder: string,
  split: string,
  { prediction: _prediction, ...result }: Classification,
  classes: readonly string[],
): Promise<ClassificationRecord> {
  const record = { ...result, classes }
  await writeAtomic(join(folder, `classify-${split}.json`), `${JSON.stringify(record, null, 1)}\n`)
  return record
}

/**
 * Writes `shadows-<split>.json` into the folder of a run, with a curve for every light and some of the images in each: `striate report` shows them.
 * @param images those that were evaluated
 * @param network SHA-256 of the network that was evaluated (`networkSha256`)
 */
export async function writeShadows(
  folder: string,
  split: string,
  images: Images,
  scores: ShadowScores,
  network: string,
): Promise<ShadowRecord> {
  const record: ShadowRecord = { kind: 'shadows', striate: version, network, ...scores }
  const place = (ending: string) => join(folder, `shadows-${split}${ending}`)
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
