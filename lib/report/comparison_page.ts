// Runs beside each other: what each one's network scores against the same brains and people.
import { basename, join, resolve } from 'node:path'
import { OptionError } from '../errors.js'
import { writeAtomic } from '../io/index.js'
import { barChart, type Figure, renderPage } from '../plot/index.js'
import { inFolder } from '../run/folder.js'
import { version } from '../version.js'
import { type AlignmentResult, readAlignment, resultTable, three } from './alignment_results.js'

/** What `comparison.json` holds. */
export interface ComparisonRecord {
  striate: string
  /** Networks by the names of their folders; pixels by the size of the images. */
  networks: { name: string; results: AlignmentResult[] }[]
}

/**
 * Compares runs by what `striate eval encoding`, `pls`, `rsa` and `behaviour` left in their folders: writes comparison.json, a chart a benchmark
 * and report.html into another folder.
 * @throws {OptionError} when two folders have one name or nothing was scored; {DataError} naming a file that is damaged
 */
export async function writeComparison(folders: readonly string[], out: string): Promise<ComparisonRecord & { page: string }> {
  const op = 'report'
  const names = folders.map((folder) => basename(resolve(folder)))
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined)
    throw new OptionError({ op, argument: 'runs', actual: `two folders named ${twice}`, expected: 'folders of different names' })
  const all = await Promise.all(folders.map(readAlignment))
  const pixels = new Map<string, Map<string, AlignmentResult>>()
  for (const one of all.flatMap((found) => found.pixels)) {
    const { input, ...result } = one
    const own = pixels.get(input) ?? new Map<string, AlignmentResult>()
    pixels.set(input, own.set(result.benchmark, result))
  }
  const networks = [
    ...all.map(({ results }, i) => ({ name: names[i] as string, results })),
    ...[...pixels].map(([input, own]) => ({ name: `pixels, ${input}`, results: [...own.values()] })),
  ]
  const benchmarks = [...new Set(networks.flatMap(({ results }) => results.map(({ benchmark }) => benchmark)))].sort()
  if (benchmarks.length === 0)
    throw new OptionError({ op, argument: 'runs', actual: 'without scores', expected: 'some that striate eval has scored' })
  const at = (benchmark: string) =>
    networks.map(({ results }) => results.find((result) => result.benchmark === benchmark) ?? null)
  const chart = (benchmark: string): Promise<string> => {
    const found = at(benchmark)
    const ceilings = found.flatMap((result) => (result?.ceiling == null || Number.isNaN(result.ceiling) ? [] : [result.ceiling]))
    const number = (of: (result: AlignmentResult) => number) => found.map((result) => (result ? of(result) : Number.NaN))
    return barChart({
      title: benchmark,
      categories: networks.map(({ name }) => name),
      y: { label: 'Score (bars: standard error)' },
      series: [
        {
          name: 'score',
          values: number(({ value }) => value),
          low: number(({ value, error }) => value - error),
          high: number(({ value, error }) => value + error),
        },
      ],
      references: ceilings.length > 0 ? [{ label: 'ceiling', value: Number(three(Math.max(...ceilings))) }] : [],
    })
  }
  const record: ComparisonRecord = { striate: version, networks }
  const page = join(out, 'report.html')
  await inFolder(op, { out }, async () => {
    const figures: Figure[] = []
    for (const benchmark of benchmarks) {
      const image = await chart(benchmark)
      await writeAtomic(join(out, `${benchmark.replace(/[^\w.-]+/g, '-')}.svg`), image)
      figures.push({ image, alt: `Scores of ${networks.length} networks: ${benchmark}` })
    }
    await writeAtomic(join(out, 'comparison.json'), `${JSON.stringify(record, null, 1)}\n`)
    await writeAtomic(
      page,
      renderPage({
        title: `${folders.length} networks against brains and people`,
        lead: 'Each network by the layer that the training images chose, where its layers were scored by a regression; else by the best of its layers, which flatters it a little. Ceilings are what noise leaves a perfect model.',
        sections: [
          { heading: 'Charts', blocks: [{ kind: 'figures', figures }] },
          {
            heading: 'Numbers',
            blocks: benchmarks.map((benchmark) =>
              resultTable(
                benchmark,
                'Network',
                at(benchmark).flatMap((result, i) => (result ? [{ name: networks[i]?.name ?? '', result }] : [])),
              ),
            ),
          },
        ],
        provenance: [
          { label: 'Striate', value: version },
          { label: 'Runs', value: names.join(', ') },
        ],
      }),
    )
  })
  return { ...record, page }
}
