// What is kept of learned filters, as it is read back.
import { z } from 'zod'
import type { FilterHealth, HistoryEntry, StretchHealth } from './health.js'

const numbers = z.array(z.number())

export const historySchema: z.ZodType<HistoryEntry> = z.object({
  step: z.number(),
  energy: z.number(),
  dead: z.number(),
  unitNorm: z.number(),
  repelled: z.number(),
  winShare: z.number(),
})

const stretch = z.object({
  step: z.number(),
  learningRate: z.number(),
  energy: z.number(),
  wins: numbers,
  winShare: z.number(),
  gains: numbers.nullable(),
  norms: numbers,
  dead: numbers,
  repelled: z.number(),
  unitNorm: z.number(),
})

export const stretchSchema: z.ZodType<StretchHealth> = stretch

export const healthSchema: z.ZodType<FilterHealth> = stretch.extend({
  duplicates: z.number(),
  nearest: numbers,
  cosines: z.object({ edges: numbers, counts: numbers, below: z.number(), median: z.number() }).nullable(),
})
