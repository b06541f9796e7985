import { z } from 'zod'
import type { LayerSpecInput } from '../spec.js'

export const standardiseOption = z
  .boolean()
  .default(false)
  .describe("standardise the images' channels first, by statistics that training takes from its images")

/** The first layer of a network on standardised images. */
export const standardiseLayers = (standardise: boolean): LayerSpecInput[] =>
  standardise ? [{ kind: 'standardise', name: 'standardise' }] : []
