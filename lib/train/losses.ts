// The losses of a network's heads: each reads its slice of the outputs and its own column of the targets.
import { type Column, type Images, wrapDegrees } from '../data/index.js'
import type { Device } from '../device.js'
import { DataError } from '../errors.js'
import type { Network } from '../models/index.js'
import { copyColumns, mse, mseGrad, scale, sliceColumns, softmaxCrossEntropy, softmaxCrossEntropyGrad } from '../ops/index.js'
import { Tensor } from '../tensor.js'

type Head = Network['heads'][number]

/** Of one head, over some images. */
export interface HeadLoss {
  name: string
  /** [1]: mean over the images, nats of a softmax, squared deviations of a mean squared error. */
  loss: Tensor
  /** [1]: wrong images of a softmax; null of a mean squared error. */
  errors: Tensor | null
  weight: number
}

/** The heads of a network with the columns of an image set that they learn. */
export class Losses {
  private readonly heads: readonly { head: Head; column: Column }[]

  /** @throws {DataError} when the set has no such column, or one of other classes */
  constructor(op: string, net: Network, images: Images) {
    const { channels, image } = net.config
    const [, c, h, w] = images.shape
    const refuse = (actual: string, expected: string) => new DataError({ op, argument: images.name, actual, expected })
    if (c !== channels || h !== image[0] || w !== image[1])
      throw refuse(`of images [${c},${h},${w}]`, `[${channels},${image}], those of the network`)
    if (net.heads.length === 0)
      throw new DataError({
        op,
        argument: 'network',
        actual: 'without heads',
        expected: 'at least one head, which says what is learned',
      })
    this.heads = net.heads.map((head) => {
      const column = Object.hasOwn(images.targets, head.target) ? images.targets[head.target] : undefined
      if (!column) {
        const actual = head.target === 'class' ? 'without labels' : `without a column '${head.target}'`
        throw refuse(
          actual,
          head.target === 'class' ? 'labelled images' : `targets: ${Object.keys(images.targets).join(', ') || 'none'}`,
        )
      }
      if (head.loss === 'softmax') {
        if (column.kind !== 'class') throw refuse(`of ${column.kind}s in '${head.target}'`, 'classes, for a softmax head')
        if (column.classes.join() !== head.classes.join())
          throw refuse(`of the classes ${column.classes.join(', ')}`, `the network's: ${head.classes.join(', ') || 'none'}`)
      } else if (column.kind === 'class')
        throw refuse(`of classes in '${head.target}'`, 'numbers or angles, for a head of mean squared error')
      else if (head.outputs > (column.kind === 'angle' ? 2 : 1))
        throw new DataError({
          op,
          argument: `head ${head.name}`,
          actual: `of ${head.outputs} outputs`,
          expected: column.kind === 'angle' ? '1, or 2 for sine and cosine' : '1, for one column',
        })
      return { head, column }
    })
  }

  /** The one head that tells classes, where the network has no other. */
  get classifies(): boolean {
    return this.heads.length === 1 && this.heads[0]?.head.loss === 'softmax'
  }

  /** Names and weights of the heads, and whether their wrong images are counted, in the order of `of`. */
  get parts(): { name: string; weight: number; counted: boolean }[] {
    return this.heads.map(({ head: { name, weight, loss } }) => ({ name, weight, counted: loss === 'softmax' }))
  }

  /** Losses for outputs y [N,T] of images `rows`. */
  of(y: Tensor, rows: Int32Array): HeadLoss[] {
    return this.heads.map(({ head, column }) => {
      const own = this.slice(y, head)
      const wanted = this.wanted(head, column, rows, y.device)
      const { name, weight } = head
      if (head.loss === 'mse') return { name, weight, loss: mse(own, wanted), errors: null }
      return { name, weight, ...softmaxCrossEntropy(own, wanted) }
    })
  }

  /** Gradient [N,T] of the weighted sum of the losses. */
  gradient(y: Tensor, rows: Int32Array): Tensor {
    const parts = this.heads.map(({ head, column }) => {
      const own = this.slice(y, head)
      const wanted = this.wanted(head, column, rows, y.device)
      const g = head.loss === 'mse' ? mseGrad(own, wanted) : softmaxCrossEntropyGrad(own, wanted)
      return { head, g: head.weight === 1 ? g : scale(g, { factor: head.weight }) }
    })
    if (parts.length === 1) return (parts[0] as (typeof parts)[0]).g
    const all = Tensor.empty(y.shape, 'f32', y.device)
    for (const { head, g } of parts) copyColumns(g, all, { at: head.start })
    return all
  }

  private slice(y: Tensor, { start, outputs }: Head): Tensor {
    return this.heads.length === 1 ? y : sliceColumns(y, { at: start, count: outputs })
  }

  /** Labels i32 [N], standardised numbers f32 [N,1], or sines and cosines f32 [N,2]. */
  private wanted(head: Head, column: Column, rows: Int32Array, device: Device): Tensor {
    if (column.kind === 'class')
      return Tensor.from(
        Int32Array.from(rows, (row) => column.values[row] as number),
        { device },
      )
    const values = Float32Array.from(Array.from(rows).flatMap((row) => wantedOutputs(head, column, column.values[row] as number)))
    return Tensor.from(values, { shape: [rows.length, head.outputs], device })
  }
}

type Numbers = Exclude<Column, { kind: 'class' }>

/** What a head of squared error should give: the number less the mean, over the deviation, of an angle the difference wrapped into (-180, 180]; or an angle's sine and cosine. */
export function wantedOutputs(head: Pick<Head, 'outputs' | 'mean' | 'deviation'>, column: Numbers, value: number): number[] {
  const radians = (value * Math.PI) / 180
  if (head.outputs === 2) return [Math.sin(radians), Math.cos(radians)]
  const { mean = column.mean, deviation = column.deviation } = head
  const difference = value - mean
  return [(column.kind === 'angle' ? wrapDegrees(difference) : difference) / deviation]
}
