// Gradients between the backward pass and the update: their mean over the processes that share a minibatch, and their norm.
import { hostTensor } from '../io/index.js'
import { copyColumns, multiply, reduce, scale } from '../ops/index.js'
import type { Group } from '../run/index.js'
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
 * The step of a whole minibatch, of whose images each process has an equal part: by one sum over the processes of everything.
 * @param own of this process's part; its gradients are disposed of once the sum is there
 */
export async function together(group: Group, own: Step): Promise<Step> {
  if (group.size === 1) return own
  const { loss, wrong, gradients } = own
  const host = await Promise.all(Object.values(gradients).map(hostTensor))
  const sums = new Float32Array(host.reduce((size, { data }) => size + data.length, 2))
  sums.set([loss, wrong])
  let at = 2
  for (const { data } of host) {
    sums.set(data as Float32Array, at)
    at += data.length
  }
  await group.sum(sums)
  at = 2
  const means = Object.entries(gradients).map(([name, gradient]) => {
    const { shape, size, device } = gradient
    const sum = sums.subarray(at, at + size)
    at += size
    gradient.dispose()
    return [name, scope(() => scale(Tensor.from(sum, { shape, device }), { factor: 1 / group.size }))] as const
  })
  return { loss: (sums[0] as number) / group.size, wrong: sums[1] as number, gradients: Object.fromEntries(means) }
}

/** The 2-norm of all gradients together: squares summed on the device, one sum a tensor, and those in float64. */
export async function gradientNorm(gradients: readonly Tensor[]): Promise<number> {
  const [first] = gradients
  if (!first) return 0
  using squares = scope(() => {
    const all = Tensor.empty([1, gradients.length], { device: first.device })
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
