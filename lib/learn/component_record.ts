// What a run that learns components leaves in its record, and how it is read back.
import { z } from 'zod'
import { type NetworkConfig, networkConfig } from '../models/index.js'
import { type Provenance, provenanceSchema } from '../run/folder.js'
import { type ComponentConfig, componentOptions } from './component_options.js'

/** How one block came about. */
export interface BlockComponents {
  name: string
  units: number
  /** Responses that the units mix. */
  responses: number
  /** Share of the variance that the components keep; null where they are random. */
  varianceKept: number | null
  /** (sum of eigenvalues)^2 / sum of their squares: among how many directions the variance is spread; null as above. */
  effectiveDimension: number | null
  /** Of the components, descending; empty as above. */
  eigenvalues: number[]
  /** Seconds of this process's part in it. */
  seconds: number
}

/** What `run.json` holds. */
export interface ComponentRecord extends Provenance {
  kind: 'wavelet'
  network: NetworkConfig
  options: ComponentConfig
  blocks: BlockComponents[]
  /** How many processes shared the images. */
  processes: number
}

export const blockComponents: z.ZodType<BlockComponents> = z.object({
  name: z.string(),
  units: z.number(),
  responses: z.number(),
  varianceKept: z.number().nullable(),
  effectiveDimension: z.number().nullable(),
  eigenvalues: z.array(z.number()),
  seconds: z.number(),
})

export const componentRecord: z.ZodType<ComponentRecord> = provenanceSchema.extend({
  kind: z.literal('wavelet'),
  network: networkConfig,
  options: componentOptions,
  blocks: z.array(blockComponents).min(1),
  processes: z.number(),
})
