// Figure 3: the same networks on images in shadow.
import { type Images, inMemory, selectImages } from '../../data/index.js'
import { applyShadow } from '../../light/index.js'
import { paperShadow } from '../networks.js'
import type { Study } from '../study.js'
import { errors, local, openChoices, paper, quickName, results, shadowErrors, twin } from './parts.js'
import { fiveBlocks } from './settings.js'

const pixels = async (images: Images): Promise<Uint8Array> => (await inMemory(images)).pixels

export const fig3: Study = {
  name: 'grinberg-fig3',
  source: `${paper}, figure 3`,
  about: 'five blocks, local and end to end, on test images with 80 % of each in a shadow of 0.3',
  needs: 'labelled images: train and test',
  parts: (scale) => [
    ...scale.seeds.map((seed) => local(scale, 'local-five', fiveBlocks, seed)),
    ...scale.seeds.map((seed) => twin(scale, 'twin-five', fiveBlocks, seed)),
  ],
  report: async (all, scale, { data }) => {
    const ours = results(all, quickName(scale, 'local-five'))
    const theirs = results(all, quickName(scale, 'twin-five'))
    const some = await selectImages(
      data.test,
      Int32Array.from({ length: Math.min(12, data.test.shape[0]) }, (_, i) => i),
    )
    const shaded = await applyShadow(some, paperShadow)
    return {
      values: [
        { what: 'patch normalisation, raw images', unit: '%', published: 23, qualifier: 'about', ours: errors(ours) },
        { what: 'standard CONV, raw images', unit: '%', published: 23, qualifier: 'about', ours: errors(theirs) },
        { what: 'patch normalisation, shadowed images', unit: '%', published: 28, qualifier: 'about', ours: shadowErrors(ours) },
        { what: 'standard CONV, shadowed images', unit: '%', published: 50, qualifier: 'more than', ours: shadowErrors(theirs) },
      ],
      charts: [],
      tables: [],
      pictures: [
        {
          file: 'shadows',
          title: 'Test images as they are, and with I(x, y) = 0.3 over 80 %',
          rows: [
            { label: 'raw', images: await pixels(some) },
            { label: 'shadowed', images: await pixels(shaded) },
          ],
          shape: some.shape,
        },
      ],
      notes: [
        'The shadow is a half-plane of a seeded direction, the same for every network; the shaded pixels are rounded to bytes again.',
        ...openChoices,
      ],
    }
  },
}
