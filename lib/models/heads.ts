// Heads: slices of a network's last outputs, each with a target and a loss of its own.
import { z } from 'zod'
import { OptionError, ShapeError } from '../errors.js'
import { sliceColumns } from '../ops/index.js'
import type { Tensor } from '../tensor.js'
import { type Extent, volume } from './extent.js'
import { count } from './layer.js'

export const headSchema = z
  .strictObject({
    name: z.string().regex(/^[\w-]+$/),
    /** Column of the images' targets that it learns. Default: that of its name. */
    target: z.string().min(1).optional(),
    loss: z.enum(['softmax', 'mse']),
    /** Of `softmax`: names of the classes, one output each. */
    classes: z.array(z.string()).default([]),
    /** Of `mse`: how many numbers. 1, the default: the standardised target; 2, of an angle: its sine and cosine. */
    outputs: count.optional(),
    /** Of `mse` with one output: mean and deviation by which the target is standardised. Default: those of the images that it is trained on, which training puts here. */
    mean: z.number().optional(),
    deviation: z.number().positive().optional(),
    /** Of its loss in the network's. */
    weight: z.number().min(0).default(1),
  })
  .transform((head) => ({
    ...head,
    target: head.target ?? head.name,
    outputs: head.outputs ?? (head.loss === 'softmax' ? head.classes.length : 1),
  }))

export type Head = z.output<typeof headSchema>
export type HeadInput = z.input<typeof headSchema>

/** A head and the place of its first output among the network's. */
export interface PlacedHead extends Head {
  start: number
}

/**
 * Heads one after another on the last layer's outputs.
 * @throws {OptionError} {ShapeError} when they do not fit each other or the layer
 */
export function placeHeads(heads: readonly Head[], output: Extent): PlacedHead[] {
  const refuse = (name: string, actual: string, expected: string) =>
    new OptionError({ op: 'Network', argument: `head ${name}`, actual, expected })
  let start = 0
  const placed = heads.map((head, i) => {
    const { name, loss, classes, outputs } = head
    if (heads.findIndex((other) => other.name === name) < i) throw refuse(name, 'there twice', 'heads of different names')
    if (loss === 'softmax' && classes.length === 0) throw refuse(name, 'without classes', 'at least one with softmax')
    if (loss === 'mse' && classes.length > 0) throw refuse(name, 'of classes and mse', 'classes with softmax only')
    if (loss === 'softmax' && outputs !== classes.length)
      throw refuse(name, `of ${outputs} outputs for ${classes.length} classes`, 'one output a class')
    start += outputs
    return { ...head, start: start - outputs }
  })
  if (heads.length > 0 && (output.length !== 1 || volume(output) !== start))
    throw new ShapeError({
      op: 'Network',
      argument: 'the last layer',
      actual: `of [${output}]`,
      expected: `[${start}], the outputs of the heads ${heads.map(({ name, outputs }) => `${name} (${outputs})`).join(', ')}`,
    })
  return placed
}

/** A head's columns of a network's outputs y [N,D]; y itself when they are all of them. */
export function headOutput(y: Tensor, { start, outputs }: Pick<PlacedHead, 'start' | 'outputs'>): Tensor {
  return outputs === y.shape[1] ? y : sliceColumns(y, { at: start, count: outputs })
}
