// Every recipe from images that are decoded as they are read: the bits that it gives from the same images in memory.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { channelStatistics, computeWhitening, dataPatches, ruleNames, setThreads, threads } from '../../lib/index.js'
import { blockFilters, components, filters, local, type Recipe, readout, reservoir, size, stack, supervised } from './recipes.js'
import { makePair, type Pair } from './sources.js'

let folder: string
let pair: Pair
const before = threads()
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'striate-streamed-'))
  pair = await makePair(join(folder, 'images'), 144, size)
})
afterAll(() => {
  setThreads(before)
  rmSync(folder, { recursive: true, force: true })
})

const recipes: Record<string, Recipe> = {
  ...Object.fromEntries(ruleNames.map((rule) => [`filters by ${rule}`, filters({ rule })])),
  ...Object.fromEntries(
    ruleNames.map((rule) => [
      `filters by ${rule}, whitened to ten`,
      filters({ rule, whiten: { after: 'centred-norm', keep: 10 } }),
    ]),
  ),
  ...Object.fromEntries(ruleNames.map((rule) => [`filters by ${rule}, of three reservoirs`, filters({ rule, reservoir })])),
  'filters with new rows for dead units, of three reservoirs': filters({
    ...{ units: 60, init: 'normal', antiHebbian: 0.05, dead: 'reseed', steps: 120, reservoir },
  }),
  'a local network on a trunk of two': local(stack),
  // Reservoirs of the maps as of the images: those of the second layer, 8 x 8 x 8, lie in more than one too.
  'a local network on a trunk of two, of small reservoirs': local({ ...stack, filters: { ...blockFilters, reservoir: 20_000 } }),
  'a whitened local network': local({
    filters: { ...blockFilters, dead: 'reseed', whiten: { after: 'norm' }, reservoir },
    readout: { epochs: 2, batch: 16 },
  }),
  'a readout of cached features': readout(null),
  'a readout of recomputed features': readout(20_000),
  'components of a wavelet network': components({}),
  'components of pixels': components({ statistics: 'pixels' }),
  'a network trained end to end': supervised({}),
  'a network trained end to end on crops and mirror images': supervised({ augment: { crop: 3, flip: true } }),
  'a network trained end to end on resized parts': supervised({ augment: { crop: 1, resizedCrop: 0.2 } }),
  'a network trained end to end on standardised images': supervised({ augment: { crop: 0, flip: true } }, true),
  whitening: async (images) => [
    await computeWhitening(images, { window: 3, seed: 2 }),
    await computeWhitening(images, { window: 3, seed: 2, reservoir }),
  ],
  'patches of the data': async (images) => [
    await dataPatches(images, 30, { window: 5, seed: 2 }),
    await dataPatches(images, 30, { window: 5, seed: 2, reservoir }),
  ],
  'statistics of the channels': (images) => channelStatistics(images),
}

describe('from a disk', () => {
  it.each(Object.entries(recipes))('%s: the same bits as from memory, whatever the number of threads', async (_, recipe) => {
    setThreads(1)
    const expected = await recipe(pair.memory, {})
    setThreads(2)
    expect(await recipe(pair.disk, {})).toEqual(expected)
  })

  it('different reservoirs are different patches', async () => {
    expect(await filters({ reservoir })(pair.memory, {})).not.toEqual(await filters({})(pair.memory, {}))
  })
})
