// The page of a network trained end to end: loss, errors and everything needed to repeat it.
import { join } from 'node:path'
import { writeAtomic } from '../io/index.js'
import { type Block, lineChart, renderPage, type Section, type SummaryNumber } from '../plot/index.js'
import type { SupervisedEpoch, SupervisedRecord } from '../train/index.js'

/** Writes loss.svg, error.svg and report.html into the folder of a run. */
export async function writeSupervisedPage(
  network: string,
  record: SupervisedRecord,
  folder: string,
  extra: Section[] = [],
): Promise<void> {
  const { curve, config } = record
  const series = (name: string, of: (e: SupervisedEpoch) => number | null) => {
    const points = curve.flatMap((e) => {
      const y = of(e)
      return y === null ? [] : [{ x: e.epoch, y }]
    })
    return points.length > 0 ? [{ name, x: points.map((p) => p.x), y: points.map((p) => p.y) }] : []
  }
  const percent = (share: number | null) => (share === null ? null : 100 * share)
  const figures: Block[] = []
  const add = async (file: string, title: string, y: { label: string; unit?: string }, lines: ReturnType<typeof series>) => {
    if (lines.length === 0) return
    const svg = await lineChart({ title, x: { label: 'Epoch' }, y, series: lines })
    await writeAtomic(join(folder, file), svg)
    figures.push({ kind: 'figure', image: svg, alt: `${title} against epoch` })
  }
  const lossLabel = record.network.classes.length > 0 ? { label: 'Cross-entropy', unit: 'nats' } : { label: 'Mean squared error' }
  await add('loss.svg', 'Loss', lossLabel, [
    ...series('training images', (e) => e.trainLoss),
    ...series('validation images', (e) => e.validationLoss),
  ])
  await add('error.svg', 'Classification error', { label: 'Error', unit: '%' }, [
    ...series('training images', (e) => percent(e.trainError)),
    ...series('validation images', (e) => percent(e.validationError)),
  ])
  const best = curve[record.bestEpoch - 1]
  const summary: SummaryNumber[] = [{ label: 'Epochs', value: curve.length, note: `weights of epoch ${record.bestEpoch} kept` }]
  if (best?.validationError != null)
    summary.push({
      label: 'Validation error',
      value: (100 * best.validationError).toFixed(2),
      unit: '%',
      note: `${record.images.validation} images`,
    })
  const page = renderPage({
    title: `${record.network.name} on ${record.data.name}`,
    lead: `${network}.`,
    summary,
    sections: [...extra, { heading: 'Training', blocks: figures }],
    provenance: [
      { label: 'Striate', value: `${record.striate}, Node ${record.node}` },
      { label: 'Device', value: `${record.device}, ${record.instructionSet}, ${record.threads} threads` },
      { label: 'Data', value: `${record.data.name} [${record.data.shape.join(', ')}]` },
      { label: 'SHA-256 of the data', value: record.data.sha256, code: true },
      { label: 'Network', value: JSON.stringify(record.network.layers), code: true },
      { label: 'Settings', value: JSON.stringify(config), code: true },
      { label: 'Seconds of training', value: (curve.at(-1)?.seconds ?? 0).toFixed(1) },
      { label: 'Date', value: record.date },
    ],
  })
  await writeAtomic(join(folder, 'report.html'), page)
}
