// How sets of scenes are written.
import { z } from 'zod'

/** The schema of {@link WriteScenesOptions}. */
export const writeScenesOptions = z.strictObject({
  format: z.enum(['png', 'jpeg']).default('png').describe('of the images; JPEG of quality 95'),
  layout: z
    .enum(['folders', 'shards'])
    .default('folders')
    .describe('a folder for each class, or tar files of 1,000 images as WebDataset has them'),
  metadata: z.enum(['parquet', 'jsonl']).default('parquet').describe('table of what is known about each image'),
  masks: z.boolean().default(false).describe('write which pixels show the object, as grey images'),
  depths: z.boolean().default(false).describe('write how far each pixel of the object is, as NumPy arrays of metres'),
})

/** How scenes are written; nothing is needed. */
export type WriteScenesOptions = z.input<typeof writeScenesOptions>
/** Options with their defaults filled in. */
export type WriteSettings = z.output<typeof writeScenesOptions>
