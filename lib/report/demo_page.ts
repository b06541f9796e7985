// The page of the demo: its errors beside one another, then the page of the network that learned.
import { barChart, imageSheet, type Section } from '../plot/index.js'
import type { DemoHierarchy, DemoResult, DemoScenes } from '../reproduce/index.js'
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
  const others = [hierarchySection(result.hierarchy, chance), await scenesSection(result.scenes)]
  await writeLocalPage(net, record, folder, [results, ...others])
}

const errorText = ({ value, spread }: DemoHierarchy['learned']): string => `${percent(value)} ± ${percent(spread.value)}`

function hierarchySection({ images, blocks, learned, random }: DemoHierarchy, chance: number): Section {
  const number = (value: number | null, digits: number) => (value === null ? '' : value.toFixed(digits))
  return {
    heading: 'A hierarchy of wavelets, learned by compression',
    blocks: [
      {
        kind: 'text',
        text: `Each block expands its input by a fixed bank of wavelets and keeps the principal components of ${images.components} images’ responses, without labels. A softmax readout of the last block, trained on ${images.readout} labelled images, errs on the same test images as the table says.`,
      },
      {
        kind: 'table',
        caption: 'Test error (standard error)',
        columns: ['Mixing', { label: 'Error', unit: '%', align: 'right' }],
        rows: [
          ['principal components', errorText(learned)],
          ['random', errorText(random)],
          ['chance', percent(chance)],
        ],
      },
      {
        kind: 'table',
        caption: 'Effective dimension: (sum of eigenvalues)^2 / sum of their squares; variance kept by the components',
        columns: ['Block', { label: 'Effective dimension', align: 'right' }, { label: 'Variance kept', align: 'right' }],
        rows: blocks.map(({ name, effectiveDimension, varianceKept }) => [
          name,
          number(effectiveDimension, 1),
          number(varianceKept, 3),
        ]),
      },
    ],
  }
}

async function scenesSection({ categories, images, distance, samples }: DemoScenes): Promise<Section> {
  const { pixels, shape, each } = samples
  const { svg, description } = await imageSheet([{ label: 'test images', images: pixels }], shape, {
    title: 'Objects that the network was not trained on',
    scale: 1,
  })
  return {
    heading: 'Rendered objects, and how far they are',
    blocks: [
      {
        kind: 'text',
        text: `A small ResNet-18 learned the distance of objects of ${categories} categories from ${images.train} rendered scenes of 32 pixels. On ${images.test} scenes of other objects of the same categories it explains ${percent(distance.value)} % of the variance of the distance (R2; ${(distance.raw.rmse as number).toFixed(2)} m root mean square error).`,
      },
      {
        kind: 'figure',
        image: svg,
        alt: description,
        caption: 'Rendered larger than the network sees them, from left to right as in the table',
      },
      {
        kind: 'table',
        caption: 'Distance along the line of sight',
        columns: [
          'Object',
          { label: 'Distance', unit: 'm', align: 'right' },
          { label: 'As the network says', unit: 'm', align: 'right' },
        ],
        rows: each.map(({ category, distance: own, said }) => [category.replaceAll('_', ' '), own.toFixed(2), said.toFixed(2)]),
      },
    ],
  }
}
