// What `striate eval transfer` leaves in the folder of a run, and how the run's page shows it.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { TransferScores } from '../eval/index.js'
import { writeAtomic } from '../io/index.js'
import { readStored } from '../io/stored.js'
import type { Section } from '../plot/index.js'
import { networkSha256 } from '../run/index.js'
import { version } from '../version.js'
import { scoreSchema } from './record.js'

export const transferRecord = z.object({
  kind: z.literal('transfer'),
  striate: z.string(),
  /** SHA-256 of model.safetensors: results of another network are not shown on this one's page. */
  network: z.string(),
  scores: z.array(
    scoreSchema.extend({ head: z.string(), target: z.string(), shared: z.array(z.string()).readonly().optional() }),
  ),
  unscored: z.array(z.object({ head: z.string(), target: z.string(), reason: z.string() })),
})

/** `transfer-<images>.json` */
export type TransferRecord = z.infer<typeof transferRecord>

/**
 * Writes `transfer-<images>.json` into the folder of a run, which `striate report` shows.
 * @param images a name for what was scored
 * @param network SHA-256 of the network that was scored (`networkSha256`)
 */
export async function writeTransfer(
  folder: string,
  images: string,
  result: TransferScores,
  network: string,
): Promise<TransferRecord> {
  const record: TransferRecord = { kind: 'transfer', striate: version, network, ...result }
  await writeAtomic(join(folder, `transfer-${images}.json`), `${JSON.stringify(record, null, 1)}\n`)
  return record
}

/**
 * What a run's page says of other images that its heads were tried on: a section for each `transfer-<images>.json` of this network in its folder.
 * @throws {DataError} naming a record that cannot be read
 */
export async function transferSections(folder: string): Promise<Section[]> {
  const files = (await readdir(folder)).filter((file) => /^transfer-.+\.json$/.test(file)).sort()
  const network = files.length > 0 ? await networkSha256(folder) : ''
  const sections: Section[] = []
  for (const file of files) {
    const found = await readStored('report', join(folder, file), transferRecord, 'a record that striate eval transfer wrote')
    if (found.network !== network) continue
    const right = (label: string) => ({ label, align: 'right' as const })
    sections.push({
      heading: `Other images: ${found.scores[0]?.data.name ?? file}`,
      blocks: [
        {
          kind: 'table',
          caption:
            'Accuracy is of the classes that both know, beside chance among them; R2 is 1 less the squared error over the squared deviation of the targets',
          columns: ['Head', 'Score', right('Value'), right('Standard error'), right('Images'), right('Chance, or RMSE')],
          rows: found.scores.map(({ head, name, value, spread, raw }) => [
            head,
            name === 'r2' ? 'R2' : name,
            value.toFixed(3),
            spread.value.toFixed(3),
            raw.images ?? null,
            (raw.chance ?? raw.rmse ?? Number.NaN).toPrecision(3),
          ]),
        },
        ...found.unscored.map(({ head, reason }) => ({ kind: 'text' as const, text: `${head} is not scored: ${reason}.` })),
      ],
    })
  }
  return sections
}
