// The demo's third part: rendered objects of known distance, and a network that learns it from them.
import type { Device } from '../device.js'
import { type TransferScore, transfer } from '../eval/index.js'
import { resNet18 } from '../models/index.js'
import { type RunOptions, watched } from '../run/options.js'
import { type SolidScenes, solidScenes } from '../scene/index.js'
import { Tensor } from '../tensor.js'
import { targetHeads, trainSupervised } from '../train/index.js'

export interface DemoScenes {
  categories: number
  images: { train: number; test: number }
  /** R2 of the distance on scenes of objects that it was not trained on. */
  distance: TransferScore
  /** Some of those, larger than the network sees them: bytes [N,3,H,W], what they show, how far it is, and how far the network says. */
  samples: { pixels: Uint8Array; shape: readonly [number, number, number, number]; each: DemoSample[] }
}

export interface DemoSample {
  category: string
  /** Metres. */
  distance: number
  said: number
}

const size = 32
const sampled = { count: 8, size: 96 }
/** Of compact objects, whose size in the image says most of how far they are. */
const categories = ['apple', 'barrel', 'bucket', 'globe', 'mug', 'pumpkin', 'teapot', 'vase']
/** Every category has objects 0 to 3 for training, and 4 to be tested on. */
const [trainedObjects, heldOutObjects] = [[0, 1, 2, 3], [4]]

/** Renders scenes, trains a small ResNet-18 on their distances and tests it. */
export async function demoScenes(count: number, seed: number, asked: RunOptions & { device: Device }): Promise<DemoScenes> {
  const { device, signal } = asked
  const shared = { size, device, categories, ...(signal ? { signal } : {}) }
  using train = await solidScenes({ ...shared, count, seed, instances: trainedObjects })
  const heldOut = { seed: seed + 1, instances: heldOutObjects }
  using test = await solidScenes({ ...shared, ...heldOut, count: Math.ceil(count / 4) })
  const heads = targetHeads(train, { targets: ['distance'] })
  const config = resNet18({ image: [size, size], width: 8, standardise: true, heads })
  const optimiser = { kind: 'adam', learningRate: 3e-3 } as const
  const options = { epochs: 8, batch: 50, validation: 0, keep: 'last', optimiser, seed } as const
  const { net } = await trainSupervised(train, config, options, { device, ...watched(asked) })
  using trained = net
  const { scores } = await transfer(trained, test, signal ? { signal } : {})
  // The same scenes as the first of the test: size is no part of what they are.
  using large = await solidScenes({ ...shared, ...heldOut, ...sampled })
  const rows = Int32Array.from({ length: sampled.count }, (_, i) => i)
  using input = Tensor.from(await test.rows(rows), { shape: [sampled.count, 3, size, size], device })
  using y = await trained.infer(input)
  const [head] = trained.heads
  const said = (await y.read()).data as Float32Array
  return {
    categories: categories.length,
    images: { train: count, test: test.shape[0] },
    distance: scores[0] as TransferScore,
    samples: {
      pixels: await large.rows(rows),
      shape: large.shape,
      each: Array.from(rows, (row) => ({
        category: nameOf(test, row),
        distance: test.targets.distance?.values[row] as number,
        said: (head?.mean ?? 0) + (head?.deviation ?? 1) * (said[row] as number),
      })),
    },
  }
}

function nameOf({ targets }: SolidScenes, row: number): string {
  const column = targets.class
  return column?.kind === 'class' ? (column.classes[column.values[row] as number] as string) : ''
}
