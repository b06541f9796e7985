// What a local network is made of, in numbers: NNL-CONV blocks side by side on the images, or on a trunk of such blocks one after another.
import { z } from 'zod'
import { checkOp } from '../tensor.js'
import { positions } from './layer.js'

const size = z.number().int().positive()

const blockConfig = z.strictObject({
  /** W: side of the filters. */
  window: size,
  /** K: filters. */
  units: size,
  /** n of the rectified power. */
  power: z.number().min(1).max(200),
  normalise: z.enum(['patch', 'none']),
  centre: z.boolean(),
  /** padding: positions beyond the map's border that windows of the max pool reach over; default 0. */
  pool: z.strictObject({ size, stride: size, padding: z.number().int().min(0).optional() }),
  /** D: patches are first projected to D numbers (a convolution of W x W), which the filters, then 1 x 1, compare. */
  whitened: size.optional(),
})

/** One NNL-CONV layer with its max pool. */
export type LocalBlock = z.infer<typeof blockConfig>

const localNetConfig = z.strictObject({
  kind: z.literal('local'),
  /** C of the images. */
  channels: size,
  /** Height and width of the images. */
  image: z.tuple([size, size]),
  /** Blocks one after another: the pooled map of each is the next one's input. Usually none. */
  trunk: z.array(blockConfig),
  /** Blocks side by side on the trunk's output; their pooled maps, flattened, stand one after another in the features. */
  blocks: z.array(blockConfig).min(1),
  /** Class names of the readout; empty without one. */
  classes: z.array(z.string()),
})

export type LocalNetConfig = z.infer<typeof localNetConfig>

/** The configuration in a file's metadata: also that of one block, as Striate 0.1 wrote it. Throws when it is neither. */
export function parseLocalConfig(text: string): LocalNetConfig {
  const config = JSON.parse(text)
  if (config && typeof config === 'object' && 'window' in config) {
    const { kind, channels, image, classes, ...block } = config
    return localNetConfig.parse({ kind, channels, image, trunk: [], blocks: [block], classes })
  }
  return localNetConfig.parse(config)
}

/** A pool in words: size/stride, and the padding where there is some. */
export const poolText = ({ size, stride, padding = 0 }: LocalBlock['pool']): string =>
  `pool ${size}/${stride}${padding ? `+${padding}` : ''}`

/** Channels, height and width. */
export type MapShape = readonly [number, number, number]

/** Shape of a block's filters on a map of so many channels. */
export function filterShape(block: LocalBlock, channels: number): [number, number, number, number] {
  return block.whitened ? [block.units, block.whitened, 1, 1] : [block.units, channels, block.window, block.window]
}

/** Shape of a block's pooled map. */
export function pooledShape(block: LocalBlock, [, height, width]: MapShape): MapShape {
  const { size, stride, padding = 0 } = block.pool
  const cells = (extent: number) => positions(extent - block.window + 1, size, stride, padding)
  return [block.units, cells(height), cells(width)]
}

/** Shapes of the map that each block of the trunk reads, and last of the one that the blocks on it read. */
export function trunkShapes({ channels, image, trunk }: Pick<LocalNetConfig, 'channels' | 'image' | 'trunk'>): MapShape[] {
  const shapes: MapShape[] = [[channels, ...image]]
  for (const block of trunk) shapes.push(pooledShape(block, shapes.at(-1) as MapShape))
  return shapes
}

/** Features of each block of one image. */
export function blockFeatures(config: LocalNetConfig): number[] {
  const input = trunkShapes(config).at(-1) as MapShape
  return config.blocks.map((block) => pooledShape(block, input).reduce((a, b) => a * b, 1))
}

/** D: features of one image. */
export function featureCount(config: LocalNetConfig): number {
  return blockFeatures(config).reduce((a, b) => a + b, 0)
}

/**
 * Refuses what the network's ops would refuse, before anything is made.
 * @throws {OptionError} {ShapeError} naming the option of the op
 */
export function checkLocalConfig(config: LocalNetConfig): void {
  const inputs = trunkShapes(config)
  const check = (block: LocalBlock, [channels, height, width]: MapShape) => {
    const { power, normalise, centre, pool, window } = block
    // A whitened block's own layer reads the map of its projection.
    const input = block.whitened ? [1, block.whitened, height - window + 1, width - window + 1] : [1, channels, height, width]
    checkOp('nnl_conv', [{ dtype: 'f32', shape: input }, { dtype: 'f32', shape: filterShape(block, channels) }, null], {
      power,
      normalise,
      centre,
      poolSize: pool.size,
      poolStride: pool.stride,
      poolPadding: pool.padding ?? 0,
    })
  }
  config.trunk.forEach((block, i) => {
    check(block, inputs[i] as MapShape)
  })
  for (const block of config.blocks) check(block, inputs.at(-1) as MapShape)
}
