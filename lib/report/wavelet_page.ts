// The page of a hierarchy of wavelet blocks: what each block kept of what it saw, and everything needed to repeat it.
import { join } from 'node:path'
import { writeAtomic } from '../io/index.js'
import type { BlockComponents, ComponentRecord } from '../learn/index.js'
import type { Network } from '../models/index.js'
import { type Block, lineChart, renderPage, type Section } from '../plot/index.js'
import { alignmentSection } from './alignment_results.js'
import { percent, provenanceRows } from './record.js'

const how = {
  learned: 'principal components of what it sees, learned without labels, block by block',
  random: 'random, as a new network starts; only means and variances are of the images',
  orthogonal: 'random rows at right angles; only means and variances are of the images',
} as const

/** Writes components.svg, where components were learned, and report.html into the folder of a run. */
export async function writeWaveletPage(net: Network, record: ComponentRecord, folder: string): Promise<void> {
  const { blocks, options, processes, data } = record
  const learned = blocks.filter(({ varianceKept }) => varianceKept !== null)
  const [last] = learned.slice(-1)
  const sections: Section[] = [{ heading: 'Blocks', blocks: [blockTable(net, blocks)] }]
  if (learned.length > 0) {
    const chart = await spectra(learned)
    await writeAtomic(join(folder, 'components.svg'), chart)
    const alt = 'Share of the variance of each component, one line a block, on logarithmic scales'
    sections.push({ heading: 'Components', blocks: [{ kind: 'figure', image: chart, alt }] })
  }
  const page = renderPage({
    title: `Wavelet hierarchy on ${data.name}`,
    lead: `Each block filters every channel by a fixed bank of wavelets, takes moduli, and mixes them. The mixing is ${how[options.components]}.`,
    summary: [
      { label: 'Blocks', value: blocks.length },
      {
        label: 'Images',
        value: data.shape[0] as number,
        note: processes > 1 ? `shared by ${processes} processes` : 'one pass a block',
      },
      ...(last
        ? [
            {
              label: 'Variance kept',
              value: percent(last.varianceKept as number),
              unit: '%',
              note: `${last.name}: ${last.units} of ${last.responses}`,
            },
          ]
        : []),
    ],
    sections: [...sections, ...(await alignmentSection(folder))],
    provenance: provenanceRows(record, [
      { label: 'Network', value: JSON.stringify(record.network.layers), code: true },
      { label: 'Options', value: JSON.stringify(options), code: true },
    ]),
  })
  await writeAtomic(join(folder, 'report.html'), page)
}

function blockTable(net: Network, blocks: readonly BlockComponents[]): Block {
  return {
    kind: 'table',
    caption:
      'Effective dimension: (sum of eigenvalues)^2 / sum of their squares, of the standardised responses that the components are of',
    columns: [
      'Block',
      'Map',
      'Responses',
      'Units',
      { label: 'Variance kept', unit: '%' },
      'Effective dimension',
      { label: 'Time', unit: 's' },
    ],
    rows: blocks.map(({ name, responses, units, varianceKept, effectiveDimension, seconds }) => [
      name,
      net.extent(name).slice(1).join('\u00a0x\u00a0'),
      responses,
      units,
      varianceKept === null ? null : Number(percent(varianceKept)),
      effectiveDimension === null ? null : Number(effectiveDimension.toPrecision(3)),
      Number(seconds.toPrecision(3)),
    ]),
  }
}

function spectra(blocks: readonly BlockComponents[]): Promise<string> {
  return lineChart({
    title: 'Components by their variance',
    x: { label: 'Component', scale: 'log' },
    y: { label: 'Share of the variance kept', scale: 'log' },
    series: blocks.map(({ name, eigenvalues }) => {
      const positive = eigenvalues.filter((value) => value > 0)
      const total = positive.reduce((sum, value) => sum + value, 0)
      return { name, x: positive.map((_, k) => k + 1), y: positive.map((value) => value / total) }
    }),
  })
}
