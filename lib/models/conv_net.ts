// Networks by name, as configurations: the end-to-end twin of a LocalNet, and ResNet-18.
import type { LayerSpecInput, NetworkConfigInput } from './layer_spec.js'

export interface ConvBlock {
  /** W: side of the filters. */
  window: number
  /** K: filters. */
  units: number
  /** Max pool over `size` x `size` positions, every `stride`, from `padding` (default 0) before the map to as far beyond it. */
  pool: { size: number; stride: number; padding?: number }
  /** n of the rectified power. Default 1: ReLU. */
  power?: number
}

/** Of each channel, with pixels from 0 to 1. */
export interface ChannelStatistics {
  mean: readonly number[]
  /** Standard deviation. */
  std: readonly number[]
}

const standardiseLayer = (statistics: ChannelStatistics | undefined): LayerSpecInput[] =>
  statistics ? [{ kind: 'standardise', mean: [...statistics.mean], std: [...statistics.std] }] : []

export interface ConvNetOptions {
  /** C of the images. */
  channels: number
  image: readonly [number, number]
  classes: readonly string[]
  /** Blocks side by side; their pooled maps are concatenated for the softmax layer. */
  blocks: readonly ConvBlock[]
  /** `none`: CONV. `patch`: NNL-CONV, trained end to end. Default `none`. */
  normalise?: 'none' | 'patch'
  /** Channel means and standard deviations, of pixels from 0 to 1, by which images are standardised first. Default: they are not. */
  standardise?: ChannelStatistics
  /** A bias for each filter. Default: with CONV, and not with NNL-CONV, which has none. */
  bias?: boolean
}

/**
 * The end-to-end twin of a LocalNet: the same blocks with standard convolutions (ReLU, no patch normalisation), max pools and a softmax
 * layer. With `normalise: 'patch'` and powers, NNL-CONV trained end to end. Grinberg, Hopfield, Krotov 2019, sections 3 and 6.
 */
export function convNet(options: ConvNetOptions): NetworkConfigInput {
  const { channels, image, classes, blocks, normalise = 'none', standardise, bias = normalise === 'none' } = options
  const branch = ({ window, units, pool, power = 1 }: ConvBlock): LayerSpecInput => ({
    kind: 'nnl_conv',
    units,
    window,
    power,
    normalise,
    pool: { ...pool },
    bias,
  })
  const [only] = blocks
  const trunk: LayerSpecInput =
    blocks.length === 1 ? branch(only as ConvBlock) : { kind: 'parallel', branches: blocks.map((block) => [branch(block)]) }
  return {
    kind: 'network',
    name: 'conv-net',
    channels,
    image: [image[0], image[1]],
    layers: [...standardiseLayer(standardise), trunk, { kind: 'flatten' }, { kind: 'linear', units: classes.length }],
    classes: [...classes],
  }
}

export interface ResNet18Options {
  /** C of the images. Default 3. */
  channels?: number
  image: readonly [number, number]
  /** Class names; empty with `outputs`. */
  classes?: readonly string[]
  /** Outputs of a network that is no classifier. */
  outputs?: number
  /** As for {@link convNet}. */
  standardise?: ChannelStatistics
}

/** ResNet-18 (He, Zhang, Ren, Sun 2016, table 1): 7 x 7 / 2 stem, 3 x 3 / 2 max pool, 2-2-2-2 basic blocks of 64 to 512, average pool. */
export function resNet18({
  channels = 3,
  image,
  classes = [],
  outputs = classes.length,
  standardise,
}: ResNet18Options): NetworkConfigInput {
  const conv = (units: number, window: number, stride: number): LayerSpecInput => ({
    kind: 'conv',
    units,
    window,
    stride,
    padding: (window - 1) / 2,
    bias: false,
  })
  const block = (units: number, stride: number, widen: boolean): LayerSpecInput[] => [
    {
      kind: 'residual',
      body: [conv(units, 3, stride), { kind: 'batch_norm' }, { kind: 'relu' }, conv(units, 3, 1), { kind: 'batch_norm' }],
      shortcut: widen ? [{ ...conv(units, 1, stride), padding: 0 } as LayerSpecInput, { kind: 'batch_norm' }] : [],
    },
    { kind: 'relu' },
  ]
  const halved = (size: number, times: number): number => (times === 0 ? size : halved(Math.floor((size - 1) / 2) + 1, times - 1))
  const last = image.map((size) => halved(size, 5))
  return {
    kind: 'network',
    name: 'resnet-18',
    channels,
    image: [image[0], image[1]],
    layers: [
      ...standardiseLayer(standardise),
      conv(64, 7, 2),
      { kind: 'batch_norm' },
      { kind: 'relu' },
      { kind: 'max_pool', size: 3, stride: 2, padding: 1 },
      ...block(64, 1, false),
      ...block(64, 1, false),
      ...block(128, 2, true),
      ...block(128, 1, false),
      ...block(256, 2, true),
      ...block(256, 1, false),
      ...block(512, 2, true),
      ...block(512, 1, false),
      { kind: 'avg_pool', size: Math.min(...last), stride: Math.min(...last) },
      { kind: 'flatten' },
      { kind: 'linear', units: outputs },
    ],
    classes: [...classes],
  }
}
