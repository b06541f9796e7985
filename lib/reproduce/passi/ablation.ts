// What each choice of the learning is worth: components of single positions, whitened or z-scored, all but the first,
// random rows, or few components beside them.
import type { ComponentOptions } from '../../learn/index.js'
import { banded } from '../scored.js'
import type { Study } from '../study.js'
import { byBlock, hierarchyPart, partName, protocolOf, resultsOf } from './hierarchy.js'

const variants: readonly { stem: string; about: string; options: ComponentOptions }[] = [
  { stem: 'learned', about: 'principal components', options: {} },
  { stem: 'random', about: 'random mixing', options: { components: 'random' } },
  { stem: 'orthogonal', about: 'random orthonormal rows', options: { components: 'orthogonal' } },
  { stem: 'pixels', about: 'components of single positions', options: { statistics: 'pixels' } },
  { stem: 'whitened', about: 'components of unit variance over images', options: { scale: 'whitened' } },
  { stem: 'z-scored', about: 'components of unit variance over positions', options: { scale: 'z-scored' } },
  {
    stem: 'pixels-whitened',
    about: 'whitened components of single positions',
    options: { statistics: 'pixels', scale: 'whitened' },
  },
  { stem: 'drop-first', about: 'components but the first', options: { dropFirst: 1 } },
  { stem: 'principal-8', about: '8 components, the other rows random', options: { principal: 8 } },
]

export const ablation: Study = {
  name: 'passi-ablation',
  source: 'Passi, Bonner 2026, and what its users ask for',
  about: 'encoding score of every block when one choice of the learning changes',
  needs: 'photos, and recordings of neurons',
  parts: (scale) =>
    scale.seeds.flatMap((seed) =>
      variants.map(({ stem, ...variant }) =>
        hierarchyPart(scale, { ...variant, stem: `ablation-${stem}`, seed, perClass: 40, repeats: 1 }),
      ),
    ),
  report: async (all, scale, { data }) => {
    const found = variants
      .map(({ stem, about }) => ({ about, results: resultsOf(all, partName(scale, `ablation-${stem}`)) }))
      .filter(({ results }) => results.length > 0)
      .map(({ about, results }) => ({ about, mean: banded(byBlock(results)).y }))
    const blocks = found[0]?.mean.length ?? 0
    return {
      values: [],
      charts:
        found.length === 0
          ? []
          : [
              {
                file: 'ablation',
                title: 'Encoding score by block, one choice changed',
                alt: 'Correlation of predicted and measured responses against the block, one line a way of learning',
                x: { label: 'Block' },
                y: { label: 'r, mean over recordings' },
                series: found.map(({ about, mean }) => ({ name: about, x: mean.map((_, i) => i + 1), y: mean })),
              },
            ],
      tables: [
        {
          caption: 'r of each block, mean over seeds and recordings',
          columns: ['Mixing', ...Array.from({ length: blocks }, (_, i) => `${i + 1}`), 'Best block'],
          rows: found.map(({ about, mean }) => [about, ...mean.map((r) => r.toFixed(3)), 1 + mean.indexOf(Math.max(...mean))]),
        },
      ],
      notes: ['Every score is of one order of folds, the same for all.', ...protocolOf(data)],
    }
  },
}
