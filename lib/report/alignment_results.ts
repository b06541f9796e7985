// What scores of alignment a run's folder holds, for its page and for pages that compare runs.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { numberOrNone, readStored } from '../io/stored.js'
import type { Block, Cell, Section } from '../plot/index.js'
import { networkSha256 } from '../run/index.js'

const kinds = ['encoding', 'pls', 'rsa', 'behaviour'] as const

const numberRead = z.object({
  value: numberOrNone,
  ceiling: z.object({ value: numberOrNone }).nullish(),
  spread: z.object({ value: numberOrNone, over: z.string() }),
})
const recordSchema = z.object({
  kind: z.enum(kinds),
  network: z.string(),
  scores: z
    .array(
      numberRead.extend({
        name: z.string(),
        layer: z.string().optional(),
        model: z.string(),
        protocol: z.object({ input: z.array(z.number()) }).optional(),
      }),
    )
    .min(1),
  committed: numberRead.extend({ layer: z.string() }).nullish(),
})

/** One number of an evaluation. */
export interface AlignmentResult {
  /** What was predicted, and how: the evaluation's file without its ending; of behaviour with the name of the score. */
  benchmark: string
  value: number
  /** Standard error. */
  error: number
  ceiling: number | null
  /** The layer it is of, and how that was chosen; null of a score of the whole network. */
  layer: string | null
  choice: string
}

export interface RunAlignment {
  /** Of the network. */
  results: AlignmentResult[]
  /** Of the images as they are, where these were scored beside layers; by their size. */
  pixels: (AlignmentResult & { input: string })[]
  /** Files that are of another network than the one in the folder. */
  stale: string[]
}

/**
 * The scores in the folder of a run: of each evaluation of layers the layer that the training images chose, or the only or the best one.
 * @throws {DataError} naming a file that is damaged
 */
export async function readAlignment(folder: string): Promise<RunAlignment> {
  const pattern = new RegExp(`^(?:${kinds.join('|')})-.+\\.json$`)
  const files = (await readdir(folder)).filter((file) => pattern.test(file)).sort()
  const found: RunAlignment = { results: [], pixels: [], stale: [] }
  if (files.length === 0) return found
  const network = await networkSha256(folder)
  for (const file of files) {
    const record = await readStored('report', join(folder, file), recordSchema, 'scores that striate eval wrote')
    if (record.network !== network) {
      found.stale.push(file)
      continue
    }
    const benchmark = file.replace(/\.json$/, '')
    const of = ({ value, spread, ceiling }: z.output<typeof numberRead>, layer: string | null, choice: string) => ({
      benchmark,
      value,
      error: spread.value,
      ceiling: ceiling?.value ?? null,
      layer,
      choice,
    })
    if (record.kind === 'behaviour') {
      for (const score of record.scores) found.results.push({ ...of(score, null, ''), benchmark: `${benchmark}: ${score.name}` })
      continue
    }
    for (const score of record.scores.filter(({ layer }) => layer === 'pixels'))
      found.pixels.push({ ...of(score, null, ''), input: score.protocol?.input.join(' x ') ?? '' })
    const layers = record.scores.filter(({ layer }) => layer !== 'pixels')
    const { committed } = record
    if (layers.length === 0) continue
    if (committed && committed.layer !== 'pixels')
      found.results.push(of(committed, committed.layer, 'chosen within the training images'))
    else {
      const best = layers.reduce((a, b) => (b.value > a.value ? b : a))
      found.results.push(
        of(best, best.layer ?? null, layers.length > 1 ? `best of ${layers.length}, on these scores` : 'the only one'),
      )
    }
  }
  return found
}

/** As pages show it; nothing where there is none. */
export const three = (value: number | null): string => (value === null || Number.isNaN(value) ? '' : value.toFixed(3))

/** A row a result, by a name of its own. */
export const resultTable = (
  caption: string,
  first: string,
  rows: readonly { name: string; result: AlignmentResult }[],
): Block => ({
  kind: 'table',
  caption,
  columns: [
    first,
    'Layer',
    { label: 'Score', align: 'right' },
    { label: 'Standard error', align: 'right' },
    { label: 'Ceiling', align: 'right' },
    'Which layer',
  ],
  rows: rows.map(({ name, result: { value, error, ceiling, layer, choice } }): Cell[] => [
    name,
    layer ?? '',
    three(value),
    three(error),
    three(ceiling),
    choice,
  ]),
})

/** What a run's own page says of its alignment; nothing where nothing was scored. */
export async function alignmentSection(folder: string): Promise<Section[]> {
  const { results, pixels, stale } = await readAlignment(folder)
  const left = stale.map((file): Block => {
    const text = `${file} is of another network and is left out: run striate eval ${file.split('-')[0]} again.`
    return { kind: 'text', text }
  })
  const heading = 'Brains and people'
  if (results.length + pixels.length === 0) return left.length > 0 ? [{ heading, blocks: left }] : []
  const table = resultTable('Scores; each evaluation has a page of its name beside this one', 'Evaluation', [
    ...results.map((result) => ({ name: result.benchmark, result })),
    ...pixels.map(({ input, ...result }) => ({ name: result.benchmark, result: { ...result, layer: `pixels, ${input}` } })),
  ])
  return [{ heading, blocks: [...left, table] }]
}
