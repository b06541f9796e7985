// What a study leaves in its folder: results.json, an SVG for each figure, and index.html.

import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { instructionSet, threads } from '../device.js'
import { deviationOf } from '../eval/correlation.js'
import { makeFolder } from '../io/atomic.js'
import { writeAtomic } from '../io/index.js'
import { type Block, barChart, filterSheet, imageSheet, lineChart, renderPage, type Section } from '../plot/index.js'
import {
  type PartRecord,
  partsOf,
  type Study,
  type StudyData,
  type StudyOptions,
  scaleOf,
  type Value,
} from '../reproduce/index.js'
import { average } from '../reproduce/scored.js'
import { version } from '../version.js'

interface Written {
  /** Where the page is: `<out>/<study>`, with `-quick` after it for a quick run. */
  folder: string
  /** The comparison as lines for a terminal. */
  rows: string[]
  json: object
}

interface Place {
  /** Folder of all studies. */
  out: string
  /** Repeats it. */
  command: string
  device: string
}

/** A value with what is derived from it, as results.json has it. */
function compared(value: Value) {
  const { ours, published } = value
  const mean = ours.length > 0 ? average(ours) : null
  return {
    ...value,
    mean,
    standardDeviation: ours.length > 1 ? deviationOf(ours) : null,
    difference: mean === null || published === null ? null : mean - published,
  }
}

/**
 * Writes what a study found: results.json, its figures and index.html.
 * @param records of the parts that were run; those of others are said to be missing
 */
export async function writeStudy(
  study: Study,
  data: StudyData,
  options: StudyOptions,
  records: ReadonlyMap<string, PartRecord>,
  { out, command, device }: Place,
): Promise<Written> {
  const scale = scaleOf(options)
  const folder = join(out, scale.quick ? `${study.name}-quick` : study.name)
  const results = new Map([...records].map(([part, { result }]) => [part, result]))
  const report = await study.report(results, scale, { folder, data })
  await makeFolder(folder)
  const values = report.values.map(compared)
  const parts = partsOf(study, options, data)
  const missing = parts.filter((part) => !records.has(part.name)).map((part) => part.name)
  const machine = {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    threads: threads(),
    instructionSet,
    memory: totalmem(),
  }
  const json = {
    study: study.name,
    source: study.source,
    quick: scale.quick,
    seeds: scale.seeds,
    command,
    values,
    charts: report.charts,
    bars: report.bars ?? [],
    tables: report.tables,
    notes: report.notes,
    notRun: missing,
    parts: [...records.values()].map(({ name, settings, seconds, finished, device: on }) => ({
      name,
      settings,
      seconds,
      finished,
      device: on,
    })),
    data: Object.fromEntries(
      [
        ['train', data.train] as const,
        ['test', data.test] as const,
        ...data.recordings.map(
          ({ responses, images }) => [`responses ${responses.name}`, { ...images, sha256: responses.sha256 }] as const,
        ),
        ...(data.people
          ? [
              ['readouts learn from', data.people.train] as const,
              [`choices ${data.people.choices.name}`, { ...data.people.test, sha256: data.people.choices.sha256 }] as const,
            ]
          : []),
        ...data.rdms.map(
          ({ reference, images }) => [`dissimilarities ${reference.name}`, { ...images, sha256: reference.sha256 }] as const,
        ),
      ].map(([split, set]) => [split, { name: set.name, sha256: set.sha256, shape: set.shape }]),
    ),
    striate: version,
    node: process.version,
    device,
    machine,
    date: new Date().toISOString(),
  }
  await writeAtomic(join(folder, 'results.json'), `${JSON.stringify(json, null, 1)}\n`)

  const figures: Block[] = []
  const drawn = [
    ...report.charts.map(({ file, alt, ...chart }) => ({ file, alt, svg: lineChart(chart) })),
    ...(report.bars ?? []).map(({ file, alt, ...chart }) => ({ file, alt, svg: barChart(chart) })),
  ]
  for (const { file, alt, svg } of drawn) {
    const image = await svg
    await writeAtomic(join(folder, `${file}.svg`), image)
    figures.push({ kind: 'figure', image, alt })
  }
  for (const { file, title, weights, shape, dead } of report.filters ?? []) {
    const sheet = await filterSheet(weights, shape, { dead, title })
    await writeAtomic(join(folder, `${file}.svg`), sheet.svg)
    await writeAtomic(join(folder, `${file}.png`), sheet.png)
    figures.push({ kind: 'figure', image: sheet.svg, alt: sheet.description, caption: sheet.description })
  }
  for (const pictures of report.pictures ?? []) {
    const { file, title, rows, shape } = pictures
    const sheet = await imageSheet(rows, shape, { title, scale: 2, gap: 2 })
    await writeAtomic(join(folder, `${file}.png`), sheet.png)
    await writeAtomic(join(folder, `${file}.svg`), sheet.svg)
    figures.push({ kind: 'figure', image: sheet.svg, alt: `${title}: ${sheet.description}`, caption: title })
  }
  const sections: Section[] = []
  if (values.length > 0)
    sections.push({
      heading: 'The paper’s numbers and ours',
      blocks: [
        {
          kind: 'table',
          caption: `${study.source}; ours: mean over seeds with the standard deviation`,
          columns: [
            'What',
            { label: 'Paper', align: 'right' },
            { label: 'Ours', align: 'right' },
            { label: 'Difference', align: 'right' },
            'Seeds',
            'Note',
          ],
          rows: values.map((v) => [
            v.what,
            paperText(v),
            oursText(v),
            v.difference === null ? '' : signed(v.difference),
            v.ours.length,
            v.note ?? '',
          ]),
        },
      ],
    })
  if (figures.length > 0) sections.push({ heading: 'Figures', blocks: figures })
  if (report.tables.length > 0)
    sections.push({
      heading: 'What was seen',
      blocks: report.tables.map(({ caption, columns, rows }) => ({ kind: 'table', caption, columns, rows })),
    })
  const notes = [
    ...(scale.quick
      ? ['A quick run on part of the images with small networks: it shows that everything works, not what the paper reports.']
      : []),
    ...(missing.length > 0 ? [`Not run yet: ${missing.join(', ')}.`] : []),
    ...report.notes,
  ]
  if (notes.length > 0) sections.push({ heading: 'Notes', blocks: notes.map((text) => ({ kind: 'text', text })) })
  sections.push({
    heading: 'Parts',
    blocks: [
      {
        kind: 'table',
        caption: 'What was run, once each',
        columns: ['Part', { label: 'Seconds', align: 'right' }, 'Finished', 'Device'],
        rows: [...records.values()].map((r) => [r.name, r.seconds.toFixed(1), r.finished, r.device]),
      },
    ],
  })
  const page = renderPage({
    title: `${study.name}${scale.quick ? ' (quick)' : ''}`,
    lead: `${study.source}: ${study.about}.`,
    sections,
    provenance: [
      { label: 'Command', value: command, code: true },
      { label: 'Seeds', value: scale.seeds.join(', ') },
      { label: 'Training images', value: `${data.train.name}, ${data.train.shape[0]}, sha256 ${data.train.sha256.slice(0, 16)}` },
      { label: 'Test images', value: `${data.test.name}, ${data.test.shape[0]}, sha256 ${data.test.sha256.slice(0, 16)}` },
      { label: 'Striate', value: version },
      { label: 'Node', value: process.version },
      { label: 'Machine', value: `${machine.processor}, ${machine.threads} threads, ${instructionSet}` },
      { label: 'Date', value: json.date },
    ],
  })
  await writeAtomic(join(folder, 'index.html'), page)
  return { folder, rows: values.map(line), json }
}

const digits = (v: Value): number => (v.unit === '%' ? 2 : v.unit === 'r' ? 3 : 1)
const signed = (x: number): string => {
  const text = x.toFixed(2)
  return Number(text) === 0 ? '0.00' : `${x > 0 ? '+' : ''}${text}`
}
const unit = (v: Value): string => (v.unit ? ` ${v.unit}` : '')

function paperText(v: Value): string {
  return v.published === null ? 'not given' : `${v.qualifier ? `${v.qualifier} ` : ''}${v.published}${unit(v)}`
}

function oursText(v: ReturnType<typeof compared>): string {
  if (v.mean === null) return 'not run'
  const spread = v.standardDeviation === null ? '' : ` ± ${v.standardDeviation.toFixed(digits(v) === 3 ? 3 : 2)}`
  return `${v.mean.toFixed(digits(v))}${spread}${unit(v)}`
}

function line(v: ReturnType<typeof compared>): string {
  const difference = v.difference === null ? '' : `, difference ${signed(v.difference)}`
  return `${v.what}: paper ${paperText(v)}, ours ${oursText(v)}${v.ours.length > 1 ? ` (${v.ours.length} seeds)` : ''}${difference}`
}
