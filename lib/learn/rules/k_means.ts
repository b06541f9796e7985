// Spherical k-means: Lloyd's iterations by cosine, each on fresh minibatches.
import { add, competition, matmul, multiply, reduce } from '../../ops/index.js'
import { checkOp, scope, Tensor } from '../../tensor.js'
import { norm2 } from '../patches.js'
import { dimension, gathering, longerOrFewer, minibatch, type Rule, type RuleTally, startRows, usualCure } from './rule.js'

/** Minibatches of an iteration: about a hundred iterations a run, of at most 250. */
export const iterationOf = (steps: number): number => Math.max(1, Math.min(250, Math.ceil(steps / 100)))

/**
 * Assigns patches to rows by the greatest cosine.
 * @param patches [B,D] of norm 1 or zero
 * @param w [K,D] of norm 1
 * @returns sums of each row's patches [K,D], their number and summed cosine [K], and the number of patches that are not zero [1]
 */
export function assign(patches: Tensor, w: Tensor) {
  return scope(() => {
    const u = matmul(patches, w, { transposeB: true })
    const g = competition(u, { kind: 'hard' })
    return {
      sums: matmul(g, patches, { transposeA: true }),
      wins: reduce(g, { over: 'rows' }),
      gains: reduce(multiply(g, u), { over: 'rows' }),
      present: reduce(multiply(patches, patches)),
    }
  })
}

/** Rows from sums: brought to norm 1, an empty cluster keeps its row. */
export function newRows(sums: ArrayLike<number>, rows: Float32Array, units: number): Float32Array {
  const d = rows.length / units
  const next = Float32Array.from(rows)
  for (let unit = 0; unit < units; unit++) {
    const sum = Array.from({ length: d }, (_, i) => sums[unit * d + i] ?? 0)
    const norm = norm2(sum)
    if (norm > 0) for (const [i, x] of sum.entries()) next[unit * d + i] = x / norm
  }
  return next
}

/**
 * Dhillon and Modha 2001, with fresh patches in every iteration (250 minibatches, or a hundredth of a shorter run). No learning rate.
 * An empty cluster keeps its row; `dead: 'reseed'` gives it a data patch instead. State beside the rows: `sums` [K,D] of the iteration
 * that is under way.
 */
export const sphericalKMeans: Rule = {
  name: 'spherical-k-means',
  describe: () =>
    'rows become the unit mean of the patches nearest by cosine, iteration by iteration; an empty cluster keeps its row (Dhillon and Modha ' +
    '2001)',
  learns: true,
  settings: ['dead', 'untilConverged'],
  defaults: () => ({}),
  againstDead: usualCure,
  againstDuplicates: longerOrFewer,
  check: (shape, config) => checkOp('gather_patches', [{ dtype: 'u8', shape }], gathering(config)),
  start(images, config, device, whitening) {
    const shape = [config.units, dimension(images.shape, config)]
    return { w: startRows(images, config, device, whitening), sums: Tensor.zeros(shape, { device }) }
  },
  async learn(images, state, config, first, steps) {
    const tally = new TallySum(config.units)
    const iteration = iterationOf(config.steps)
    const step = (t: number) =>
      scope(() => {
        const { sums, ...counted } = assign(minibatch(images, state, config, t), state.w)
        const total = add(state.sums as Tensor, sums)
        state.sums?.dispose()
        state.sums = total
        return { counted, total }
      }).counted
    for (let t = first; t < first + steps; ) {
      const end = Math.min(first + steps, (Math.floor(t / iteration) + 1) * iteration)
      await eachMinibatch(t, end - t, step, ({ wins, gains, present }) => {
        const patches = Math.round(present[0] ?? 0)
        // A zero patch has equal currents everywhere: it fell to unit 0, and is no win.
        const won = Array.from(wins, (n, unit) => (unit === 0 ? n - (config.batch - patches) : n))
        const energy = -Array.from(gains).reduce((a, b) => a + b, 0) / Math.max(1, patches)
        tally.add({ wins: won, gains, energy: [energy] })
      })
      t = end
      if (t % iteration === 0) await finish(state as { w: Tensor; sums: Tensor }, config.units)
    }
    return tally.result()
  },
}

async function finish(state: { w: Tensor; sums: Tensor }, units: number): Promise<void> {
  const [sums, rows] = await Promise.all([state.sums.read(), state.w.read()])
  const { shape, device } = state.w
  state.w.dispose()
  state.sums.dispose()
  state.w = Tensor.from(newRows(sums.data, rows.data as Float32Array, units), { shape, device })
  state.sums = Tensor.zeros(shape, { device })
}

/** Minibatches between two waits for the device: the memory of no more than these is held at once. */
const ahead = 4

/**
 * Queues `step` for each minibatch of a stretch, and hands what it gave to `count`, in order, once it is there.
 * @param step makes tensors, which are read and disposed of
 */
async function eachMinibatch<T extends string>(
  first: number,
  steps: number,
  step: (t: number) => Record<T, Tensor>,
  count: (read: Record<T, ArrayLike<number>>) => void,
): Promise<void> {
  for (let from = first; from < first + steps; from += ahead) {
    const made = Array.from({ length: Math.min(ahead, first + steps - from) }, (_, i) => step(from + i))
    const read = made.map(async (tensors) => {
      const entries = Object.entries(tensors) as [T, Tensor][]
      const numbers = await Promise.all(entries.map(async ([name, tensor]) => [name, (await tensor.read()).data] as const))
      for (const [, tensor] of entries) tensor.dispose()
      return Object.fromEntries(numbers) as unknown as Record<T, ArrayLike<number>>
    })
    for (const values of await Promise.all(read)) count(values)
  }
}

/** Adds up wins, gains and energies of minibatches. */
class TallySum {
  private readonly wins: Float64Array
  private readonly gains: Float64Array
  private energy = 0
  private patches = 0

  constructor(units: number) {
    this.wins = new Float64Array(units)
    this.gains = new Float64Array(units)
  }

  add({ wins, gains, energy }: { wins: ArrayLike<number>; gains: ArrayLike<number>; energy: ArrayLike<number> }): void {
    let patches = 0
    for (let unit = 0; unit < wins.length; unit++) {
      this.wins[unit] = (this.wins[unit] ?? 0) + (wins[unit] ?? 0)
      this.gains[unit] = (this.gains[unit] ?? 0) + (gains[unit] ?? 0)
      patches += wins[unit] ?? 0
    }
    this.energy += (energy[0] ?? 0) * patches
    this.patches += patches
  }

  result(): RuleTally {
    const energy = this.patches > 0 ? this.energy / this.patches : 0
    return { wins: Array.from(this.wins), gains: Array.from(this.gains), energy }
  }
}
