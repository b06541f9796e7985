// Heads for columns of targets: what is learned of images, by name.
import { z } from 'zod'
import { checkImages } from '../data/images.js'
import type { Column, Images } from '../data/index.js'
import { OptionError } from '../errors.js'
import type { HeadInput, NetworkConfigInput } from '../models/index.js'
import { parseOptions } from '../options.js'

export const targetHeadOptions = z.strictObject({
  targets: z
    .array(z.string().min(1))
    .min(1)
    .describe(
      'columns of the images that are learned together, each a head of the last layer; a name stands for its axes too, rotation for rotationX, rotationY and rotationZ (default: class)',
    ),
  angles: z
    .enum(['degrees', 'sine-cosine'])
    .default('degrees')
    .describe(
      'how angles are learned: as standardised numbers, or as two numbers each, which know that a turn ends where it began',
    ),
})

export type TargetHeadOptions = z.input<typeof targetHeadOptions>

/** Letters after a target's name, of the columns that are its axes. */
const axes = ['X', 'Y', 'Z']

/**
 * A head for each column of some targets. Every target has the same weight, and the columns of one share it, so that the loss is the mean over the
 * targets of each one's mean (Xie, Alter, Schwartz, DiCarlo 2024, methods): cross-entropy of classes, squared error of standardised numbers.
 * @throws {OptionError} naming a target that the images do not have, or one that is asked for twice
 */
export function targetHeads(
  images: Pick<Images, 'targets' | 'name' | 'shape' | 'rows'>,
  options: TargetHeadOptions,
): HeadInput[] {
  const op = 'targetHeads'
  checkImages(op, images as Images)
  const { targets, angles } = parseOptions(op, targetHeadOptions, options)
  const refuse = (actual: string, expected: string) => new OptionError({ op, argument: 'targets', actual, expected })
  const known = Object.keys(images.targets)
  const chosen = targets.map((target) => {
    const columns = known.filter((name) => name === target || axes.some((axis) => name === `${target}${axis}`))
    if (columns.length === 0) throw refuse(`'${target}'`, `targets of ${images.name}: ${known.join(', ') || 'none'}`)
    return columns
  })
  const twice = chosen.flat().find((name, i, all) => all.indexOf(name) < i)
  if (twice !== undefined) throw refuse(`${targets.join(', ')}, of which two stand for ${twice}`, 'each once')
  return chosen.flatMap((columns) => {
    const weight = 1 / (targets.length * columns.length)
    return columns.map((name): HeadInput => {
      const column = images.targets[name] as Column
      if (column.kind === 'class') return { name, loss: 'softmax', classes: [...column.classes], weight }
      return { name, loss: 'mse', outputs: column.kind === 'angle' && angles === 'sine-cosine' ? 2 : 1, weight }
    })
  })
}

/** The configuration with the images' mean and deviation in every head that standardises its target and does not say by what. */
export function withStatistics(config: NetworkConfigInput, { targets }: Pick<Images, 'targets'>): NetworkConfigInput {
  const heads = config.heads?.map((head): HeadInput => {
    const name = head.target ?? head.name
    const column = Object.hasOwn(targets, name) ? targets[name] : undefined
    if (!column || column.kind === 'class' || head.loss !== 'mse' || (head.outputs ?? 1) !== 1 || head.mean !== undefined)
      return head
    return { ...head, mean: column.mean, deviation: column.deviation }
  })
  return heads ? { ...config, heads } : config
}
