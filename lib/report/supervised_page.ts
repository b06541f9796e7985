// The page of a network trained end to end: loss, errors and everything needed to repeat it.
import { join } from 'node:path'
import { writeAtomic } from '../io/index.js'
import type { Network } from '../models/index.js'
import { type Block, lineChart, renderPage, type Section, type SummaryNumber } from '../plot/index.js'
import type { Scores, SupervisedEpoch, SupervisedRecord } from '../train/index.js'
import { alignmentSection } from './alignment_results.js'
import { classifications } from './classify_page.js'
import { percent, provenanceRows } from './record.js'
import { shadowSections } from './shadow_page.js'
import { transferSections } from './transfer_page.js'

/**
 * Writes loss.svg, error.svg, scores.svg of what was scored after each epoch, and report.html into the folder of a run.
 * @param extra sections before the others
 */
export async function writeSupervisedPage(
  net: Network,
  record: SupervisedRecord,
  folder: string,
  extra: readonly Section[] = [],
): Promise<void> {
  const { curve, config } = record
  const series = (name: string, of: (e: SupervisedEpoch) => number | null, scale = 1) => line(curve, name, of, scale)
  const figures: Block[] = []
  const add = async (file: string, title: string, y: { label: string; unit?: string }, lines: ReturnType<typeof line>[]) => {
    const drawn = lines.filter(({ x }) => x.length > 0)
    if (drawn.length === 0) return
    const svg = await lineChart({ title, x: { label: 'Epoch' }, y, series: drawn })
    await writeAtomic(join(folder, file), svg)
    figures.push({ kind: 'figure', image: svg, alt: `${title} against epoch` })
  }
  await add('loss.svg', 'Loss', lossLabel(net), [
    series('training images', (e) => e.trainLoss),
    series('validation images', (e) => e.validationLoss),
  ])
  await add('error.svg', 'Classification error', { label: 'Error', unit: '%' }, [
    series('training images', (e) => e.trainError, 100),
    series('validation images', (e) => e.validationError, 100),
  ])
  const names = [...new Set(curve.flatMap(({ scores }) => Object.keys(scores ?? {})))]
  const scored: { epoch: number; scores?: Scores | undefined }[] = [{ epoch: 0, scores: record.startScores }, ...curve]
  const scoresOf = (name: string) => line(scored, name, ({ scores }) => scores?.[name] ?? null)
  await add('scores.svg', 'Scores while it learned', { label: 'Score' }, names.map(scoresOf))
  const best = curve[record.bestEpoch - 1]
  const summary: SummaryNumber[] = [{ label: 'Epochs', value: curve.length, note: `weights of epoch ${record.bestEpoch} kept` }]
  if (best?.validationError != null)
    summary.push({
      label: 'Validation error',
      value: percent(best.validationError),
      unit: '%',
      note: `${record.images.validation} images`,
    })
  const heads = headTable(best)
  const classified = await classifications(folder)
  const page = renderPage({
    title: `${record.network.name} on ${record.data.name}`,
    lead: `${net.describe()}, trained end to end.`,
    summary: [...summary, ...classified.summary],
    sections: [
      ...extra,
      { heading: 'Training', blocks: [...figures, ...(heads ? [heads] : [])] },
      ...classified.sections,
      ...(await shadowSections(folder)),
      ...(await transferSections(folder)),
      ...(await alignmentSection(folder)),
    ],
    provenance: provenanceRows(record, [
      { label: 'Network', value: JSON.stringify(record.network.layers), code: true },
      { label: 'Settings', value: JSON.stringify(config), code: true },
      { label: 'Seconds of training', value: (curve.at(-1)?.seconds ?? 0).toFixed(1) },
    ]),
  })
  await writeAtomic(join(folder, 'report.html'), page)
}

function lossLabel({ heads }: Network): { label: string; unit?: string } {
  const [first, ...others] = heads
  if (others.length > 0) return { label: 'Weighted sum of the heads' }
  return first?.loss === 'softmax' ? { label: 'Cross-entropy', unit: 'nats' } : { label: 'Mean squared error' }
}

/** What the kept weights reach on the validation images, head by head; null where there are not several. */
function headTable(best: SupervisedEpoch | undefined): Block | null {
  if (!best?.heads) return null
  return {
    kind: 'table',
    caption: `Validation by head, epoch ${best.epoch}`,
    columns: ['Head', { label: 'Loss', align: 'right' }, { label: 'Error', unit: '%', align: 'right' }],
    rows: Object.entries(best.heads).map(([name, { loss, error }]) => [
      name,
      loss.toFixed(4),
      error === null ? '' : percent(error),
    ]),
  }
}

/** A number of each epoch that has it. */
function line<E extends { epoch: number }>(epochs: readonly E[], name: string, of: (e: E) => number | null, scale = 1) {
  const known = epochs.filter((e) => of(e) !== null)
  return { name, x: known.map((e) => e.epoch), y: known.map((e) => scale * (of(e) as number)) }
}
