// The layer that the training images alone would have chosen.
import type { Score } from './score.js'

/** The layer that would have been taken without a look at the test images: for each fold the one with the best score within its training images. */
export interface CommittedScore extends Score {
  /** The one that most folds chose. */
  layer: string
  reason: string
  /** The choice of each fold. */
  byFold: string[]
}

/**
 * @internal The choices of folds.
 * @param layers of each the scores within the training images of every fold
 * @returns by fold the number of the layer and its name, and the layer that was chosen most often with how often
 */
export function chosenLayers(layers: readonly { layer: string; inner: readonly number[] }[]): {
  choices: number[]
  byFold: string[]
  layer: string
  times: number
} {
  const inner = (layer: number, fold: number) => layers[layer]?.inner[fold] as number
  const choices = (layers[0]?.inner ?? []).map((_, fold) =>
    layers.reduce((best, _, i) => (inner(i, fold) > inner(best, fold) ? i : best), 0),
  )
  const byFold = choices.map((choice) => layers[choice]?.layer as string)
  return { choices, byFold, ...mostOften(byFold) }
}

/** @internal The layer that is named most often, of several the first, and how often. */
export function mostOften(layers: readonly string[]): { layer: string; times: number } {
  const times = (layer: string) => layers.filter((name) => name === layer).length
  const layer = layers.reduce((best, name) => (times(name) > times(best) ? name : best))
  return { layer, times: times(layer) }
}
