// The page of the demo: its errors beside one another, then the page of the network that learned.
import { barChart, type Section } from '../plot/index.js'
import type { DemoResult } from '../reproduce/index.js'
import { writeLocalPage } from './local_page.js'
import { percent } from './record.js'

/** Writes report.html with its figures into a folder that holds the demo's network. */
export async function writeDemoPage(result: DemoResult, folder: string): Promise<void> {
  const { net, record, networks, images, chance } = result
  const rows = networks.flatMap(({ name, plain, shadowed }) => [
    { name, score: plain },
    { name: `${name}, shadowed`, score: shadowed },
  ])
  const image = await barChart({
    title: 'Test error',
    categories: rows.map(({ name }) => name),
    y: { label: 'Error', unit: '%', min: 0 },
    series: [
      {
        name: 'error',
        values: rows.map(({ score }) => 100 * score.value),
        low: rows.map(({ score }) => 100 * (score.value - score.spread.value)),
        high: rows.map(({ score }) => 100 * (score.value + score.spread.value)),
      },
    ],
    references: [{ label: 'chance', value: 100 * chance }],
  })
  const powers = networks.map(({ name, power }) => `${name} ${power}`).join(', ')
  const results: Section = {
    heading: 'Learned filters against filters that learned nothing, in light and in shadow',
    blocks: [
      {
        kind: 'text',
        text: `${images.test} test images; a shadow leaves 30 % of the light on 80 % of each image. Filters see no labels; all readouts are trained alike, with powers chosen on a validation split: ${powers}. Random patches are pieces of the training images, random numbers are normal.`,
      },
      {
        kind: 'figure',
        image,
        alt: 'Bars of test errors of learned filters, random patches and random numbers, with and without shadows, and chance',
      },
      {
        kind: 'table',
        caption: 'Test error',
        columns: ['Network', { label: 'Error', unit: '%' }, { label: 'Standard error', unit: '%' }],
        rows: [
          ...rows.map(({ name, score }) => [name, percent(score.value), percent(score.spread.value)]),
          ['chance', percent(chance), ''],
        ],
      },
    ],
  }
  await writeLocalPage(net, record, folder, [results])
}
