// Figure 2c: how brain-like networks are that learn distance alone, against the number of rendered images that they learn it from.
import { average, banded, committedScores, rdmTables } from '../scored.js'
import type { Scale, Study } from '../study.js'
import { latentNotes, latentPart, latentResults } from './latents.js'
import { latentScale, latentSize as size } from './scale.js'

/** Numbers of training images, three to a decade and two and a third decades. */
const counts = ({ quick }: Scale): number[] => (quick ? [64, 640] : [100, 200, 500, 1000, 2000, 5000, 10_000, 20_000])
const stemOf = (scale: Scale, images: number) => (images === latentScale(scale).images ? 'distance' : `distance-${images}-images`)

export const fig2c: Study = {
  name: 'xie-fig2c',
  source: 'Xie, Alter, Schwartz, DiCarlo 2024, figure 2c',
  about: 'how well networks that learn the distance of rendered objects predict visual neurons, against the number of images',
  needs: 'photos, and recordings of neurons',
  size,
  takes: ['rdms'],
  parts: (scale) =>
    scale.seeds.flatMap((seed) =>
      counts(scale).map((images) =>
        latentPart(scale, {
          stem: stemOf(scale, images),
          about: `trained on distance of ${images.toLocaleString('en')} images`,
          learns: ['distance'],
          images,
          seed,
        }),
      ),
    ),
  report: async (all, scale, { data }) => {
    const found = counts(scale)
      .map((images) => ({ images, results: latentResults(all, scale, stemOf(scale, images)) }))
      .filter(({ results }) => results.length > 0)
    const alignment = found.map(({ results }) => results.map((one) => average(committedScores(one))))
    const distance = found.map(({ results }) => results.map(({ heldOut }) => heldOut[0]?.value as number))
    const x = found.map(({ images }) => images)
    const chart = (file: string, title: string, label: string, each: number[][]) => ({
      file,
      title,
      alt: `${title} on a logarithmic scale, with standard errors over seeds`,
      x: { label: 'Training images', scale: 'log' as const },
      y: { label },
      series: [{ name: 'distance', x, ...(scale.seeds.length > 1 ? banded(each) : { y: each.map(average) }) }],
    })
    return {
      values: [],
      charts:
        found.length > 1
          ? [
              chart('scaling', 'Alignment with recordings against training images', 'r, mean over recordings', alignment),
              chart('distance', 'Distance of objects that were not trained on', 'R2', distance),
            ]
          : [],
      tables: [
        {
          caption:
            'Mean over seeds: r of the layer that the training images chose, mean over recordings; and R2 of distance on held-out objects',
          columns: ['Images', 'Seeds', 'r', 'Standard error', 'R2 of distance'],
          rows: found.map(({ images, results }, i) => [
            images,
            results.length,
            average(alignment[i] as number[]).toFixed(3),
            results.length > 1
              ? (((banded([alignment[i] as number[]]).high[0] as number) - average(alignment[i] as number[])) as number).toFixed(
                  3,
                )
              : '-',
            average(distance[i] as number[]).toFixed(3),
          ]),
        },
        ...rdmTables(
          'Images',
          found.map(({ images, results }) => ({ name: String(images), results })),
        ),
      ],
      notes: ['All networks see as many minibatches, the smaller sets more often.', ...latentNotes(scale, data)],
    }
  },
}
