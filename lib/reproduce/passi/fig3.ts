// Accuracy and encoding score while a hierarchy is trained with labels, from random mixing and from components.
import { average } from '../scored.js'
import type { Study } from '../study.js'
import { protocolOf } from './hierarchy.js'
import { type Start, trainedSize as size, type TrainedResult, trainedNotes, trainedPart, trainedResults } from './trained.js'

const starts = ['learned', 'random'] as const satisfies readonly Start[]
const title: Record<Start, string> = { learned: 'from components', random: 'from random mixing' }

export const fig3: Study = {
  name: 'passi-fig3',
  source: 'Passi, Bonner 2026, figure 3',
  about: 'accuracy and encoding score over the epochs of training with labels, with and without unsupervised start',
  needs: 'photos, and recordings of neurons',
  size,
  parts: (scale) => scale.seeds.flatMap((seed) => starts.map((start) => trainedPart(scale, { start, freeze: 0, seed, size }))),
  report: async (all, scale, { data }) => {
    const found = starts
      .map((start) => ({ name: title[start], results: trainedResults(all, scale, { start, freeze: 0, size }) }))
      .filter(({ results }) => results.length > 0)
    const epochs = (results: readonly TrainedResult[]) => results[0]?.epochs ?? []
    const accuracy = (results: readonly TrainedResult[], at: number) =>
      average(results.map((one) => one.epochs[at]?.accuracy ?? Number.NaN))
    const score = (results: readonly TrainedResult[], at: number, block: number) =>
      average(results.map((one) => one.epochs[at]?.r?.[block] ?? Number.NaN))
    const scoredAt = (results: readonly TrainedResult[]) => epochs(results).flatMap(({ r }, at) => (r ? [at] : []))
    const [first] = found.flatMap(({ results }) => results)
    const watched = first?.watched ?? []
    return {
      values: found.flatMap(({ name, results }) => [
        {
          what: `accuracy at the end, ${name}`,
          unit: '%',
          published: null,
          ours: results.map(({ epochs }) => 100 * (epochs.at(-1)?.accuracy ?? Number.NaN)),
        },
        ...watched.map((block, i) => ({
          what: `r of ${block} at the end, ${name}`,
          unit: 'r',
          published: null,
          ours: results.map(({ epochs }) => epochs.at(-1)?.r?.[i] ?? Number.NaN),
          note: `before training ${score(results, 0, i).toFixed(3)}`,
        })),
      ]),
      charts: first
        ? [
            {
              file: 'accuracy',
              title: 'Test accuracy over training with labels',
              alt: 'Share of test images told right against the epoch, one line a start',
              x: { label: 'Epoch' },
              y: { label: 'Accuracy', min: 0 },
              series: found.map(({ name, results }) => ({
                name,
                x: epochs(results)
                  .slice(1)
                  .map(({ epoch }) => epoch),
                y: epochs(results)
                  .slice(1)
                  .map((_, i) => accuracy(results, i + 1)),
              })),
              references: [{ value: 1 / first.classes, label: 'chance' }],
            },
            {
              file: 'encoding',
              title: 'Encoding score over training with labels',
              alt: 'Correlation of predicted and measured responses against the epoch, one line a start and block',
              x: { label: 'Epoch' },
              y: { label: 'r, mean over recordings' },
              series: found.flatMap(({ name, results }) =>
                watched.map((block, i) => ({
                  name: `${block} ${name}`,
                  x: scoredAt(results).map((at) => epochs(results)[at]?.epoch as number),
                  y: scoredAt(results).map((at) => score(results, at, i)),
                })),
              ),
            },
          ]
        : [],
      tables: [
        ...found.map(({ name, results }) => ({
          caption: `${name} (mean over ${results.length} seeds)`,
          columns: ['Epoch', 'Training loss', 'Test accuracy', ...watched.map((block) => `r of ${block}`)],
          rows: epochs(results).map(({ epoch, trainLoss, r }, at) => [
            epoch,
            trainLoss === null ? '' : trainLoss.toFixed(3),
            at === 0 ? '' : accuracy(results, at).toFixed(3),
            ...watched.map((_, i) => (r ? score(results, at, i).toFixed(3) : '')),
          ]),
        })),
        {
          caption: 'The authors’ numbers: mini-ImageNet of 100 classes, 150 epochs; r of layer 10 on fMRI (for their course)',
          columns: ['Start', 'r before', 'r after', 'Accuracy after'],
          rows: [
            ['components', '.171', 'about .27', 'about .67'],
            ['random', '.032', 'about .27', 'about .655'],
          ],
        },
      ],
      notes: [...trainedNotes, ...protocolOf(data)],
    }
  },
}
