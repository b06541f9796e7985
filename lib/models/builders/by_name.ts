// The networks that are trained end to end, by name: a builder's options without what the images decide.
import { z } from 'zod'
import { parseOptions } from '../../options.js'
import type { HeadInput } from '../heads.js'
import type { NetworkConfig } from '../spec.js'
import { type ConvNetOptions, convNet, convNetOptions } from './conv_net.js'
import { resNet18, resNet18Options } from './resnet18.js'
import { type WaveletNetOptions, waveletNet, waveletNetOptions } from './wavelet_net.js'

const { channels: _channels, image: _image, classes: _classes, heads: _heads, ...convNetOwn } = convNetOptions.shape
const { stem, width, standardise } = resNet18Options.shape
const { net, units, orientations, nonlinearity, normalise, freeze } = waveletNetOptions.shape

export const builderOptions = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z
      .literal('conv-net')
      .describe('convolutions of one layer, as a local network has them, ResNet-18, or a hierarchy of wavelet blocks'),
    ...convNetOwn,
  }),
  z.strictObject({ kind: z.literal('resnet-18'), stem, width, standardise }),
  z.strictObject({ kind: z.literal('wavelet-net'), net, units, orientations, nonlinearity, normalise, freeze }),
])

export type BuilderOptions = z.input<typeof builderOptions>

/**
 * The configuration of a network for images of a kind.
 * @param on channels, height and width of the images, and what is learned of them: their classes, or the heads
 * @throws {OptionError} for what that network does not have
 */
export function buildNetwork(
  options: BuilderOptions,
  on: { channels: number; image: readonly [number, number] } & ({ classes: readonly string[] } | { heads: readonly HeadInput[] }),
): NetworkConfig {
  const { kind, ...own } = parseOptions('buildNetwork', builderOptions, options)
  const all = { ...own, ...on }
  if (kind === 'wavelet-net') return waveletNet(all as WaveletNetOptions)
  return kind === 'conv-net' ? convNet(all as ConvNetOptions) : resNet18(all)
}
