// The demo's second part: a hierarchy of wavelet blocks learned by compression, beside the same with random mixing.
import { type Images, selectImages } from '../data/index.js'
import type { Device } from '../device.js'
import { classify, type Score } from '../eval/index.js'
import { trainReadout } from '../features/index.js'
import { type ComponentRecord, fitComponents } from '../learn/index.js'
import { waveletNet } from '../models/index.js'
import { type RunOptions, watched } from '../run/options.js'

export interface DemoHierarchy {
  /** What its components were learned from, without labels, and what the readouts were trained on. */
  images: { components: number; readout: number }
  blocks: ComponentRecord['blocks']
  /** Errors on the test images. */
  learned: Score
  random: Score
}

/** Of the training images, without their labels. */
const componentImages = 400
/** Of the readout. */
const readoutImages = 4000

/** Learns the hierarchy and reads both out. */
export async function demoHierarchy(
  train: Images,
  test: Images,
  seed: number,
  asked: RunOptions & { device: Device },
): Promise<DemoHierarchy> {
  const [count, channels, height, width] = train.shape
  const first = (most: number) =>
    selectImages(
      train,
      Int32Array.from({ length: Math.min(most, count) }, (_, i) => i),
    )
  const [few, labelled] = [await first(componentImages), await first(readoutImages)]
  const config = waveletNet({ net: 'small', channels, image: [height, width] })
  const run = { device: asked.device, ...watched(asked) }
  const judged = async (components: 'learned' | 'random') => {
    const { net, record } = await fitComponents(few, config, components === 'random' ? { components, seed } : { seed }, run)
    using hierarchy = net
    const options = { epochs: 15, learningRates: [3e-3], validation: 0.15, refit: false, seed }
    const { net: read } = await trainReadout(hierarchy, labelled, options, watched(asked))
    using classifier = read
    const { score } = await classify(classifier, test, asked.signal ? { signal: asked.signal } : {})
    return { record, score }
  }
  const learned = await judged('learned')
  const random = await judged('random')
  return {
    images: { components: few.shape[0], readout: labelled.shape[0] },
    blocks: learned.record.blocks,
    learned: learned.score,
    random: random.score,
  }
}
