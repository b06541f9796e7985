// Gradients between the backward pass and the update: their mean over the processes that share a minibatch, and their norm.
import { copyColumns, multiply, reduce } from '../ops/index.js'
import type { Group } from '../run/index.js'
import type { TensorSums } from '../run/tensor_sums.js'
import { scope, Tensor } from '../tensor.js'

/** Of a minibatch. */
export interface Step {
  /** Mean over its images. */
  loss: number
  /** How many of its images are wrong. */
  wrong: number
  /** By the names of parameters; the caller's to dispose of. */
  gradients: Readonly<Record<string, Tensor>>
}

/**
 * The step of a whole minibatch, of whose images each process has an equal part. The few numbers go through the host, while the device may
 * still be busy with the gradients.
 * @param own of this process's part; its gradients are disposed of once the means are asked for
 */
export async function together(group: Group, sums: TensorSums, { loss, wrong, gradients }: Step): Promise<Step> {
  const numbers = Float64Array.of(loss, wrong)
  await group.sum(numbers)
  const means = await sums.means(Object.values(gradients))
  for (const gradient of Object.values(gradients)) gradient.dispose()
  return {
    loss: (numbers[0] as number) / group.size,
    wrong: numbers[1] as number,
    gradients: Object.fromEntries(Object.keys(gradients).map((name, i) => [name, means[i] as Tensor])),
  }
}

/** The 2-norm of all gradients together: squares summed on the device, one sum a tensor, and those in float64. */
export async function gradientNorm(gradients: readonly Tensor[]): Promise<number> {
  const [first] = gradients
  if (!first) return 0
  using squares = scope(() => {
    const all = Tensor.empty([1, gradients.length], 'f32', first.device)
    for (const [i, gradient] of gradients.entries()) {
      const [rows = 1] = gradient.shape
      const g = gradient.reshape([rows, gradient.size / rows])
      copyColumns(reduce(multiply(g, g)).reshape([1, 1]), all, { at: i })
    }
    return all
  })
  const { data } = await squares.read()
  return Math.sqrt((data as Float32Array).reduce((sum, square) => sum + square, 0))
}
