// What classifiers end in: features of branches side by side, a linear layer on them, and the head of its outputs.
import type { HeadInput } from './heads.js'
import type { LayerSpecInput } from './spec.js'

/** Branches on one input as one vector, the layer `features`. */
export function sideBySide(branches: readonly LayerSpecInput[][]): LayerSpecInput[] {
  const [only] = branches
  if (only && branches.length === 1) return [...only, { kind: 'flatten', name: 'features' }]
  return [{ kind: 'parallel', name: 'features', branches: [...branches] }]
}

/** The linear layer of a softmax readout; none without classes. */
export const readoutLayers = (classes: readonly string[], name = 'readout'): LayerSpecInput[] =>
  classes.length > 0 ? [{ kind: 'linear', name, units: classes.length }] : []

/** The head of a classifier; none without classes. */
export const classHeads = (classes: readonly string[]): HeadInput[] =>
  classes.length > 0 ? [{ name: 'class', loss: 'softmax', classes: [...classes] }] : []
