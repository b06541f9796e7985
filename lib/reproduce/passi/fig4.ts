// What is lost when the first blocks keep what they learned without labels, or their random mixing, while the others are trained with labels.
import { average } from '../scored.js'
import type { Study } from '../study.js'
import { protocolOf } from './hierarchy.js'
import { type Start, trainedSize as size, trainedNotes, trainedPart, trainedResults } from './trained.js'

const starts = ['learned', 'random'] as const satisfies readonly Start[]
const title: Record<Start, string> = { learned: 'components', random: 'random mixing' }
/** Numbers of the first blocks that stay as they are. */
const frozen = (quick: boolean): number[] => (quick ? [0, 2, 4] : [0, 2, 4, 6, 8])

export const fig4: Study = {
  name: 'passi-fig4',
  source: 'Passi, Bonner 2026, figure 4',
  about: 'accuracy and encoding score after training with labels, the first blocks frozen as they were learned without',
  needs: 'photos, and recordings of neurons',
  size,
  parts: (scale) =>
    scale.seeds.flatMap((seed) =>
      frozen(scale.quick).flatMap((freeze) => starts.map((start) => trainedPart(scale, { start, freeze, seed, size }))),
    ),
  report: async (all, scale, { data }) => {
    const rows = starts
      .map((start) => ({
        name: title[start],
        each: frozen(scale.quick)
          .map((freeze) => ({ freeze, results: trainedResults(all, scale, { start, freeze, size }) }))
          .filter(({ results }) => results.length > 0)
          .map(({ freeze, results }) => {
            const last = results.map(({ epochs }) => epochs.at(-1))
            const [first] = results
            return {
              freeze,
              chance: 1 / (first?.classes ?? 1),
              watched: first?.watched ?? [],
              accuracy: average(last.map((epoch) => epoch?.accuracy ?? Number.NaN)),
              r: (first?.watched ?? []).map((_, i) => average(last.map((epoch) => epoch?.r?.[i] ?? Number.NaN))),
            }
          }),
      }))
      .filter(({ each }) => each.length > 0)
    const [first] = rows[0]?.each ?? []
    const end = Math.max(0, (first?.watched.length ?? 0) - 1)
    const line = (y: (one: (typeof rows)[number]['each'][number]) => number) =>
      rows.map(({ name, each }) => ({ name, x: each.map(({ freeze }) => freeze), y: each.map(y) }))
    return {
      values: rows.flatMap(({ name, each }) =>
        each.map(({ freeze, accuracy }) => ({
          what: `accuracy, first ${freeze} blocks frozen, ${name}`,
          unit: '%',
          published: null,
          ours: [100 * accuracy],
        })),
      ),
      charts: first
        ? [
            {
              file: 'accuracy',
              title: 'Test accuracy with the first blocks frozen',
              alt: 'Share of test images told right against the number of frozen blocks, one line a start',
              x: { label: 'Frozen blocks' },
              y: { label: 'Accuracy', min: 0 },
              series: line(({ accuracy }) => accuracy),
              references: [{ value: first.chance, label: 'chance' }],
            },
            {
              file: 'encoding',
              title: `Encoding score of ${first.watched[end]} with the first blocks frozen`,
              alt: 'Correlation of predicted and measured responses against the number of frozen blocks, one line a start',
              x: { label: 'Frozen blocks' },
              y: { label: 'r, mean over recordings' },
              series: line(({ r }) => r[end] as number),
            },
          ]
        : [],
      tables: rows.map(({ name, each }) => ({
        caption: `${name}, after training (mean over seeds)`,
        columns: ['Frozen blocks', 'Test accuracy', ...(each[0]?.watched ?? []).map((block) => `r of ${block}`)],
        rows: each.map(({ freeze, accuracy, r }) => [freeze, accuracy.toFixed(3), ...r.map((value) => value.toFixed(3))]),
      })),
      notes: [
        'The authors’ accuracy on mini-ImageNet with the first half frozen: about .62 from components, about .37 from random mixing.',
        ...trainedNotes,
        ...protocolOf(data),
      ],
    }
  },
}
