// What is kept of a readout, as it is read back.
import { z } from 'zod'
import { numberOrNone } from '../io/stored.js'
import { readoutOptions } from './readout_options.js'

const epoch = z.object({
  epoch: z.number(),
  trainLoss: z.number(),
  trainError: z.number(),
  validationError: z.number().nullable(),
  seconds: z.number(),
})
const candidate = z.object({
  power: z.number().nullable(),
  poolStride: z.number().nullable(),
  learningRate: z.number(),
  weightDecay: z.number(),
  bestEpoch: z.number(),
  validationError: numberOrNone,
  curve: z.array(epoch),
})

export const positionSchema = z.object({
  candidates: z.array(candidate),
  /** Index of the candidate in work; candidates.length of all of them is the refit. */
  candidate: z.number(),
  epoch: z.number(),
  curve: z.array(epoch),
  best: z.number(),
})

export const readoutSchema = z.object({
  config: readoutOptions,
  at: z.string(),
  chosen: candidate,
  candidates: z.array(candidate),
  refit: z.array(epoch).nullable(),
  images: z.object({ train: z.number(), validation: z.number() }),
})
