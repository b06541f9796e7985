// Runs of one recipe that differ in their seed alone: their scores with mean and spread, and a page that compares them.
import { join } from 'node:path'
import { deviationOf } from '../eval/correlation.js'
import { writeAtomic } from '../io/index.js'
import type { LocalRecord } from '../learn/index.js'
import { lineChart, renderPage } from '../plot/index.js'
import { percent, provenanceRows } from './record.js'
import { readRecord } from './run_page.js'

/** What `seeds.json` holds. */
export interface SeedsRecord {
  /** What `value` is: `validation error`, a share, where the runs have one. */
  measure: string
  runs: { seed: number; value: number }[]
  mean: number
  /** Standard deviation over the seeds, of a sample; 0 of one. */
  deviation: number
}

interface Measured {
  measure: string
  value: number
  /** Against `axis`, as far as the run has one. */
  curve: { axis: string; x: number[]; y: number[] }
}

/** What runs of a kind are compared by. */
function measured(record: Awaited<ReturnType<typeof readRecord>>): Measured {
  const epochs = (measure: string, list: readonly { epoch: number; y: number | null }[], value: number): Measured => {
    const known = list.filter(({ y }) => y !== null)
    return { measure, value, curve: { axis: 'Epoch', x: known.map(({ epoch }) => epoch), y: known.map(({ y }) => y as number) } }
  }
  if (record.kind === 'supervised') {
    const best = record.curve[record.bestEpoch - 1]
    for (const [measure, key] of [
      ['validation error', 'validationError'],
      ['validation loss', 'validationLoss'],
      ['training loss', 'trainLoss'],
    ] as const) {
      const value = best?.[key]
      if (value != null)
        return epochs(
          measure,
          record.curve.map((e) => ({ epoch: e.epoch, y: e[key] })),
          value,
        )
    }
  }
  if (record.kind === 'wavelet') {
    const { blocks } = record
    const of = (measure: string, value: (block: (typeof blocks)[number]) => number) => ({
      measure,
      value: value(blocks.at(-1) as (typeof blocks)[number]),
      curve: { axis: 'Block', x: blocks.map((_, i) => i + 1), y: blocks.map(value) },
    })
    const learned = blocks.every(({ varianceKept }) => varianceKept !== null)
    return learned ? of('variance kept', (block) => block.varianceKept as number) : of('seconds', (block) => block.seconds)
  }
  const { readout, blocks } = record as LocalRecord
  if (readout) {
    const { curve, validationError } = readout.chosen
    const validated = readout.images.validation > 0
    const key = validated ? 'validationError' : 'trainError'
    const value = validated ? validationError : (curve.at(-1)?.trainError ?? Number.NaN)
    const measure = validated ? 'validation error' : 'training error'
    return epochs(
      measure,
      curve.map((e) => ({ epoch: e.epoch, y: e[key] })),
      value,
    )
  }
  const { history, health } = blocks.at(-1) as LocalRecord['blocks'][number]
  const curve = { axis: 'Minibatch', x: history.map(({ step }) => step), y: history.map(({ energy }) => energy) }
  return { measure: 'energy', value: health.energy, curve }
}

/**
 * Compares the finished runs of several seeds, in `seed-<n>` of a folder: writes seeds.json, seeds.svg and report.html there.
 * @throws {DataError} naming the record that is missing or damaged
 */
export async function writeSeeds(folder: string, seeds: readonly number[]): Promise<SeedsRecord & { page: string }> {
  const records = await Promise.all(seeds.map((seed) => readRecord(join(folder, `seed-${seed}`))))
  const all = records.map(measured)
  const [{ measure, curve }] = all as [Measured]
  const values = all.map(({ value }) => value)
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  const deviation = deviationOf(values)
  const runs = seeds.map((seed, i) => ({ seed, value: values[i] as number }))
  const record: SeedsRecord = { measure, runs, mean, deviation }
  await writeAtomic(join(folder, 'seeds.json'), `${JSON.stringify(record, null, 1)}\n`)

  const isShare = /error/.test(measure)
  const name = `${measure.slice(0, 1).toUpperCase()}${measure.slice(1)}`
  const shown = (value: number) => (isShare ? percent(value) : value.toPrecision(5))
  const unit = isShare ? { unit: '%' } : {}
  const chart = await lineChart({
    title: `${name} of each seed`,
    x: { label: curve.axis },
    y: { label: name, ...unit },
    series: all.map(({ curve: { x, y } }, i) => ({ name: `seed ${seeds[i]}`, x, y: isShare ? y.map((v) => 100 * v) : y })),
  })
  await writeAtomic(join(folder, 'seeds.svg'), chart)
  const [first] = records as [Awaited<ReturnType<typeof readRecord>>]
  const page = join(folder, 'report.html')
  await writeAtomic(
    page,
    renderPage({
      title: `${seeds.length} seeds of one run on ${first.data.name}`,
      lead: `The same run with other seeds: ${shown(mean)}${isShare ? ' %' : ''} ${measure} on average, with a standard deviation of ${shown(deviation)}. Each run has a page of its own in its folder.`,
      summary: [
        { label: `${name}, mean`, value: shown(mean), ...unit, note: `${seeds.length} seeds` },
        { label: 'Standard deviation', value: shown(deviation), ...unit },
      ],
      sections: [
        {
          heading: name,
          blocks: [
            { kind: 'figure', image: chart, alt: `${name} against ${curve.axis.toLowerCase()}, a line for each seed` },
            {
              kind: 'table',
              caption: 'The runs',
              columns: ['Seed', { label: name, ...unit, align: 'right' }, 'Folder'],
              rows: runs.map(({ seed, value }) => [seed, shown(value), `seed-${seed}`]),
            },
          ],
        },
      ],
      provenance: provenanceRows(first, [{ label: 'Seeds', value: seeds.join(', ') }]),
    }),
  )
  return { ...record, page }
}
