// competitive_learn and oja_learn have the bits of their ops one by one, and of the same run in several calls, on every device.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '#root'
import { type Device, testDevice } from '../../lib/device.js'
import { addon } from '../../lib/native.js'
import {
  add,
  type CompetitiveLearnOptions,
  competition,
  competitiveLearn,
  competitiveStep,
  gatherPatches,
  linear,
  matmul,
  multiply,
  ojaLearn,
  reduce,
  scale,
  subtract,
  unitRows,
} from '../../lib/ops/index.js'
import { scope, Tensor } from '../../lib/tensor.js'
import type { Case, Host } from './proof.js'
import { proofs } from './rules.js'

const simulated = process.env.STRIATE_SIM_LIBRARY ?? join(root, 'build', 'tests', 'libstriate_cuda_sim.so')
const kinds = [
  { kind: 'cpu' },
  { kind: 'cuda-sim', path: simulated },
  { kind: 'cuda-sim', path: simulated, processors: 3 },
  { kind: 'cuda' },
]

interface Counted {
  w: number[]
  wins: number[]
  gains: number[]
  energy: number
}

const values = async (t: Tensor | undefined): Promise<number[]> => (t ? Array.from((await t.read()).data) : [])

interface Given {
  images: Tensor
  w: Tensor
  whitening: { z: Tensor; offset: Tensor } | null
  options: Required<CompetitiveLearnOptions>
}

function given({ inputs, options }: Case, device: Device): Given {
  const [images, w, z, offset] = inputs.map((h) => h && upload(h, device))
  const defaults = { kind: 'soft', temperature: 1, step: 'count', normalise: 'patch', centre: false, seed: 0, window: 4 } as const
  return {
    images: images as Tensor,
    w: w as Tensor,
    whitening: z && offset ? { z, offset } : null,
    options: { ...defaults, firstStep: 0, tally: 0, finalLearningRate: 0, ...options } as Required<CompetitiveLearnOptions>,
  }
}

const upload = ({ dtype, shape, data }: Host, device: Device): Tensor =>
  Tensor.from(dtype === 'u8' ? Uint8Array.from(data) : Float32Array.from(data), { shape, device })

function dispose({ images, w, whitening }: Given): void {
  for (const tensor of [images, w, ...Object.values(whitening ?? {})]) tensor.dispose()
}

async function learn(op: string, { images, w, whitening, options }: Given): Promise<Counted> {
  const { kind, temperature, step, ...course } = options
  const tally: { wins?: Tensor; gains?: Tensor; energy: Tensor } =
    op === 'oja_learn' ? ojaLearn(images, w, { ...course, whitening }) : competitiveLearn(images, w, { ...options, whitening })
  const [wins, gains, energy] = await Promise.all([values(tally.wins), values(tally.gains), values(tally.energy)])
  for (const tensor of Object.values(tally)) tensor.dispose()
  return { w: await values(w), wins, gains, energy: energy[0] ?? 0 }
}

async function oneByOne(op: string, start: Given): Promise<Counted> {
  const { images, whitening, options } = start
  const { window, batch, seed, normalise, centre, kind, temperature, step } = options
  let { w } = start
  const wins: number[] = []
  const gains: number[] = []
  let [energy, weight] = [0, 0]
  const end = options.firstStep + options.steps
  for (let t = options.firstStep; t < end; t++) {
    const learningRate = options.learningRate + ((options.finalLearningRate - options.learningRate) * t) / options.totalSteps
    const made: { w?: Tensor; wins?: Tensor; gains?: Tensor; energy: Tensor } = scope(() => {
      const windows = gatherPatches(images, { window, batch, seed, normalise, centre, step: t })
      const v = whitening ? unitRows(linear(windows, whitening.z, whitening.offset)) : windows
      const u = matmul(v, w, { transposeB: true })
      if (op === 'competitive_learn')
        return { ...competitiveStep(v, u, competition(u, { kind, temperature }), w, { learningRate, step }) }
      const rest = subtract(v, matmul(u, w))
      const change = scale(matmul(u, rest, { transposeA: true }), { factor: learningRate * (1 / batch) })
      return { w: add(w, change), energy: scale(reduce(multiply(rest, rest)), { factor: 1 / batch }) }
    })
    if (made.w) {
      if (w !== start.w) w.dispose()
      w = made.w
    }
    const [won, gained, mean] = await Promise.all([values(made.wins), values(made.gains), values(made.energy)])
    for (const tensor of [made.wins, made.gains, made.energy]) tensor?.dispose()
    if (options.tally && t < end - options.tally) continue
    for (const [unit, n] of won.entries()) wins[unit] = (wins[unit] ?? 0) + n
    for (const [unit, n] of gained.entries()) gains[unit] = (gains[unit] ?? 0) + n
    const patches = made.w ? 1 : won.reduce((a, b) => a + b, 0)
    energy += (mean[0] ?? 0) * patches
    weight += patches
  }
  const result = { w: await values(w), wins, gains: gains.map(Math.fround), energy: weight ? Math.fround(energy / weight) : 0 }
  if (w !== start.w) w.dispose()
  return result
}

for (const { kind, path, processors } of kinds) {
  if (addon.probe(kind, path).count === 0) continue
  describe(processors ? `${kind}, ${processors} multiprocessors` : kind, () => {
    if (processors) process.env.STRIATE_CUDA_SMS = `${processors}`
    const device = testDevice(kind, path)
    delete process.env.STRIATE_CUDA_SMS
    for (const { op, cases } of proofs)
      describe(op, () => {
        for (const c of cases)
          it(`${c.name}: the bits of its ops one by one`, async () => {
            const [once, single] = [given(c, device), given(c, device)]
            expect(await learn(op, once)).toEqual(await oneByOne(op, single))
            dispose(once)
            dispose(single)
          })

        it('one run in several calls gives the bits of one call', async () => {
          for (const c of cases.filter(({ name }) => name.includes('epoch boundary'))) {
            const [whole, parts] = [given(c, device), given(c, device)]
            const all = await learn(op, whole)
            const wins: number[] = []
            let w: number[] = []
            for (const [first, steps] of [
              [0, 1],
              [1, 3],
              [4, 1],
            ] as const) {
              const firstStep = parts.options.firstStep + first
              const part = await learn(op, { ...parts, options: { ...parts.options, firstStep, steps } })
              for (const [unit, n] of part.wins.entries()) wins[unit] = (wins[unit] ?? 0) + n
              w = part.w
            }
            expect(w).toEqual(all.w)
            expect(wins).toEqual(all.wins)
            dispose(whole)
            dispose(parts)
          }
        })
      })
  })
}
