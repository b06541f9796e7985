// Every recipe on small images, as a function of images and run options whose results can be compared.
import {
  type ComponentOptions,
  convNet,
  type FilterOptions,
  fitComponents,
  type Images,
  type LocalOptions,
  labelsOf,
  learnFilters,
  localNet,
  Network,
  type RunOptions,
  type SupervisedOptions,
  trainLocal,
  trainReadout,
  trainSupervised,
  waveletNet,
} from '../../lib/index.js'
import { digests } from './digests.js'

/** Side of the images. */
export const size = 20
/** Bytes of 40 images. */
export const reservoir = 40 * 3 * size * size

/** What a recipe gives, as something to compare. */
export type Recipe = (images: Images, run: RunOptions) => Promise<unknown>

export const filters =
  (options: FilterOptions): Recipe =>
  async (images, run) => {
    const learned = await learnFilters(images, { units: 10, window: 4, batch: 80, steps: 90, seed: 3, ...options }, run)
    using own = learned.filters
    return { weights: Array.from((await own.read()).data), health: learned.health, history: learned.history }
  }
export const local =
  (options: LocalOptions): Recipe =>
  async (images, run) => {
    const { net, record } = await trainLocal(images, options, run)
    using own = net
    return { state: digests(await own.state()), errors: record.readout?.candidates.map(({ validationError }) => validationError) }
  }
export const supervised =
  (options: SupervisedOptions, standardise = false): Recipe =>
  async (images, run) => {
    const blocks = [{ window: 4, units: 6, pool: { size: 7, stride: 5 } }]
    const config = convNet({ channels: 3, image: [size, size], classes: labelsOf(images)?.classes ?? [], blocks, standardise })
    const { net, record } = await trainSupervised(
      images,
      config,
      { epochs: 3, batch: 16, validation: 0.25, seed: 3, ...options },
      run,
    )
    using own = net
    return { state: digests(await own.state()), curve: record.curve.map(({ seconds: _, ...epoch }) => epoch) }
  }
export const readout =
  (memoryLimit: number | null): Recipe =>
  async (images, run) => {
    const blocks = [{ window: 4, units: 8, power: 3, pool: { size: 7, stride: 5 } }]
    using net = new Network(localNet({ channels: 3, image: [size, size], blocks }), { seed: 4 })
    const options = { epochs: 3, batch: 16, validation: 0.25, learningRates: [1e-3, 1e-2], memoryLimit }
    const trained = await trainReadout(net, images, options, run)
    using own = trained.net
    return { state: digests(await own.state()), errors: trained.candidates.map(({ validationError }) => validationError) }
  }

export const components =
  (options: ComponentOptions): Recipe =>
  async (images, run) => {
    const config = waveletNet({ image: [size, size], units: [8, 10, 12], orientations: 4 })
    const { net, record } = await fitComponents(images, config, { batch: 20, seed: 3, ...options }, run)
    using own = net
    return { state: digests(await own.state()), blocks: record.blocks.map(({ seconds: _, ...block }) => block) }
  }

export const blockFilters = { units: 8, window: 4, steps: 60, batch: 80 }
export const stack: LocalOptions = {
  filters: blockFilters,
  trunk: [{ power: 5 }, { filters: { window: 2, rule: 'softhebb' } }],
  blocks: [{ filters: { window: 2 }, pool: { size: 2, stride: 1 } }, { filters: { window: 1 } }],
  readout: { epochs: 3, batch: 16, validation: 0.25 },
  seed: 5,
}
