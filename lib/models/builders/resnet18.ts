// ResNet-18 (He, Zhang, Ren, Sun 2016, table 1): 7 x 7 / 2 stem, 3 x 3 / 2 max pool, 2-2-2-2 basic blocks of 64 to 512, average pool; for small
// images a stem of 3 x 3 that keeps their size, without the pool (section 4.2). Layers are called as in torchvision, whose `layer1.0.relu` is
// two: `layer1.0.relu1` within the block, and `layer1.0.relu` after the addition.
import { z } from 'zod'
import { OptionError } from '../../errors.js'
import { parseOptions } from '../../options.js'
import { positions } from '../extent.js'
import { headSchema } from '../heads.js'
import { count } from '../layer.js'
import { outline } from '../outline.js'
import { headsOf, outputsOf } from '../readout.js'
import type { LayerSpecInput, NetworkConfig } from '../spec.js'
import { standardiseLayers, standardiseOption } from './standardise.js'

/** The schema of {@link ResNet18Options}. */
export const resNet18Options = z.strictObject({
  /** C of the images. */
  channels: count.default(3),
  /** Height and width of the images. */
  image: z.tuple([count, count]).readonly(),
  /** Class names of a classifier: the head `class`. */
  classes: z.array(z.string()).readonly().default([]),
  /** Several heads, or others, in place of `classes`. */
  heads: z.array(headSchema).readonly().default([]),
  /** Outputs of a network without heads. */
  outputs: count.optional(),
  stem: z
    .enum(['standard', 'small'])
    .default('standard')
    .describe('standard: 7 x 7 with stride 2 and a max pool, for photos; small: 3 x 3 alone, for images of about 32 pixels'),
  width: count.default(64).describe('units of the first stage; each further one has twice as many'),
  standardise: standardiseOption,
})

export type ResNet18Options = z.input<typeof resNet18Options>

const conv = (name: string, units: number, window: number, stride: number): LayerSpecInput => ({
  kind: 'conv',
  name,
  units,
  window,
  stride,
  padding: (window - 1) / 2,
  bias: false,
})
const norm = (name: string): LayerSpecInput => ({ kind: 'batch_norm', name })
const relu = (name: string): LayerSpecInput => ({ kind: 'relu', name })
const maxPool: LayerSpecInput = { kind: 'max_pool', name: 'maxpool', size: 3, stride: 2, padding: 1 }

/** A basic block: two convolutions beside the input, which a 1 x 1 convolution brings to the size where they change it. */
function basicBlock(name: string, units: number, stride: number): LayerSpecInput[] {
  const body = [
    conv(`${name}.conv1`, units, 3, stride),
    norm(`${name}.bn1`),
    relu(`${name}.relu1`),
    conv(`${name}.conv2`, units, 3, 1),
    norm(`${name}.bn2`),
  ]
  const shortcut = stride > 1 ? [conv(`${name}.downsample.0`, units, 1, stride), norm(`${name}.downsample.1`)] : []
  return [{ kind: 'residual', name, body, shortcut }, relu(`${name}.relu`)]
}

/**
 * ResNet-18, as its authors initialise it.
 * @throws {OptionError} when there are not exactly one of classes, heads and outputs; {ShapeError} for images too small
 */
export function resNet18(options: ResNet18Options): NetworkConfig {
  const {
    channels,
    image,
    classes,
    heads: given,
    outputs,
    stem,
    width,
    standardise,
  } = parseOptions('resNet18', resNet18Options, options)
  if ([classes.length > 0, given.length > 0, outputs !== undefined].filter(Boolean).length !== 1)
    throw new OptionError({
      op: 'resNet18',
      argument: 'classes, heads, outputs',
      actual: 'none or more than one of them',
      expected: 'one that says what its outputs are',
    })
  const heads = headsOf('resNet18', { classes, heads: given })
  const units = outputs ?? outputsOf(heads)
  const halved = (size: number, times: number): number => (times === 0 ? size : halved(positions(size, 1, 2, 0), times - 1))
  const small = stem === 'small'
  const last = Math.min(...image.map((size) => halved(size, small ? 3 : 5)))
  const stages = [1, 2, 4, 8].flatMap((times, i) => [
    ...basicBlock(`layer${i + 1}.0`, times * width, i === 0 ? 1 : 2),
    ...basicBlock(`layer${i + 1}.1`, times * width, 1),
  ])
  return outline({
    kind: 'network',
    name: 'resnet-18',
    channels,
    image: [...image],
    init: 'he',
    layers: [
      ...standardiseLayers(standardise),
      small ? conv('conv1', width, 3, 1) : conv('conv1', width, 7, 2),
      norm('bn1'),
      relu('relu'),
      ...(small ? [] : [maxPool]),
      ...stages,
      { kind: 'avg_pool', name: 'avgpool', size: last, stride: last },
      { kind: 'flatten', name: 'flatten' },
      { kind: 'linear', name: 'fc', units },
    ],
    heads: [...heads],
  }).config
}
