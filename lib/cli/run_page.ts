// The page of a run: filters, curves, scores and everything needed to repeat it.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError } from '../errors.js'
import { writeAtomic } from '../io/index.js'
import { LocalNet } from '../models/index.js'
import {
  type Block,
  barChart,
  filterSheet,
  histogram,
  lineChart,
  renderPage,
  type Section,
  type SummaryNumber,
} from '../plot/index.js'
import type { EpochResult, RunRecord } from '../train/index.js'

const percent = (share: number): string => (100 * share).toFixed(2)

/** Writes filters.png, filters.svg, curves as SVG, and report.html into the folder of a run. */
export async function writeRunPage(net: LocalNet, record: RunRecord, folder: string, extra: Section[] = []): Promise<void> {
  const pruned = record.filters.dead === 'prune'
  const dead = pruned ? [] : record.health.dead
  const weights = (await net.filters.read()).data as Float32Array
  const { units, channels, window } = net.config
  const sheet = await filterSheet(weights, [units, channels, window, window], { dead, title: `${units} learned filters` })
  await writeAtomic(join(folder, 'filters.png'), sheet.png)
  await writeAtomic(join(folder, 'filters.svg'), sheet.svg)

  const figures: Block[] = [{ kind: 'figure', image: sheet.svg, alt: sheet.description, caption: sheet.description }]
  const { history, health, readout } = record
  const learning: Block[] = []
  if (history.length > 1) {
    const energy = await lineChart({
      title: 'Energy of the rule while learning',
      x: { label: 'Minibatch' },
      y: { label: 'Energy a patch' },
      series: [{ name: 'energy', x: history.map((h) => h.step), y: history.map((h) => h.energy) }],
    })
    learning.push({ kind: 'figure', image: energy, alt: 'Energy against minibatch: it falls as filters are learned' })
  }
  const live = health.wins.filter((n) => n > 0)
  if (live.length > 1) {
    const wins = await histogram({
      title: 'How often each unit won',
      x: { label: 'Patches won over the last minibatches' },
      values: health.wins,
      yLabel: 'Units',
    })
    learning.push({ kind: 'figure', image: wins, alt: `Histogram of wins of ${units} units` })
  }
  learning.push({
    kind: 'table',
    caption: 'Health of the units at the end',
    columns: ['Quantity', { label: 'Value', align: 'right' }],
    rows: [
      ['Dead units (no win)', health.dead.length],
      ['Near-duplicate pairs (cosine over 0.99)', health.duplicates],
      ['Units whose norm is repelled from 1', health.repelled],
      ['Rows within 1 % of norm 1', `${(100 * health.unitNorm).toFixed(1)} %`],
      ['Mean energy a patch', health.energy.toFixed(4)],
    ],
  })
  const sections: Section[] = [
    { heading: 'Filters', blocks: figures },
    { heading: 'Learning without labels', blocks: learning },
  ]
  const summary: SummaryNumber[] = [{ label: 'Filters', value: units, note: `${window} x ${window}, ${health.dead.length} dead` }]
  if (readout) {
    const curve = await errorCurve(readout.chosen.curve, readout.refit)
    await writeAtomic(join(folder, 'error.svg'), curve)
    summary.push({
      label: 'Validation error',
      value: percent(readout.chosen.validationError),
      unit: '%',
      note: `${readout.images.validation} images, epoch ${readout.chosen.bestEpoch}`,
    })
    sections.push({
      heading: 'Readout',
      blocks: [
        { kind: 'figure', image: curve, alt: 'Training and validation error against epoch' },
        {
          kind: 'table',
          caption: 'Settings tried; the one of the lowest validation error is used',
          columns: ['Power', 'Pool stride', 'Learning rate', 'L2 decay', 'Best epoch', { label: 'Validation error', unit: '%' }],
          rows: readout.candidates.map((c) => [
            c.power,
            c.poolStride,
            c.learningRate,
            c.weightDecay,
            c.bestEpoch,
            percent(c.validationError),
          ]),
        },
      ],
    })
  }
  const page = renderPage({
    title: `Local learning on ${record.data.name}`,
    lead: 'Filters learned from image patches by the Krotov-Hopfield rule, without labels (Grinberg, Hopfield, Krotov 2019).',
    summary,
    sections: [...extra, ...sections],
    provenance: [
      { label: 'Striate', value: `${record.striate}, Node ${record.node}` },
      { label: 'Device', value: `${record.device}, ${record.instructionSet}, ${record.threads} threads` },
      { label: 'Data', value: `${record.data.name} [${record.data.shape.join(', ')}]` },
      { label: 'SHA-256 of the data', value: record.data.sha256, code: true },
      { label: 'Seed', value: record.seed },
      { label: 'Filters', value: JSON.stringify(record.filters), code: true },
      ...(readout ? [{ label: 'Readout', value: JSON.stringify(readout.config), code: true }] : []),
      {
        label: 'Seconds',
        value: Object.entries(record.seconds)
          .map(([name, s]) => `${name} ${s.toFixed(1)}`)
          .join(', '),
      },
      { label: 'Date', value: record.date },
    ],
  })
  await writeAtomic(join(folder, 'report.html'), page)
}

async function errorCurve(chosen: EpochResult[], refit: EpochResult[] | null): Promise<string> {
  const x = chosen.map((e) => e.epoch)
  const validated = chosen.filter((e) => e.validationError !== null)
  return lineChart({
    title: 'Classification error of the readout',
    x: { label: 'Epoch' },
    y: { label: 'Error', unit: '%' },
    series: [
      { name: 'training images', x, y: chosen.map((e) => 100 * e.trainError) },
      ...(validated.length > 0
        ? [
            {
              name: 'validation images',
              x: validated.map((e) => e.epoch),
              y: validated.map((e) => 100 * (e.validationError ?? 0)),
            },
          ]
        : []),
      ...(refit ? [{ name: 'all images (refit)', x: refit.map((e) => e.epoch), y: refit.map((e) => 100 * e.trainError) }] : []),
    ],
  })
}

/** A bar for each named error in percent, with chance as a line. */
export function errorBars(
  title: string,
  errors: Record<string, { value: number; spread: number }>,
  chance: number,
): Promise<string> {
  const entries = Object.values(errors)
  return barChart({
    title,
    categories: Object.keys(errors),
    y: { label: 'Error', unit: '%', min: 0 },
    series: [
      {
        name: 'error',
        values: entries.map((e) => e.value),
        low: entries.map((e) => e.value - e.spread),
        high: entries.map((e) => e.value + e.spread),
      },
    ],
    references: [{ label: 'chance', value: chance }],
  })
}

/** Reads the record and the network of a run's folder. */
export async function openRun(folder: string): Promise<{ net: LocalNet; record: RunRecord }> {
  let record: RunRecord
  try {
    record = JSON.parse(await readFile(join(folder, 'run.json'), 'utf8')) as RunRecord
  } catch (cause) {
    const actual = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'missing' : 'not readable'
    throw new DataError(
      { op: 'run', argument: join(folder, 'run.json'), actual, expected: 'the record of a finished run' },
      { cause },
    )
  }
  return { net: await LocalNet.load(join(folder, 'model.safetensors')), record }
}
