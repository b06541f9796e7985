// The page of local learning: filters, curves, scores and everything needed to repeat it.
import { join } from 'node:path'
import type { EpochResult } from '../features/index.js'
import { writeAtomic } from '../io/index.js'
import { type BlockRecord, describeRules, filtersInPixels, type LocalRecord } from '../learn/index.js'
import { localBlocks, type Network, poolText, responseText, whiteningLayer } from '../models/index.js'
import { type Block, filterSheet, lineChart, renderPage, type Section, type SummaryNumber } from '../plot/index.js'
import type { Tensor } from '../tensor.js'
import { alignmentSection } from './alignment_results.js'
import { classifications } from './classify_page.js'
import { healthPanel } from './health_panel.js'
import { percent, provenanceRows } from './record.js'
import { shadowSections } from './shadow_page.js'

/**
 * Writes filters.png and filters.svg (of further blocks filters-2.png ...), error.svg and report.html into the folder of a run.
 * @param extra sections before the others
 */
export async function writeLocalPage(
  net: Network,
  record: LocalRecord,
  folder: string,
  extra: readonly Section[] = [],
): Promise<void> {
  const { readout } = record
  const sections: Section[] = []
  const summary: SummaryNumber[] = []
  const config = localBlocks(net.config)
  const layers = (['trunk', 'blocks'] as const).flatMap((part) =>
    record[part].map((learned, i) => ({
      learned,
      layer: `${part}.${i}`,
      block: config[part][i],
      name: `${part === 'trunk' ? 'trunk' : 'block'} ${i + 1}${learned.on === undefined ? '' : ` on ${learned.on > 0 ? `trunk ${learned.on}` : 'the images'}`}`,
    })),
  )
  for (const [i, { learned, layer, block, name }] of layers.entries()) {
    const weights = net.parameters.get(`${layer}.weight`)
    if (!block || !weights) continue
    const projection = net.parameters.get(`${whiteningLayer(layer)}.weight`) ?? null
    const figure = await filterFigure(weights, projection, learned, join(folder, i === 0 ? 'filters' : `filters-${i + 1}`))
    const several = layers.length > 1
    sections.push(
      {
        heading: several
          ? `Filters: ${name}, power ${block.power}${responseText(block.response)}, ${poolText(block.pool)}`
          : 'Filters',
        blocks: [figure],
      },
      { heading: `Learning without labels${several ? `: ${name}` : ''}`, blocks: await healthPanel(learned) },
    )
    const { window, units } = block
    const note = `${window} x ${window}, ${learned.health.dead.length} dead`
    summary.push({ label: several ? `Filters, ${name}` : 'Filters', value: units, note })
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
  const classified = await classifications(folder)
  const page = renderPage({
    title: `Local learning on ${record.data.name}`,
    lead: leadOf(record),
    summary: [...summary, ...classified.summary],
    sections: [
      ...extra,
      ...sections,
      ...classified.sections,
      ...(await shadowSections(folder)),
      ...(await alignmentSection(folder)),
    ],
    provenance: provenanceRows(record, [
      { label: 'Seed', value: record.seed },
      ...layers.map(({ learned }, i) => ({
        label: layers.length > 1 ? `Filters ${i + 1}` : 'Filters',
        value: JSON.stringify(learned.filters),
        code: true,
      })),
      ...(readout ? [{ label: 'Readout', value: JSON.stringify(readout.config), code: true }] : []),
      {
        label: 'Seconds',
        value: Object.entries(record.seconds)
          .map(([name, s]) => `${name} ${s.toFixed(1)}`)
          .join(', '),
      },
    ]),
  })
  await writeAtomic(join(folder, 'report.html'), page)
}

/** What the filters are. */
function leadOf({ trunk, blocks }: LocalRecord): string {
  const rules = new Set([...trunk, ...blocks].map(({ filters }) => filters.rule))
  const texts = describeRules().filter(({ name }) => rules.has(name))
  return `Filters of image patches without labels. ${texts.map(({ name, text }) => `${name}: ${text}.`).join(' ')}`
}

/** A block's filters as one picture of pixels, written as PNG and SVG too; filters on a trunk's maps have none. */
async function filterFigure(
  filters: Tensor,
  projection: Tensor | null,
  { filters: config, health }: BlockRecord,
  path: string,
): Promise<Block> {
  const dead = config.dead === 'prune' ? [] : health.dead
  const shape = [filters.shape[0], ...(projection ?? filters).shape.slice(1)] as [number, number, number, number]
  if (shape[1] !== 1 && shape[1] !== 3) return { kind: 'text', text: `Filters on ${shape[1]} maps: no picture.` }
  using drawn = projection ? await filtersInPixels(filters, projection) : filters.reshape(shape)
  const weights = (await drawn.read()).data as Float32Array
  const sheet = await filterSheet(weights, shape, { dead, title: `${shape[0]} learned filters` })
  await writeAtomic(`${path}.png`, sheet.png)
  await writeAtomic(`${path}.svg`, sheet.svg)
  const caption = projection
    ? `${sheet.description} Each is the patch that its whitened filter matches, less the mean patch.`
    : sheet.description
  return { kind: 'figure', image: sheet.svg, alt: sheet.description, caption }
}

async function errorCurve(chosen: readonly EpochResult[], refit: readonly EpochResult[] | null): Promise<string> {
  const line = (name: string, entries: readonly EpochResult[], of: (e: EpochResult) => number | null) => {
    const known = entries.filter((e) => of(e) !== null)
    return { name, x: known.map((e) => e.epoch), y: known.map((e) => 100 * (of(e) as number)) }
  }
  return lineChart({
    title: 'Classification error of the readout',
    x: { label: 'Epoch' },
    y: { label: 'Error', unit: '%' },
    series: [
      line('training images', chosen, (e) => e.trainError),
      line('validation images', chosen, (e) => e.validationError),
      line('all images (refit)', refit ?? [], (e) => e.trainError),
    ].filter(({ x }) => x.length > 0),
  })
}
