// The page of a run: filters, curves, scores and everything needed to repeat it.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError } from '../errors.js'
import type { EpochResult } from '../features/index.js'
import { writeAtomic } from '../io/index.js'
import { type BlockRecord, describeRules, type RunRecord } from '../learn/index.js'
import { type BlockWeights, type LocalBlock, type LocalNet, poolText } from '../models/index.js'
import { type Block, barChart, filterSheet, lineChart, renderPage, type Section, type SummaryNumber } from '../plot/index.js'
import type { Tensor } from '../tensor.js'
import type { SupervisedRecord } from '../train/index.js'
import { healthPanel } from './health_panel.js'
import { shadowSections } from './shadow_page.js'

const percent = (share: number): string => (100 * share).toFixed(2)

/** Writes filters.png and filters.svg (of further blocks filters-2.png ...), curves as SVG, and report.html into the folder of a run. */
export async function writeRunPage(net: LocalNet, record: RunRecord, folder: string, extra: Section[] = []): Promise<void> {
  const { readout } = record
  const sections: Section[] = []
  const summary: SummaryNumber[] = []
  const layers = [...record.trunk, ...record.blocks]
  for (const [i, layer] of layers.entries()) {
    const { units, window, power, pool } = [...net.config.trunk, ...net.config.blocks][i] as LocalBlock
    const { filters } = [...net.trunk, ...net.blocks][i] as BlockWeights
    const above = i - record.trunk.length
    const name = layers.length === 1 ? '' : above < 0 ? `trunk ${i + 1}` : `block ${above + 1}`
    const figure = await filterFigure(filters, layer, join(folder, i === 0 ? 'filters' : `filters-${i + 1}`))
    const of = name && `: ${name}, power ${power}, ${poolText(pool)}`
    sections.push(
      { heading: `Filters${of}`, blocks: [figure] },
      { heading: `Learning without labels${name && `: ${name}`}`, blocks: await healthPanel(layer) },
    )
    const label = name ? `Filters, ${name}` : 'Filters'
    summary.push({ label, value: units, note: `${window} x ${window}, ${layer.health.dead.length} dead` })
  }
  if (readout) {
    const own = "each block's own"
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
            c.power ?? own,
            c.poolStride ?? own,
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
    lead: leadOf(record),
    summary,
    sections: [...extra, ...sections, ...(await shadowSections(folder))],
    provenance: [
      { label: 'Striate', value: `${record.striate}, Node ${record.node}` },
      { label: 'Device', value: `${record.device}, ${record.instructionSet}, ${record.threads} threads` },
      { label: 'Data', value: `${record.data.name} [${record.data.shape.join(', ')}]` },
      { label: 'SHA-256 of the data', value: record.data.sha256, code: true },
      { label: 'Seed', value: record.seed },
      ...layers.map(({ filters }, i) => ({
        label: layers.length > 1 ? `Filters ${i + 1}` : 'Filters',
        value: JSON.stringify(filters),
        code: true,
      })),
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

/** What the filters are, in a sentence; records of Striate 0.1 name no rule. */
function leadOf({ trunk, blocks }: RunRecord): string {
  const rules = new Set([...trunk, ...blocks].map(({ filters }) => filters.rule ?? 'krotov-hopfield'))
  if (rules.size === 1 && rules.has('krotov-hopfield'))
    return 'Filters learned from image patches by the Krotov-Hopfield rule, without labels (Grinberg, Hopfield, Krotov 2019).'
  const texts = describeRules().filter(({ name }) => rules.has(name))
  return `Filters of image patches without labels. ${texts.map(({ name, text }) => `${name}: ${text}.`).join(' ')}`
}

/** A block's filters as one picture, written as PNG and SVG too; filters on a trunk's maps have none. */
async function filterFigure(filters: Tensor, { filters: config, health }: BlockRecord, path: string): Promise<Block> {
  const weights = (await filters.read()).data as Float32Array
  const dead = config.dead === 'prune' ? [] : health.dead
  const shape = filters.shape as [number, number, number, number]
  if (shape[1] !== 1 && shape[1] !== 3) return { kind: 'text', text: `Filters on ${shape[1]} maps: no picture.` }
  const sheet = await filterSheet(weights, shape, { dead, title: `${shape[0]} learned filters` })
  await writeAtomic(`${path}.png`, sheet.png)
  await writeAtomic(`${path}.svg`, sheet.svg)
  return { kind: 'figure', image: sheet.svg, alt: sheet.description, caption: sheet.description }
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

/** Reads the record of a run's folder. */
export async function readRecord(folder: string): Promise<RunRecord | SupervisedRecord> {
  try {
    return recordOf(JSON.parse(await readFile(join(folder, 'run.json'), 'utf8')))
  } catch (cause) {
    const actual = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'missing' : 'not readable'
    throw new DataError(
      { op: 'run', argument: join(folder, 'run.json'), actual, expected: 'the record of a finished run' },
      { cause },
    )
  }
}

/** A record as it is today: Striate 0.1 knew one block, whose record was part of the run's own. */
function recordOf(file: (RunRecord & Partial<BlockRecord>) | SupervisedRecord): RunRecord | SupervisedRecord {
  if (file.kind === 'supervised' || file.blocks) return file
  const { filters, health, history, converged, ...run } = file as RunRecord & Omit<BlockRecord, 'seconds'>
  return { ...run, trunk: [], blocks: [{ filters, health, history, converged, seconds: run.seconds.filters ?? 0 }] }
}
