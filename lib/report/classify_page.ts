// What `striate eval classify` leaves in the folder of a run, and how the run's page shows it.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { readStored } from '../io/stored.js'
import type { Block, Section, SummaryNumber } from '../plot/index.js'
import { networkSha256 } from '../run/index.js'
import { percent, scoreSchema } from './record.js'

export const classificationRecord = z.object({
  kind: z.literal('classify'),
  striate: z.string(),
  /** SHA-256 of model.safetensors: results of another network are not shown on this one's page. */
  network: z.string(),
  score: scoreSchema,
  loss: z.number(),
  classes: z.array(z.string()),
  confusion: z.array(z.array(z.number())),
})

/** `classify-<images>.json` */
export type ClassificationRecord = z.infer<typeof classificationRecord>

/** Classes up to which the confusion table is shown whole; of more, its largest entries off the diagonal. */
const wholeTable = 20

/** Images of each class (rows) by what they are called (columns). */
function confusionTable({ classes, confusion }: ClassificationRecord): Block {
  if (classes.length <= wholeTable)
    return {
      kind: 'table',
      caption: 'Images of each class by the class that they are called',
      columns: ['Class', ...classes.map((label) => ({ label, align: 'right' as const }))],
      rows: confusion.map((row, i) => [classes[i] ?? null, ...row]),
    }
  const wrong = confusion.flatMap((row, i) =>
    row.map((count, j) => ({ i, j, count })).filter(({ j, count }) => j !== i && count > 0),
  )
  return {
    kind: 'table',
    caption: `The ${wholeTable} commonest confusions of ${classes.length} classes`,
    columns: ['Class', 'Called', { label: 'Images', align: 'right' }],
    rows: wrong
      .sort((a, b) => b.count - a.count)
      .slice(0, wholeTable)
      .map(({ i, j, count }) => [classes[i] ?? null, classes[j] ?? null, count]),
  }
}

/**
 * What a run's page says of whole splits that were classified: a number and a section for each `classify-<split>.json` in its folder.
 * @throws {DataError} naming a record that cannot be read
 */
export async function classifications(folder: string): Promise<{ summary: SummaryNumber[]; sections: Section[] }> {
  const summary: SummaryNumber[] = []
  const sections: Section[] = []
  const files = (await readdir(folder)).filter((file) => /^classify-\w+\.json$/.test(file)).sort()
  const network = files.length > 0 ? await networkSha256(folder) : ''
  for (const file of files) {
    const split = file === 'classify-test.json' ? 'Test' : 'Training'
    const found = await readStored(
      'report',
      join(folder, file),
      classificationRecord,
      'a record that striate eval classify wrote',
    )
    const { score, loss } = found
    const heading = `${split} images: ${score.data.name}`
    if (found.network !== network) {
      const text = `${file} is of another network and is left out: run striate eval classify again.`
      sections.push({ heading, blocks: [{ kind: 'text', text }] })
      continue
    }
    const spread = percent(score.spread.value)
    summary.push({
      label: `${split} error`,
      value: percent(score.value),
      unit: '%',
      note: `${score.raw.images} images, ± ${spread}`,
    })
    const text = `${score.raw.wrong} of ${score.raw.images} images wrong: ${percent(score.value)} %, standard error ${spread} %, mean cross-entropy ${loss.toFixed(4)} nats.`
    sections.push({ heading, blocks: [{ kind: 'text', text }, confusionTable(found)] })
  }
  return { summary, sections }
}
