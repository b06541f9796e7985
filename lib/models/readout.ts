// What networks with heads end in: features of branches side by side, a linear layer on them, and the heads of its outputs.
import { OptionError } from '../errors.js'
import { type Head, headSchema } from './heads.js'
import type { LayerSpecInput } from './spec.js'

/** Branches on one input as one vector, the layer `features`. */
export function sideBySide(branches: readonly LayerSpecInput[][]): LayerSpecInput[] {
  const [only] = branches
  if (only && branches.length === 1) return [...only, { kind: 'flatten', name: 'features' }]
  return [{ kind: 'parallel', name: 'features', branches: [...branches] }]
}

/** The linear layer whose outputs are the heads'; none without heads. */
export const readoutLayers = (heads: readonly Head[]): LayerSpecInput[] =>
  heads.length > 0 ? [{ kind: 'linear', name: 'readout', units: outputsOf(heads) }] : []

/** Outputs of all heads together. */
export const outputsOf = (heads: readonly Head[]): number => heads.reduce((sum, { outputs }) => sum + outputs, 0)

/** The head of a classifier; none without classes. */
export const classHeads = (classes: readonly string[]): Head[] =>
  classes.length > 0 ? [headSchema.parse({ name: 'class', loss: 'softmax', classes })] : []

/**
 * The heads that a builder was given, or that of its classes.
 * @throws {OptionError} for both
 */
export function headsOf(op: string, { heads, classes }: { heads: readonly Head[]; classes: readonly string[] }): readonly Head[] {
  if (heads.length > 0 && classes.length > 0)
    throw new OptionError({ op, argument: 'classes, heads', actual: 'both given', expected: 'one of them' })
  return heads.length > 0 ? heads : classHeads(classes)
}
