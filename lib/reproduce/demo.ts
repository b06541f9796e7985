// The main jobs on images that it makes itself: learn filters without labels, read them out, compare with filters that learned nothing and with
// chance, and test all of them in a shadow; learn a hierarchy by compression; render objects in space and learn how far they are.
import { z } from 'zod'
import { type Images, labelsOf } from '../data/index.js'
import type { Device } from '../device.js'
import { classify, type Score } from '../eval/index.js'
import type { ReadoutOptions } from '../features/index.js'
import { type FilterOptions, type LocalRecord, trainLocal } from '../learn/index.js'
import { localCurves } from '../learn/local_record.js'
import { applyShadow } from '../light/index.js'
import { localBlocks, type Network } from '../models/index.js'
import { parseOptions, seed, whole } from '../options.js'
import { finishFolder, inFolder } from '../run/folder.js'
import { checkRun, type RunOptions, watched } from '../run/options.js'
import { startPhase } from '../run/progress.js'
import { renderSet } from '../scene/index.js'
import { type DemoHierarchy, demoHierarchy } from './demo_hierarchy.js'
import { type DemoScenes, demoScenes } from './demo_scenes.js'

export const demoOptions = z.strictObject({
  train: whole(100).default(10_000).describe('training images'),
  test: whole(8).default(2000).describe('test images'),
  units: whole(2).default(128).describe('K: filters'),
  window: whole(1).default(5).describe('W: side of the filters, in pixels'),
  steps: whole(1).default(4000).describe('minibatches that filters learn from'),
  scenes: whole(50).default(4000).describe('rendered objects of which the distance is learned'),
  seed: seed.default(0).describe('of images, filters, readouts and networks'),
})

export type DemoOptions = z.input<typeof demoOptions>

/** One network of the demo on the test images. */
export interface DemoNetwork {
  name: string
  /** n of the rectified power, chosen on the validation split. */
  power: number
  plain: Score
  shadowed: Score
}

export interface DemoResult {
  /** That of the learned filters; the caller's to dispose of. */
  net: Network
  record: LocalRecord
  images: { train: number; test: number; classes: readonly string[] }
  /** Learned filters, then those that learned nothing. */
  networks: DemoNetwork[]
  /** Error of guessing, as a share. */
  chance: number
  hierarchy: DemoHierarchy
  scenes: DemoScenes
}

// Each network's power is chosen on its own validation split: steep powers suit learned filters and silence random ones.
const readout: ReadoutOptions = {
  powers: [4, 10, 20, 40],
  poolSize: 9,
  poolStrides: [4],
  epochs: 15,
  validation: 0.15,
  refit: false,
}

/**
 * Runs the demo.
 * @param run `out`: the learned network and its record are written there; `onPlan` is told what was done
 */
export async function runDemo(options: DemoOptions = {}, run: RunOptions = {}): Promise<DemoResult> {
  const asked = checkRun('runDemo', run)
  const settings = parseOptions('runDemo', demoOptions, options)
  return inFolder('runDemo', { ...asked, resume: true }, () => demonstrate(settings, asked))
}

async function demonstrate(
  { train: trained, test: tested, units, window, steps, scenes, seed }: z.output<typeof demoOptions>,
  asked: RunOptions & { device: Device },
): Promise<DemoResult> {
  const { device, onPlan } = asked
  const watch = watched(asked)
  const made = async (what: string, first: number, count: number): Promise<Images> => {
    const report = startPhase(what, 'images', count, 0, asked.onProgress)
    const signal = asked.signal ? { signal: asked.signal } : {}
    return renderSet({ count, first, seed, ...signal, onProgress: ({ done }) => report(done) })
  }
  const train = await made('training images', 0, trained)
  const test = await made('test images', trained, tested)
  const dark = await applyShadow(test, { seed })
  const { classes = [] } = labelsOf(train) ?? {}
  onPlan?.(`made ${trained} training and ${tested} test images of ${classes.length} shapes: ${classes.join(', ')}`)

  const learn = (filters: FilterOptions) =>
    trainLocal(train, { filters: { units, window, ...filters }, readout, seed }, { device, ...watch })
  const networks: DemoNetwork[] = []
  const judge = async (name: string, net: Network): Promise<void> => {
    const on = async (images: Images) => (await classify(net, images, asked.signal ? { signal: asked.signal } : {})).score
    const [block] = localBlocks(net.config).blocks
    networks.push({ name, power: block?.power ?? Number.NaN, plain: await on(test), shadowed: await on(dark) })
  }
  const { net, record } = await learn({ steps })
  try {
    await judge('learned filters', net)
    for (const [name, rule] of [
      ['random patches', 'patches'],
      ['random numbers', 'random'],
    ] as const) {
      // Another seed: the learned filters began as the patches of this one.
      using unlearned = (await learn({ rule, seed: seed + 1 })).net
      await judge(name, unlearned)
    }
    const hierarchy = await demoHierarchy(train, test, seed, asked)
    const rendered = await demoScenes(scenes, seed, asked)
    if (asked.out) await finishFolder(asked.out, net, record, localCurves(record))
    const images = { train: trained, test: tested, classes }
    return { net, record, images, networks, chance: 1 - 1 / classes.length, hierarchy, scenes: rendered }
  } catch (error) {
    net.dispose()
    throw error
  }
}
