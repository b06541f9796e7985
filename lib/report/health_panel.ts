// The health of a block's units on the page of a run: curves over training, how wins, norms, gains and cosines spread, and the numbers.

import { type BlockRecord, type FilterHealth, type HistoryEntry, healthWarnings } from '../learn/index.js'
import { type Block, type Figure, histogram, lineChart } from '../plot/index.js'

const size = { width: 400, height: 290 }

/** Curves, histograms and a table; of rules without winners or gains, those that they have. */
export async function healthPanel({ history, health, filters }: BlockRecord): Promise<Block[]> {
  const warnings = healthWarnings(health, filters)
  const figures = [...(await curves(history, health)), ...(await spreads(health))]
  return [
    ...warnings.map((text): Block => ({ kind: 'text', text: `Warning: ${text}.` })),
    ...(figures.length > 0 ? [{ kind: 'figures', figures } as const] : []),
    numbers(health),
  ]
}

const evenShare = ({ wins }: FilterHealth): number => 100 / wins.length

async function curves(history: readonly HistoryEntry[], health: FilterHealth): Promise<Figure[]> {
  if (history.length < 2) return []
  const steps = history.map((h) => h.step)
  const x = { label: 'Minibatch', min: 0 }
  const curve = async (title: string, label: string, y: number[], alt: string): Promise<Figure> => {
    const series = [{ name: label, x: steps, y, dots: false }]
    return { image: await lineChart({ ...size, title, x, y: { label }, series }), alt }
  }
  const figures = [
    await curve(
      'Energy',
      'Energy a patch',
      history.map((h) => h.energy),
      'Energy against minibatch: it falls as filters are learned',
    ),
  ]
  if (health.wins.length === 0) return figures
  const units = (name: string, y: number[]) => ({ name, x: steps, y, dots: false })
  figures.push({
    image: await lineChart({
      ...size,
      title: 'Dead and repelled units',
      x,
      y: { label: 'Units', min: 0 },
      series: [
        units(
          'dead',
          history.map((h) => h.dead),
        ),
        units(
          'repelled from norm 1',
          history.map((h) => h.repelled),
        ),
      ],
    }),
    alt: 'Units without a win, and units of negative gain, against minibatch',
  })
  figures.push({
    image: await lineChart({
      ...size,
      title: 'Largest share of one unit',
      x,
      y: { label: 'Share of the patches', unit: '%', min: 0 },
      series: [
        units(
          'unit of most wins',
          history.map((h) => 100 * h.winShare),
        ),
      ],
      references: [{ label: 'even share', value: Number(evenShare(health).toPrecision(3)) }],
    }),
    alt: 'Share of the patches that the unit of most wins takes, against minibatch: it rises when learning collapses',
  })
  return figures
}

async function spreads(health: FilterHealth): Promise<Figure[]> {
  const { wins, norms, gains, nearest, cosines } = health
  const figures: Figure[] = []
  const total = wins.reduce((a, b) => a + b, 0)
  if (wins.length > 1 && total > 0)
    figures.push({
      image: await lineChart({
        ...size,
        title: 'Wins of each unit',
        x: { label: 'Units, by wins', min: 0, max: wins.length },
        y: { label: 'Share of the patches', unit: '%', scale: 'log' },
        series: [
          {
            name: 'at the end',
            x: wins.map((_, i) => i + 1),
            y: wins.map((n) => (n > 0 ? (100 * n) / total : Number.NaN)).sort((a, b) => (b || 0) - (a || 0)),
            // A line alone would not show a single winner.
            dots: wins.length - health.dead.length <= 30,
          },
        ],
        references: [{ label: 'even share', value: Number(evenShare(health).toPrecision(3)) }],
      }),
      alt: `Share of ${total} patches won by each of ${wins.length} units, from the largest to the smallest`,
    })
  figures.push({
    image: await histogram({
      ...size,
      title: 'Norms',
      x: { label: 'Norm of the row' },
      values: countNorms(norms),
      yLabel: 'Units',
    }),
    alt: `Histogram of the norms of ${norms.length} rows: 1 when converged`,
  })
  const each = (gains ?? []).flatMap((s, unit) => (wins[unit] || s < 0 ? [Math.max(-1, s / (wins[unit] || 1e-9))] : []))
  if (each.length > 0)
    figures.push({
      image: await histogram({
        ...size,
        title: 'Net gains',
        x: { label: 'Gain a patch won' },
        values: each,
        yLabel: 'Units',
        references: [{ label: 'repelled below', value: 0 }],
      }),
      alt: `Histogram of the net gain of ${each.length} units, the sum of g times current by the patches that each won`,
      ...(each.includes(-1) ? { caption: 'Units at -1 lie there or below.' } : {}),
    })
  if (cosines)
    figures.push({
      image: await histogram({
        ...size,
        title: 'Patches and their nearest unit',
        x: { label: 'Cosine' },
        values: { edges: cosines.edges, counts: cosines.counts },
        yLabel: 'Patches',
        references: [{ label: 'median', value: cosines.median }],
      }),
      alt: `Histogram of the cosine of patches with the unit nearest to each, median ${cosines.median}`,
      ...(cosines.below > 0 ? { caption: `${cosines.below} more patches lie lower.` } : {}),
    })
  if (nearest.length > 1)
    figures.push({
      image: await histogram({
        ...size,
        title: 'Units and their nearest unit',
        x: { label: 'Cosine' },
        values: nearest,
        yLabel: 'Units',
      }),
      alt: `Histogram of the cosine of ${nearest.length} units with the unit nearest to each: near 1 for near-duplicates`,
    })
  return figures
}

/** In bins that are no narrower than rounding errors: rows that are all of norm 1 make one bar. */
function countNorms(norms: readonly number[]): { edges: number[]; counts: number[] } {
  const bins = 30
  const low = norms.reduce((a, b) => Math.min(a, b), 0.985)
  const high = norms.reduce((a, b) => Math.max(a, b), 1.015)
  const counts = new Array<number>(bins).fill(0)
  for (const norm of norms) {
    const bin = Math.min(bins - 1, Math.floor((bins * (norm - low)) / (high - low)))
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  return { edges: Array.from({ length: bins + 1 }, (_, i) => low + ((high - low) * i) / bins), counts }
}

function numbers(health: FilterHealth): Block {
  const { wins, dead, repelled, duplicates, nearest, cosines, unitNorm, energy } = health
  const total = wins.reduce((a, b) => a + b, 0)
  const largest = wins.reduce((a, b) => Math.max(a, b), 0)
  return {
    kind: 'table',
    caption: total > 0 ? `Health of the units at the end, over the last ${total} patches` : 'Health of the units at the end',
    columns: ['Quantity', { label: 'Value', align: 'right' }],
    rows: [
      ...(total > 0
        ? [
            ['Dead units (no win)', dead.length],
            ['Largest share of the patches won by one unit', `${((100 * largest) / total).toFixed(2)} %`],
            ['Units whose norm is repelled from 1 (negative net gain)', repelled],
          ]
        : []),
      ['Near-duplicate pairs (cosine over 0.99)', duplicates],
      ...(nearest.length > 1 ? [['Largest cosine of two units', Math.max(...nearest).toFixed(4)]] : []),
      ...(cosines ? [['Median cosine of a patch with its nearest unit', cosines.median.toFixed(4)]] : []),
      ['Rows within 1 % of norm 1', `${(100 * unitNorm).toFixed(1)} %`],
      ['Mean energy a patch', energy.toFixed(4)],
    ],
  }
}
