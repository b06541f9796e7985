// Small forms of every network that the commands train, and of images, for tests of what is done with networks.
import {
  convNet,
  type LayerSpecInput,
  type LocalNetOptions,
  localNet,
  Network,
  type NetworkConfigInput,
  resNet18,
  waveletNet,
} from '../../lib/models/index.js'
import { normals, uniform } from '../ops/proof.js'

export const volume = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

/** Pixels of smooth contrast, some images with a black corner and a grey one: zero patches, and constant ones. */
export function pictures(seed: number, [N, C, H, W]: [number, number, number, number]): Float32Array {
  const noise = normals(seed, N * C * H * W)
  return Float32Array.from(noise, (v, i) => {
    const [row, column] = [Math.floor(i / W) % H, i % W]
    if (row < H / 2 && column < W / 2) return 0
    if (row > H / 2 && column > W / 2) return 0.3
    return Math.min(1, Math.max(0, 0.5 + 0.2 * v))
  })
}

/** A network whose running statistics and scales are not those of its start. */
export async function network(layers: LayerSpecInput[], image: [number, number], channels = 3, seed = 1): Promise<Network> {
  return moved({ kind: 'network', name: 'test', channels, image, layers }, seed)
}
export async function moved(config: NetworkConfigInput, seed = 1): Promise<Network> {
  const first = new Network(config, { seed, init: 'he' })
  const state = await first.state()
  first.dispose()
  const next = uniform(seed)
  for (const [name, { data }] of state)
    if (/\.(gamma|beta|mean|variance|std|bias)$/.test(name))
      (data as Float32Array).forEach((_, i) => {
        ;(data as Float32Array)[i] = /gamma|variance|std/.test(name) ? 0.5 + next() : 0.4 * (next() - 0.5)
      })
  return new Network(config, { state })
}

/** Rows of norm 1. */
export function unitRows(shape: readonly number[], seed: number): Float32Array {
  const data = Float32Array.from(normals(seed, volume(shape)), (v) => 0.2 + v)
  const taps = volume(shape.slice(1))
  for (let at = 0; at < data.length; at += taps) {
    const row = data.subarray(at, at + taps)
    const length = Math.hypot(...row)
    row.forEach((v, t) => {
      row[t] = v / length
    })
  }
  return data
}

/** A small local network with filters of norm 1. */
export async function smallLocal(
  change: Partial<LocalNetOptions> = {},
  filters: (shape: readonly number[], seed: number) => Float32Array = unitRows,
): Promise<Network> {
  const block = { window: 4, units: 12, power: 12, pool: { size: 5, stride: 3 } }
  const config = localNet({ channels: 3, image: [32, 32], blocks: [block], classes: ['a', 'b', 'c'], ...change })
  using first = new Network(config)
  const state = await first.state()
  let seed = 1
  for (const [name, tensor] of state) {
    const spread = name.startsWith('readout') || name.endsWith('bias') ? 0.1 : 0.3
    const own = /readout|whiten/.test(name)
      ? Float32Array.from(normals(seed++, volume(tensor.shape)), (v) => v * spread)
      : filters(tensor.shape, seed++)
    state.set(name, { ...tensor, data: own })
  }
  return new Network(config, { state })
}

const blocks = (units: number, power: number) =>
  [3, 4, 5, 7, 8].map((window) => ({ window, units, power, pool: { size: 9, stride: 5 } }))
const classes = ['a', 'b', 'c', 'd']
export const networks: Record<string, () => Promise<Network>> = {
  'a twin of one block': async () =>
    moved(
      convNet({
        channels: 3,
        image: [32, 32],
        classes,
        blocks: [{ window: 4, units: 20, pool: { size: 11, stride: 3, padding: 5 } }],
      }),
    ),
  'a twin of five blocks': async () => moved(convNet({ channels: 3, image: [32, 32], classes, blocks: blocks(8, 1) })),
  'NNL-CONV trained end to end': async () =>
    moved(convNet({ channels: 3, image: [32, 32], classes, blocks: blocks(6, 10), normalise: 'patch' })),
  'a twin on standardised images': async () =>
    moved(
      convNet({
        channels: 3,
        image: [32, 32],
        classes,
        blocks: [{ window: 5, units: 12, pool: { size: 9, stride: 3 } }],
        standardise: true,
      }),
    ),
  'ResNet-18': async () => moved(resNet18({ image: [32, 32], classes })),
  'ResNet-18 of several heads': async () =>
    moved(
      resNet18({
        image: [32, 32],
        heads: [
          { name: 'class', loss: 'softmax', classes },
          { name: 'angle', loss: 'mse', outputs: 2 },
        ],
        standardise: true,
      }),
    ),
  'a wavelet network': async () => moved(waveletNet({ image: [32, 32], net: 'small', classes })),
  'a local network': () => smallLocal(),
  'a local network without a readout': () => smallLocal({ classes: [] }),
  'a local network of centred, whitened and plain blocks on a trunk': () =>
    smallLocal({
      trunk: [{ window: 3, units: 10, power: 2, centre: true, pool: { size: 2, stride: 2 } }],
      blocks: [
        { window: 3, units: 9, power: 3, pool: { size: 4, stride: 2 } },
        { window: 4, units: 8, power: 4, centre: true, pool: { size: 3, stride: 3 } },
        { window: 5, units: 11, power: 2, pool: { size: 5, stride: 1 }, whiten: { after: 'norm', components: 6 } },
        { window: 2, units: 5, power: 1, normalise: 'none', pool: { size: 5, stride: 5 } },
      ],
    }),
}
