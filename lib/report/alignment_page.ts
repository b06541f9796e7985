// What `striate eval encoding`, `pls`, `rsa` and `behaviour` leave in the folder of a run: the scores, a chart over layers and a page.
import { join } from 'node:path'
import { DataError } from '../errors.js'
import type {
  BehaviourScores,
  CommittedScore,
  LayerScore,
  MeanScore,
  MeanScores,
  RecordingScores,
  RsaScore,
  RsaScores,
  Score,
} from '../eval/index.js'
import { writeAtomic } from '../io/index.js'
import {
  type Block,
  barChart,
  type Cell,
  lineChart,
  type Page,
  renderPage,
  type Series,
  type SummaryNumber,
} from '../plot/index.js'
import { version } from '../version.js'

/** `encoding-<responses>.json`, `pls-<responses>.json` and `rsa-<dissimilarities>.json`; the names of several responses have a + between them. */
export interface LayerRecord {
  kind: 'encoding' | 'pls' | 'rsa'
  striate: string
  /** SHA-256 of model.safetensors. */
  network: string
  /** Of several recordings the means. */
  scores: (LayerScore | RsaScore | MeanScore)[]
  committed?: CommittedScore | MeanScores['committed']
  /** Of rsa, and of several recordings. */
  ceiling?: RsaScores['ceiling']
  /** Each one's own, where there are several. */
  recordings?: RecordingScores[]
}

/** `behaviour-<counts>.json` */
export interface BehaviourRecord extends BehaviourScores {
  kind: 'behaviour'
  striate: string
  network: string
}

const words: Record<LayerRecord['kind'], { title: string; axis: string }> = {
  encoding: { title: 'Responses predicted from layers, by ridge regression', axis: 'Correlation with held-out responses' },
  pls: { title: 'Responses predicted from layers, by partial least squares', axis: 'Correlation with held-out responses' },
  rsa: { title: 'Dissimilarities of images in layers and in the reference', axis: 'Correlation of dissimilarities' },
}

const three = (value: number): string => value.toFixed(3)

/** Scores over layers with their standard errors, ceilings as a band or a line. */
async function layerChart({ kind, scores, ceiling, recordings }: LayerRecord): Promise<string> {
  const { title, axis } = words[kind]
  const values = scores.map(({ value }) => value)
  const edges = {
    low: scores.map(({ value, spread }) => value - spread.value),
    high: scores.map(({ value, spread }) => value + spread.value),
  }
  const single = scores[0]?.ceiling
  const references = single && !ceiling ? [{ label: 'ceiling', value: Number(three(single.value)) }] : []
  const y = { label: axis }
  if (scores.length < 2) {
    const bounds = ceiling
      ? [
          { label: 'lower ceiling', value: Number(three(ceiling.lower)) },
          { label: 'upper ceiling', value: Number(three(ceiling.upper)) },
        ]
      : references
    return barChart({
      title,
      categories: scores.map(({ layer }) => layer),
      y,
      series: [{ name: 'score', values, ...edges }],
      references: bounds,
    })
  }
  const x = scores.map((_, i) => i + 1)
  const what = recordings ? `mean over ${recordings.length} recordings` : 'score'
  const series: Series[] = [{ name: `${what} (band: standard error)`, x, y: values, ...edges }]
  if (ceiling) {
    const flat = (value: number) => x.map(() => value)
    const middle = (ceiling.lower + ceiling.upper) / 2
    series.push({
      name: recordings ? 'ceilings (band: lowest to highest)' : 'ceiling (band: lower to upper)',
      x,
      y: flat(middle),
      low: flat(ceiling.lower),
      high: flat(ceiling.upper),
      dots: false,
    })
  }
  return lineChart({ title, x: { label: 'Layer, in the order of the table' }, y, series, references })
}

const identity = (
  record: { striate: string; network: string },
  { model, data, seed }: Score,
): NonNullable<Page['provenance']> => [
  { label: 'Striate', value: record.striate },
  { label: 'Network', value: model },
  { label: 'SHA-256 of the network', value: record.network, code: true },
  { label: 'Data', value: data.name },
  { label: 'SHA-256 of the data', value: data.sha256, code: true },
  { label: 'Seed', value: seed ?? 'none' },
]

/** Scores of each recording, a column a recording: layers may be many. */
function recordingsTable(recordings: readonly RecordingScores[]): Block {
  const committed = recordings.flatMap((recording) => recording.committed ?? [])
  const ceilings = recordings.map(({ scores: [score] }) => score?.ceiling ?? null)
  const layers = recordings[0]?.scores.map(({ layer }) => layer) ?? []
  return {
    kind: 'table',
    caption: 'Scores of each recording, by layer',
    columns: ['Layer', ...recordings.map(({ name }) => ({ label: name, align: 'right' as const }))],
    rows: [
      ...layers.map((layer, i): Cell[] => [layer, ...recordings.map(({ scores }) => three(scores[i]?.value as number))]),
      ...(committed.length === recordings.length
        ? [['Committed layer', ...committed.map(({ layer, value }) => `${layer}: ${three(value)}`)]]
        : []),
      ...(ceilings.some(Boolean) ? [['Ceiling', ...ceilings.map((ceiling) => ceiling && three(ceiling.value))]] : []),
    ],
  }
}

const protocolRows = (protocol: object): Cell[][] =>
  Object.entries(protocol)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => [name, Array.isArray(value) ? value.join(' x ') : String(value)])

/**
 * Writes `<name>.json`, `<name>.svg` and `<name>.html` into the folder of a run.
 * @returns the record
 */
export async function writeLayerScores(folder: string, name: string, found: Omit<LayerRecord, 'striate'>): Promise<LayerRecord> {
  const record: LayerRecord = { ...found, striate: version }
  const { kind, scores, committed, ceiling, recordings } = record
  const [first] = scores as [LayerRecord['scores'][number]]
  if (!scores.some(({ value }) => Number.isFinite(value)))
    throw new DataError({
      op: `eval ${kind}`,
      argument: first.model,
      actual: 'without a layer whose outputs can be scored: they are the same for all images',
      expected: 'layers that tell images apart',
    })
  const chart = await layerChart(record)
  const best = scores.reduce((a, b) => (b.value > a.value ? b : a))
  const summary: SummaryNumber[] = [
    {
      label: scores.length > 1 ? 'Best layer' : 'Score',
      value: three(best.value),
      note: scores.length > 1 ? `${best.layer}, of ${scores.length}; chosen on these scores` : best.layer,
    },
  ]
  if (committed)
    summary.push({ label: 'Committed layer', value: three(committed.value), note: `${committed.layer}: ${committed.reason}` })
  if (ceiling)
    summary.push({ label: 'Ceiling', value: `${three(ceiling.lower)} to ${three(ceiling.upper)}`, note: ceiling.formula })
  else if (first.ceiling) summary.push({ label: 'Ceiling', value: three(first.ceiling.value), note: first.ceiling.formula })
  const page = renderPage({
    title: `${words[kind].title}: ${first.data.name}`,
    lead: first.model,
    summary,
    sections: [
      {
        heading: 'Scores',
        blocks: [
          { kind: 'figure', image: chart, alt: `${words[kind].axis} of each layer` },
          {
            kind: 'table',
            caption: `Scores of layers, with their spread over ${first.spread.over}`,
            columns: [
              { label: 'No.', align: 'right' },
              'Layer',
              { label: 'Score', align: 'right' },
              { label: 'Standard error', align: 'right' },
              ...(committed ? [{ label: 'Chosen by', align: 'right' as const }] : []),
              { label: 'Features', align: 'right' },
              { label: 'Dimensions', align: 'right' },
            ],
            rows: scores.map(({ layer, value, spread, raw }, i): Cell[] => [
              i + 1,
              layer,
              three(value),
              three(spread.value),
              ...(committed ? [raw.inner === undefined ? null : three(raw.inner)] : []),
              raw.features ?? null,
              raw.dimensions === undefined ? (raw.features ?? null) : Math.round(raw.dimensions),
            ]),
          },
          ...(recordings ? [recordingsTable(recordings)] : []),
        ],
      },
      {
        heading: 'How it was measured',
        blocks: [
          {
            kind: 'table',
            caption: 'Protocol',
            columns: ['What', 'How'],
            rows: [
              ...protocolRows(first.protocol).filter(([what]) => what !== 'projection'),
              ...scores.map(({ layer, protocol }): Cell[] => [`projection of ${layer}`, String(protocol.projection)]),
            ],
          },
          {
            kind: 'table',
            caption: 'Counts',
            columns: ['What', { label: 'Number', align: 'right' }],
            rows: [
              'recordings',
              'images',
              'tested',
              'targets',
              'constant',
              'unmeasured',
              'incomplete',
              'subjects',
              'pairs',
              'unknownPairs',
            ].flatMap((what): Cell[][] => (first.raw[what] === undefined ? [] : [[what, first.raw[what]]])),
          },
        ],
      },
    ],
    provenance: identity(record, first),
  })
  await writeResult(folder, name, record, chart, page)
  return record
}

/**
 * Writes `<name>.json`, `<name>.svg` and `<name>.html` into the folder of a run.
 * @returns the record
 */
export async function writeBehaviour(
  folder: string,
  name: string,
  found: Omit<BehaviourRecord, 'striate'>,
): Promise<BehaviourRecord> {
  const record: BehaviourRecord = { ...found, striate: version }
  const { scores, protocol } = record
  const [first] = scores as [Score]
  const shares = scores.filter(({ unit }) => unit === '')
  const chart = await barChart({
    title: 'Agreement with people',
    categories: shares.map((score) => score.name),
    y: { label: 'Correlation, or share of images' },
    series: [
      {
        name: 'network (bars: standard error)',
        values: shares.map(({ value }) => value),
        low: shares.map(({ value, spread }) => value - spread.value),
        high: shares.map(({ value, spread }) => value + spread.value),
      },
      { name: 'ceiling', values: shares.map(({ ceiling }) => ceiling?.value ?? Number.NaN) },
    ],
  })
  const page = renderPage({
    title: `Agreement with people: ${first.data.name}`,
    lead: first.model,
    summary: scores.map(({ name: label, value, unit, ceiling }) => ({
      label,
      value: three(value),
      ...(unit ? { unit } : {}),
      ...(ceiling ? { note: `ceiling ${three(ceiling.value)}` } : {}),
    })),
    sections: [
      {
        heading: 'Scores',
        blocks: [
          { kind: 'figure', image: chart, alt: 'Agreement of the network with people, and its ceilings' },
          {
            kind: 'table',
            caption: 'Scores',
            columns: [
              'Score',
              { label: 'Value', align: 'right' },
              { label: 'Standard error', align: 'right' },
              'Over',
              'Ceiling',
            ],
            rows: scores.map(({ name: what, value, unit, spread, ceiling }): Cell[] => [
              unit ? `${what} (${unit})` : what,
              three(value),
              three(spread.value),
              spread.over,
              ceiling ? `${three(ceiling.value)}: ${ceiling.formula}` : null,
            ]),
          },
          { kind: 'table', caption: 'Protocol', columns: ['What', 'How'], rows: protocolRows(protocol) },
        ],
      },
    ],
    provenance: identity(record, first),
  })
  await writeResult(folder, name, record, chart, page)
  return record
}

async function writeResult(folder: string, name: string, record: object, chart: string, page: string): Promise<void> {
  await writeAtomic(join(folder, `${name}.svg`), chart)
  await writeAtomic(join(folder, `${name}.html`), page)
  await writeAtomic(join(folder, `${name}.json`), `${JSON.stringify(record, null, 1)}\n`)
}
