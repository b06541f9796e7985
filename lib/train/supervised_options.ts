// Options of training end to end.
import { z } from 'zod'
import { precisions } from '../ops/index.js'
import { parseOptions, seed, whole } from '../options.js'
import { optimiserOptions, scheduleOptions } from './optimiser.js'

export const supervisedOptions = z.strictObject({
  epochs: whole(1).default(20).describe('passes over the training images at most'),
  batch: whole(1)
    .default(100)
    .describe("images of a minibatch, which several processes share evenly; an epoch's last, partial one is left out"),
  precision: z
    .enum(precisions)
    .default('float32')
    .describe(
      'of the products of convolutions in training; bfloat16 is mixed precision, for the speed of GPUs: their factors are rounded, while sums, weights, maps, gradients and all evaluation stay float32',
    ),
  optimiser: optimiserOptions.prefault({ kind: 'adam' }).meta({ flag: '' }).describe('of the weights'),
  schedule: scheduleOptions.prefault({}).meta({ flag: '' }).describe('course of the learning rate'),
  clip: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe(
      "largest 2-norm of all gradients together, to which larger ones are scaled down; HuggingFace's Trainer has 1; by default none",
    ),
  validation: z.number().min(0).max(0.99).default(0.1).describe('share of the images kept for validation, stratified by class'),
  validationBy: z
    .string()
    .default('image')
    .describe(
      'image: single images are kept; or a column of classes that is not learned, such as identity, whose classes are kept whole: the validation images then show objects that training never does',
    ),
  patience: whole(1)
    .nullable()
    .default(null)
    .describe(
      'epochs without a better validation error (or loss, where several heads or none has classes) that end the run; by default none do',
    ),
  keep: z
    .enum(['best', 'last'])
    .default('best')
    .describe('weights that the run ends with: those of the best validation epoch, or the last; without validation the last'),
  augment: z
    .strictObject({
      crop: whole(0, 1 << 15)
        .default(0)
        .describe('random crops after padding by so many pixels of zeros'),
      resizedCrop: z
        .number()
        .positive()
        .max(1)
        .nullable()
        .default(null)
        .describe(
          'random parts of at least this share of the area (0.08 is usual), of aspects from 3/4 to 4/3, resized to the whole image; by default none',
        ),
      flip: z.boolean().default(false).describe('mirror half of the images'),
    })
    .prefault({})
    .meta({ flag: '' })
    .describe('changes of the training images'),
  maxLoss: z.number().positive().default(1e6).describe('a loss above this stops the run as diverged'),
  memoryLimit: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .meta({ unit: 'bytes' })
    .describe('pixels up to which the images stay on the device; by default a quarter of its memory'),
  seed: seed.default(0).describe('of initial weights, split, order and augmentation'),
})

export type SupervisedOptions = z.input<typeof supervisedOptions>
export type SupervisedConfig = z.output<typeof supervisedOptions>

/**
 * Fills in defaults.
 * @throws {OptionError} for what is unknown or out of range
 */
export const supervisedConfig = (options: SupervisedOptions): SupervisedConfig =>
  parseOptions('trainSupervised', supervisedOptions, options)
