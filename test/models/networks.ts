// Small forms of every network that the commands train, and of images, for tests of what is done with networks.
import {
  convNet,
  type LayerSpecInput,
  type LocalBlock,
  LocalNet,
  type LocalNetConfig,
  Network,
  type NetworkConfigInput,
  resNet18,
  Tensor,
} from '../../lib/index.js'
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
  return moved({ kind: 'network', name: 'test', channels, image, layers, classes: [] }, seed)
}
export async function moved(config: NetworkConfigInput, seed = 1): Promise<Network> {
  const first = new Network(config, { seed, init: 'he' })
  const state = await first.state()
  first.dispose()
  const next = uniform(seed)
  for (const [name, { data }] of state)
    if (/\.(gamma|beta|mean|variance|bias)$/.test(name))
      (data as Float32Array).forEach((_, i) => {
        ;(data as Float32Array)[i] = /gamma|variance/.test(name) ? 0.5 + next() : 0.4 * (next() - 0.5)
      })
  return new Network(config, { state })
}

export function unitFilters(shape: readonly number[], seed: number): Tensor {
  const data = Float32Array.from(normals(seed, volume(shape)), (v) => 0.2 + v)
  const taps = volume(shape.slice(1))
  for (let at = 0; at < data.length; at += taps) {
    const row = data.subarray(at, at + taps)
    const length = Math.hypot(...row)
    row.forEach((v, t) => {
      row[t] = v / length
    })
  }
  return Tensor.from(data, { shape })
}

/** Small forms of the networks that the commands train. */
export function localNet(
  change: Partial<LocalNetConfig>,
  options: { readout?: boolean; filters?: (shape: number[]) => Tensor } = {},
): LocalNet {
  const block = { window: 4, units: 12, power: 12, normalise: 'patch', centre: false, pool: { size: 5, stride: 3 } } as const
  const config: LocalNetConfig = {
    kind: 'local',
    channels: 3,
    image: [32, 32],
    trunk: [],
    blocks: [block],
    classes: ['a', 'b', 'c'],
    ...change,
  }
  let seed = 1
  const random = (shape: number[], spread: number) =>
    Tensor.from(
      Float32Array.from(normals(seed++, volume(shape)), (v) => v * spread),
      { shape },
    )
  const filters = options.filters ?? ((shape: number[]) => unitFilters(shape, seed++))
  let channels = config.channels
  const weights = (block: LocalBlock) => {
    const { window, whitened, units } = block
    const shape = [whitened ?? channels, channels, window, window]
    if (whitened)
      return {
        filters: filters([units, whitened, 1, 1]),
        whitening: { weight: random(shape, 0.3), bias: random([whitened], 0.1) },
      }
    return { filters: filters([units, channels, window, window]) }
  }
  const trunk = config.trunk.map((block) => {
    const made = weights(block)
    channels = block.units
    return made
  })
  const blocks = config.blocks.map(weights)
  const bare = new LocalNet({ ...config, classes: [] }, { trunk, blocks })
  if (options.readout === false) return bare
  const features = bare.features(Tensor.from(new Float32Array(3 * 32 * 32), { shape: [1, 3, 32, 32] })).size
  return new LocalNet(config, { trunk, blocks }, { w: random([3, features], 0.1), b: random([3], 0.1) })
}

const blocks = (units: number, power: number) =>
  [3, 4, 5, 7, 8].map((window) => ({ window, units, power, pool: { size: 9, stride: 5 } }))
const classes = ['a', 'b', 'c', 'd']
export const networks: Record<string, () => Promise<LocalNet | Network>> = {
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
        standardise: { mean: [0.5, 0.4, 0.3], std: [0.25, 0.2, 0.3] },
      }),
    ),
  'ResNet-18': async () => moved(resNet18({ image: [32, 32], classes })),
  'a local network': async () => localNet({}),
  'a local network without a readout': async () => localNet({}, { readout: false }),
  'a local network of centred, whitened and plain blocks on a trunk': async () =>
    localNet({
      trunk: [{ window: 3, units: 10, power: 2, normalise: 'patch', centre: true, pool: { size: 2, stride: 2 } }],
      blocks: [
        { window: 3, units: 9, power: 3, normalise: 'patch', centre: false, pool: { size: 4, stride: 2 } },
        { window: 4, units: 8, power: 4, normalise: 'patch', centre: true, pool: { size: 3, stride: 3 } },
        { window: 5, units: 11, power: 2, normalise: 'patch', centre: false, pool: { size: 5, stride: 1 }, whitened: 6 },
        { window: 2, units: 5, power: 1, normalise: 'none', centre: false, pool: { size: 5, stride: 5 } },
      ],
    }),
}
