// Records as pages show them: shares as percent, and where a run was made.
import { z } from 'zod'
import type { Page } from '../plot/index.js'
import type { Provenance } from '../run/index.js'

/** A share in percent, without the sign. */
export const percent = (share: number): string => (100 * share).toFixed(2)

/** @param own of this kind of run, between the data and the date */
export function provenanceRows(record: Provenance, own: NonNullable<Page['provenance']>): NonNullable<Page['provenance']> {
  const { striate, node, device, instructionSet, threads, data, date } = record
  return [
    { label: 'Striate', value: `${striate}, Node ${node}` },
    { label: 'Device', value: `${device}, ${instructionSet}, ${threads} threads` },
    { label: 'Data', value: `${data.name} [${data.shape.join(', ')}]` },
    { label: 'SHA-256 of the data', value: data.sha256, code: true },
    ...own,
    { label: 'Date', value: date },
  ]
}

/** A score, as records hold it. */
export const scoreSchema = z.object({
  name: z.string(),
  value: z.number(),
  unit: z.string(),
  raw: z.record(z.string(), z.number()),
  ceiling: z.object({ value: z.number(), formula: z.string() }).nullable(),
  spread: z.object({ value: z.number(), over: z.string() }),
  seed: z.number().nullable(),
  model: z.string(),
  data: z.object({ name: z.string(), sha256: z.string() }),
})
