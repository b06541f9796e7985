// Figure 2 of both papers: encoding score by block of a random and of an unsupervised hierarchy, and their difference.
import { photoSize } from '../data.js'
import { banded, type Scored, standardError } from '../scored.js'
import type { Study } from '../study.js'
import {
  byBlock,
  type HierarchyResult,
  hierarchyPart,
  ofSeed,
  partName,
  protocolOf,
  resultsOf,
  sessionMeans,
} from './hierarchy.js'
import { trainedNotes, trainedPart, trainedResults } from './trained.js'

/** Mean over eight subjects at layers 1, 3, 5, 7, 9, 11 of the authors' 2026 curves: 1,000 images, ventral stream. */
const published = {
  learned: [0.149, 0.201, 0.207, 0.188, 0.169, 0.122],
  random: [0.149, 0.158, 0.109, 0.066, 0.046, 0.02],
}

export const fig2: Study = {
  name: 'passi-fig2',
  source: 'Passi, Robinson, Bonner 2026, figure 2',
  about:
    'how well each block of a hierarchy learned by compression predicts visual neurons, beside a random one and one trained with labels',
  needs: 'photos, and recordings of neurons',
  parts: (scale) =>
    scale.seeds.flatMap((seed) => [
      hierarchyPart(scale, { stem: 'learned', about: 'principal components', options: {}, seed, perClass: 40, repeats: 3 }),
      hierarchyPart(scale, {
        stem: 'random',
        about: 'random mixing',
        options: { components: 'random' },
        seed,
        perClass: 40,
        repeats: 3,
      }),
      trainedPart(scale, { start: 'random', freeze: 0, seed, size: photoSize(scale.quick) }),
    ]),
  report: async (all, scale, { data }) => {
    const learned = resultsOf(all, partName(scale, 'learned'))
    const random = resultsOf(all, partName(scale, 'random'))
    const supervised = trainedResults(all, scale, { start: 'random', freeze: 0, size: photoSize(scale.quick) })
    const curves = [
      { name: 'unsupervised', results: learned as Scored[] },
      { name: 'supervised', results: supervised },
      { name: 'random', results: random },
    ].filter(({ results }) => results.length > 0)
    const x = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
    const [first] = [...learned, ...random, ...supervised]
    const blocks = first?.layers.length ?? 0
    const differences = Array.from({ length: learned.length > 0 && random.length > 0 ? blocks : 0 }, (_, block) => {
      const ours = sessionMeans(learned, block)
      const theirs = sessionMeans(random, block)
      return ours.map((r, i) => r - (theirs[i] as number))
    })
    const mid = Math.min(3, blocks - 1)
    return {
      values: [mid, ...(blocks > 6 ? [6] : [])]
        .flatMap((block) => [
          ...(block === mid
            ? [
                {
                  what: `block ${block + 1}, learned`,
                  ours: learned.map((one) => ofSeed(one, block)),
                  each: byBlock(learned)[block] ?? [],
                },
              ]
            : []),
          {
            what: `block ${block + 1}, learned minus random`,
            ours: learned
              .slice(0, random.length)
              .map((one, i) => ofSeed(one, block) - ofSeed(random[i] as HierarchyResult, block)),
            each: differences[block] ?? [],
          },
        ])
        .map(({ what, ours, each }) => ({
          what,
          unit: 'r',
          published: null,
          ours,
          note:
            each.length > 1
              ? `mean over ${each.length} recordings, standard error ${standardError(each).toFixed(3)}`
              : 'of one recording, without a standard error',
        })),
      charts: [
        {
          file: 'encoding',
          title: 'Encoding score by block',
          alt: 'Correlation of predicted and measured responses against the block, one line a hierarchy, with standard errors over recordings',
          x: { label: 'Block' },
          y: { label: 'r, mean over recordings' },
          series: curves.map(({ name, results }) => ({ name, x: x(blocks), ...banded(byBlock(results)) })),
        },
        ...(differences.length > 0
          ? [
              {
                file: 'difference',
                title: 'Unsupervised minus random',
                alt: 'Difference of the two scores against the block, with standard errors over recordings',
                x: { label: 'Block' },
                y: { label: 'Difference of r' },
                series: [{ name: 'difference', x: x(blocks), ...banded(differences) }],
              },
            ]
          : []),
      ].filter(({ series }) => series.length > 0),
      tables: [
        ...curves.map(({ name, results }) => ({
          caption: `${name}: r of each block (mean over ${results.length} seeds)`,
          columns: ['Recording', ...(results[0] as (typeof results)[0]).layers],
          rows: (results[0] as (typeof results)[0]).recordings.map((recording, at) => [
            recording.name,
            ...recording.r.map((_, block) => (sessionMeans(results, block)[at] as number).toFixed(3)),
          ]),
        })),
        {
          caption: 'The authors’ curves on fMRI at layers 1, 3, 5, 7, 9 and 11 (other responses and images; for their shape)',
          columns: ['Hierarchy', '1', '3', '5', '7', '9', '11'],
          rows: Object.entries(published).map(([name, values]) => [name, ...values]),
        },
      ],
      notes: [...trainedNotes, ...protocolOf(data)],
    }
  },
}
