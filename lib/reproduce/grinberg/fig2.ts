// Figure 2: one block and five, learned locally and end to end.
import type { Study, Value } from '../study.js'
import { curves, errors, local, openChoices, paper, quickName, results, twin } from './parts.js'
import { fiveBlocks, singleBlock } from './settings.js'

export const fig2: Study = {
  name: 'grinberg-fig2',
  source: `${paper}, figure 2`,
  about: 'one block and five blocks, learned locally and end to end: test errors, and error against supervised training time',
  needs: 'labelled images: train and test',
  parts: (scale) => [
    ...scale.seeds.map((seed) => local(scale, 'local-one', [singleBlock], seed)),
    ...scale.seeds.map((seed) => twin(scale, 'twin-one', [singleBlock], seed)),
    ...scale.seeds.map((seed) => local(scale, 'local-five', fiveBlocks, seed)),
    ...scale.seeds.map((seed) => twin(scale, 'twin-five', fiveBlocks, seed)),
  ],
  report: async (all, scale) => {
    const of = (stem: string) => results(all, quickName(scale, stem))
    const value = (what: string, published: number, stem: string, qualifier?: string): Value => ({
      what,
      unit: '%',
      published,
      ours: errors(of(stem)),
      ...(qualifier ? { qualifier } : {}),
    })
    const chart = (file: string, title: string, level: number, a: string, b: string) => ({
      file,
      title: `${title}: local on validation, end to end on test images`,
      alt: `${title}: error against seconds of supervised training, of the local network, whose readout alone is trained so, on its validation split, of the network trained end to end on the test images`,
      x: { label: 'Seconds of supervised training' },
      y: { label: 'Held-out error, %' },
      series: curves([
        ['local', of(a)],
        ['end to end', of(b)],
      ]),
      references: [{ value: level, label: 'paper, local, %' }],
    })
    return {
      values: [
        value('one block, local learning: test error', 27.8, 'local-one'),
        value('one block, end to end: test error', 27.11, 'twin-one'),
        value('five blocks, local learning: test error', 23, 'local-five', 'about'),
        value('five blocks, end to end: test error', 23, 'twin-five', 'about'),
      ],
      charts: [
        chart('one-block', 'One block', 27.8, 'local-one', 'twin-one'),
        chart('five-blocks', 'Five blocks', 23, 'local-five', 'twin-five'),
      ].filter((c) => c.series.length > 0),
      tables: [],
      notes: [
        'The curves: a local network on its validation split (its readout is then trained again on all images, and tested once); an end-to-end network on the test images after every epoch, which nothing is chosen by.',
        'End-to-end networks of standard CONV layers see images of which each channel has mean 0 and deviation 1 over the training set; the paper does not say what its networks see.',
        ...openChoices,
      ],
    }
  },
}
