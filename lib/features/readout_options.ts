// Options of the readout.
import { z } from 'zod'
import { parseOptions, seed, whole } from '../options.js'

export const readoutOptions = z.strictObject({
  at: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'layer whose outputs are read; by default the features of a local network, of others what the last linear layer reads',
    ),
  target: z.string().min(1).default('class').describe('column of classes that is learned'),
  powers: z
    .array(z.number().min(1).max(200))
    .min(1)
    .nullable()
    .default(null)
    .describe('of the rectified power of all blocks, to choose from on the validation split; by default each has its own'),
  poolSize: whole(1).nullable().default(null).describe('side of the max pool of all blocks; by default each has its own'),
  poolStrides: z
    .array(whole(1))
    .min(1)
    .nullable()
    .default(null)
    .describe('of the pools of all blocks, to choose from on the validation split; by default each has its own'),
  learningRates: z.array(z.number().positive().max(1e6)).min(1).default([1e-3]).describe('of Adam, to choose from'),
  weightDecays: z.array(z.number().min(0).max(1e6)).min(1).default([3e-4]).describe('L2 decays to choose from'),
  epochs: whole(1).default(20).describe('passes over the training images at most'),
  patience: whole(1).default(5).describe('epochs without a better validation error that end a setting'),
  batch: whole(1).default(100).meta({ flag: 'readout-batch' }).describe('images of a minibatch'),
  validation: z.number().min(0).max(0.99).default(0.1).describe('share of the images kept for validation, stratified by class'),
  centreFeatures: z
    .boolean()
    .default(true)
    .describe("take each feature's mean off while the readout learns; its bias undoes that at the end"),
  refit: z.boolean().default(true).describe('train the chosen setting again on all images, validation included'),
  memoryLimit: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .meta({ unit: 'bytes' })
    .describe(
      'for cached features; those of images that do not fit are computed again in every epoch; by default 75 % of the free memory, 60 % of a GPU’s',
    ),
  seed: seed.default(0).describe('of split and order'),
})

export type ReadoutOptions = z.input<typeof readoutOptions>
export type ReadoutConfig = z.output<typeof readoutOptions>

/**
 * Fills in defaults.
 * @throws {OptionError} for what is unknown or out of range
 */
export const readoutConfig = (options: ReadoutOptions = {}, path = ''): ReadoutConfig =>
  parseOptions('trainReadout', readoutOptions, options, path)
