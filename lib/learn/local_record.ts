// What a run of local learning leaves in its record, and how it is read back.
import { z } from 'zod'
import type { TrainedReadout } from '../features/index.js'
import { readoutSchema } from '../features/readout_record.js'
import { type BlockResponse, blockResponse, type Pool } from '../models/index.js'
import type { Curve } from '../run/curves.js'
import { type Provenance, provenanceSchema } from '../run/folder.js'
import { type FilterConfig, filterOptions } from './filter_options.js'
import { healthSchema, historySchema } from './filter_record.js'
import type { LearnedFilters } from './filters.js'

/** How the filters of one block came about. */
export interface BlockRecord extends Pick<LearnedFilters, 'health' | 'history' | 'converged'> {
  filters: FilterConfig
  /** Of its rectified power and its max pool, as asked for: a readout may have chosen others for the network. */
  power: number
  pool: Pool
  /** What of a cosine is pooled. */
  response: BlockResponse
  /** How many of the trunk's blocks are under it, where not all are. */
  on?: number | undefined
  /** Seconds of this process's part in it. */
  seconds: number
}

/** What `run.json` holds. */
export interface LocalRecord extends Provenance {
  kind: 'local'
  seed: number
  /** How each block was learned, in order. */
  trunk: BlockRecord[]
  blocks: BlockRecord[]
  readout: Omit<TrainedReadout, 'net'> | null
  /** Seconds of this process's part in each stage. */
  seconds: Record<string, number>
}

/** A block as it was asked for. */
export type AskedBlock = Pick<BlockRecord, 'filters' | 'power' | 'response' | 'pool' | 'on'>

const blockSchema = z.object({
  filters: filterOptions,
  power: z.number(),
  response: blockResponse,
  pool: z.object({ size: z.number(), stride: z.number(), padding: z.number() }),
  on: z.number().optional(),
  health: healthSchema,
  history: z.array(historySchema),
  converged: z.boolean(),
  seconds: z.number(),
})

export const localRecord: z.ZodType<LocalRecord> = provenanceSchema.extend({
  kind: z.literal('local'),
  seed: z.number(),
  trunk: z.array(blockSchema),
  blocks: z.array(blockSchema).min(1),
  readout: readoutSchema.nullable(),
  seconds: z.record(z.string(), z.number()),
})

/** The curves of filters and readout. */
export function localCurves({ trunk, blocks, readout }: LocalRecord): Curve[] {
  const layers = [...trunk, ...blocks]
  const name = (i: number) => (layers.length > 1 ? `filters ${i + 1}/${layers.length}` : 'filters')
  return [
    ...layers.map(({ history }, i) => ({ stage: name(i), rows: history })),
    ...(readout ? [{ stage: 'readout', rows: readout.chosen.curve }] : []),
    ...(readout?.refit ? [{ stage: 'refit', rows: readout.refit }] : []),
  ]
}
