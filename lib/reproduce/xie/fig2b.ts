// Figure 2b: how brain-like networks are that learn more and more of a scene's latent variables, beside an untrained one and one trained on photos.
import { deviationOf } from '../../eval/correlation.js'
import { mannWhitney } from '../../eval/index.js'
import { average, bars, committedScores, rdmTables } from '../scored.js'
import type { Scale, Study } from '../study.js'
import { allTargets, type LatentPart, latentNotes, latentPart, latentResults } from './latents.js'
import { latentSize as size } from './scale.js'

type Kind = Pick<LatentPart, 'stem' | 'about' | 'learns'>

/** The paper's numbers: mean of four areas, (r / ceiling) squared, read off the figure. */
const published: Record<string, number> = { all: 0.388, 'distance-rotation': 0.381, distance: 0.368, photos: 0.411 }

const kinds: readonly Kind[] = [
  { stem: 'untrained', about: 'as it starts', learns: null },
  { stem: 'distance', about: 'trained on distance', learns: ['distance'] },
  { stem: 'translation', about: 'trained on the place in the image', learns: ['screen'] },
  { stem: 'rotation', about: 'trained on rotation', learns: ['rotation'] },
  { stem: 'distance-rotation', about: 'trained on distance and rotation', learns: ['distance', 'rotation'] },
  { stem: 'category', about: 'trained on categories', learns: ['class'] },
  { stem: 'category-identity', about: 'trained on categories and single objects', learns: ['class', 'identity'] },
  { stem: 'all', about: 'trained on all targets', learns: allTargets },
  { stem: 'photos', about: 'trained on the classes of photos', learns: 'photos' },
]
/** Of a quick run. */
const few = ['untrained', 'distance', 'all']
const kindsOf = ({ quick }: Scale) => (quick ? kinds.filter(({ stem }) => few.includes(stem)) : kinds)

export const fig2b: Study = {
  name: 'xie-fig2b',
  source: 'Xie, Alter, Schwartz, DiCarlo 2024, figure 2b',
  about: 'how well networks that learn latent variables of rendered scenes predict visual neurons, against what they learn',
  needs: 'photos, and recordings of neurons',
  size,
  takes: ['rdms'],
  parts: (scale) => scale.seeds.flatMap((seed) => kindsOf(scale).map((kind) => latentPart(scale, { ...kind, seed }))),
  report: async (all, scale, { data }) => {
    const found = kindsOf(scale)
      .map((kind) => ({ ...kind, results: latentResults(all, scale, kind.stem) }))
      .filter(({ results }) => results.length > 0)
    // Of each seed the mean over recordings.
    const scores = found.map(({ results }) => results.map((one) => average(committedScores(one))))
    const of = (stem: string) => scores[found.findIndex((kind) => kind.stem === stem)] ?? []
    const compared = [
      ['distance', 'untrained'],
      ['distance', 'all'],
      ['all', 'photos'],
    ].flatMap(([a = '', b = '']) => {
      const [own, others] = [of(a), of(b)]
      // One seed a group can tell nothing apart.
      if (own.length < 2 || others.length < 2) return []
      const { u, p } = mannWhitney(own, others)
      return [[`${a} against ${b}`, own.length, others.length, (average(own) - average(others)).toFixed(3), u, p.toFixed(3)]]
    })
    const [distance, everything] = [of('distance'), of('all')]
    const recordings = found[0]?.results[0]?.recordings ?? []
    return {
      values: [
        ...found.map(({ stem, about }, i) => ({
          what: about,
          unit: 'r',
          published: null,
          ours: scores[i] as number[],
          ...(published[stem] === undefined ? {} : { note: `the paper: ${published[stem]} of the explainable variance` }),
        })),
        ...(distance.length > 0 && everything.length > 0
          ? [
              {
                what: 'distance alone, share of what all targets reach',
                unit: '%',
                published: 95,
                qualifier: 'about',
                ours: [(100 * average(distance)) / average(everything)],
              },
            ]
          : []),
      ],
      charts: [],
      bars:
        found.length > 0
          ? [
              {
                file: 'alignment',
                title: 'Alignment with recordings by what is learned',
                alt: 'Correlation of predicted and measured responses, one bar a set of targets, with standard errors over seeds',
                categories: found.map(({ stem }) => stem),
                y: { label: 'r, mean over recordings' },
                series: [bars('r', scores)],
              },
            ]
          : [],
      tables: [
        {
          caption: `r of the layer that the training images chose, mean over seeds`,
          columns: ['Learned', 'Seeds', ...recordings.map(({ name }) => name), 'Mean', 'Standard deviation over seeds'],
          rows: found.map(({ stem, results }, i) => [
            stem,
            results.length,
            ...recordings.map((_, at) => average(results.map((one) => committedScores(one)[at] as number)).toFixed(3)),
            average(scores[i] as number[]).toFixed(3),
            (scores[i] as number[]).length > 1 ? deviationOf(scores[i] as number[]).toFixed(3) : '-',
          ]),
        },
        {
          caption: 'r of each layer, mean over seeds and recordings',
          columns: ['Learned', ...(found[0]?.results[0]?.layers ?? [])],
          rows: found.map(({ stem, results }) => [
            stem,
            ...(results[0]?.layers ?? []).map((_, layer) =>
              average(results.map(({ recordings }) => average(recordings.map(({ r }) => r[layer] as number)))).toFixed(3),
            ),
          ]),
        },
        ...rdmTables(
          'Learned',
          found.map(({ stem: name, results }) => ({ name, results })),
        ),
        {
          caption: 'What they have learned, on scenes of objects that were not trained on: accuracy, or R2; mean over seeds',
          columns: ['Learned', 'Scores'],
          rows: found
            .filter(({ results }) => (results[0]?.heldOut.length ?? 0) > 0)
            .map(({ stem, results }) => [
              stem,
              (results[0]?.heldOut ?? [])
                .map(({ head, measure, chance }, i) => {
                  const value = average(results.map(({ heldOut }) => heldOut[i]?.value as number)).toFixed(3)
                  return `${head} ${value} (${chance === null ? measure : `chance ${chance.toFixed(3)}`})`
                })
                .join(', '),
            ]),
        },
        ...(compared.length > 0
          ? [
              {
                caption: 'Mann-Whitney test over seeds, exact and two-sided',
                columns: ['Groups', 'Seeds', 'Seeds', 'Difference of r', 'U', 'p'],
                rows: compared as (string | number)[][],
              },
            ]
          : []),
      ],
      notes: latentNotes(scale, data),
    }
  },
}
