// How many unlabelled images the components need.
import { banded } from '../scored.js'
import type { Study } from '../study.js'
import { hierarchyPart, partName, protocolOf, resultsOf, sessionMeans } from './hierarchy.js'

/** Images of each class; of ten classes 10 to 4,000 in all. */
const counts = [1, 3, 10, 40, 100, 400]

export const scaling: Study = {
  name: 'passi-scaling',
  source: 'Passi, Robinson, Bonner 2026, on how few images suffice',
  about: 'encoding score against the number of unlabelled images that the components are learned from',
  needs: 'photos, and recordings of neurons',
  parts: (scale) =>
    scale.seeds.flatMap((seed) =>
      (scale.quick ? counts.slice(0, 4) : counts).map((perClass) =>
        hierarchyPart(scale, {
          stem: `images-${perClass}`,
          about: `components of ${perClass} photos of each class`,
          options: {},
          seed,
          perClass,
          repeats: 1,
        }),
      ),
    ),
  report: async (all, scale, { data }) => {
    const found = counts
      .map((perClass) => resultsOf(all, partName(scale, `images-${perClass}`)))
      .filter((results) => results.length > 0)
    const images = found.map(([first]) => first?.images as number)
    const blocks = found[0]?.[0]?.layers.length ?? 0
    const chosen = [...new Set([Math.min(3, blocks - 1), Math.min(6, blocks - 1)])].filter((block) => block >= 0)
    const scores = (block: number) => found.map((results) => sessionMeans(results, block))
    return {
      values: [],
      charts:
        found.length === 0
          ? []
          : [
              {
                file: 'scaling',
                title: 'Encoding score against unlabelled images',
                alt: 'Correlation of predicted and measured responses against the number of images, on a logarithmic scale, one line a block',
                x: { label: 'Images', scale: 'log' },
                y: { label: 'r, mean over recordings' },
                series: chosen.map((block) => ({
                  name: `block ${block + 1}`,
                  x: images,
                  ...banded(scores(block)),
                })),
              },
            ],
      tables: [
        {
          caption: 'r of each block, mean over seeds and recordings',
          columns: ['Images', ...Array.from({ length: blocks }, (_, i) => `${i + 1}`)],
          rows: found.map((results, at) => [
            images[at] as number,
            ...Array.from({ length: blocks }, (_, block) => (banded([sessionMeans(results, block)]).y[0] as number).toFixed(3)),
          ]),
        },
      ],
      notes: [
        'Every score is of one order of folds, the same for all.',
        'With fewer photos than units a block has nine tenths as many components as photos; its other rows are random.',
        ...protocolOf(data),
      ],
    }
  },
}
