// The one op test: every row of native/ops/table.h, on every device, on every case of its proof in test/ops.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { root } from '#root'
import { Device, testDevice } from '../lib/device.js'
import { DataError, OptionError, ShapeError, type StriateError } from '../lib/errors.js'
import { Tensor } from '../lib/index.js'
import { addon, type OpDescription } from '../lib/native.js'
import { callOp, type TensorSource } from '../lib/tensor.js'
import { allProofs } from './ops/index.js'
import { type Case, type Expected, type Host, type Proof, size } from './ops/proof.js'

const table = addon.describe()
const proofs = await allProofs()
const byOp = new Map(proofs.map((p) => [p.op, p]))

function sim(): string {
  return process.env.STRIATE_SIM_LIBRARY ?? join(root, 'build', 'tests', 'libstriate_cuda_sim.so')
}

interface Candidate {
  kind: string
  device: Device | null
  reason: string
}

/** `processors` caps the multiprocessors that a GPU reports: kernels are chosen by their number. */
function candidate(kind: string, { path, processors }: { path?: string; processors?: number } = {}): Candidate {
  const name = processors ? `${kind}, ${processors} multiprocessors` : kind
  const { count, reason } = addon.probe(kind, path)
  if (count === 0) return { kind: name, device: null, reason }
  if (processors) process.env.STRIATE_CUDA_SMS = `${processors}`
  try {
    return { kind: name, device: new Device(new addon.Device(kind, 0, true, path)), reason }
  } finally {
    delete process.env.STRIATE_CUDA_SMS
  }
}

const folder = mkdtempSync(join(tmpdir(), 'striate-ops-'))
const kernels = join(folder, 'kernels')
process.env.STRIATE_SIM_KERNELS = kernels
const candidates = [
  candidate('cpu'),
  candidate('cuda-sim', { path: sim() }),
  candidate('cuda-sim', { path: sim(), processors: 3 }),
  candidate('cuda'),
  candidate('cuda', { processors: 3 }),
]

const classes = { ShapeError, OptionError, DataError }

const arrays = {
  f32: Float32Array,
  i32: Int32Array,
  u8: Uint8Array,
  bf16: Float32Array,
  f64: Float64Array,
}

function upload(host: Host | null, device: Device): Tensor | null {
  if (!host) return null
  return Tensor.from(new arrays[host.dtype](host.data) as TensorSource, { shape: host.shape, dtype: host.dtype, device })
}

interface Run {
  results: Map<string, { dtype: string; shape: readonly number[]; data: ArrayLike<number> }>
}

async function run(row: OpDescription, testCase: Case, device: Device): Promise<Run> {
  const inputs = testCase.inputs.map((h) => upload(h, device))
  const outputs = callOp(row.name, inputs, testCase.options ?? {}, testCase.request)
  const results: Run['results'] = new Map()
  const keep = async (name: string, tensor: Tensor | null | undefined) => {
    if (tensor) results.set(name, { dtype: tensor.dtype, shape: tensor.shape, data: (await tensor.read()).data })
  }
  for (const [i, output] of row.outputs.entries()) {
    const made = outputs[i]
    if (made) expect(output.dtypes, `element types of ${output.name}`).toContain(made.dtype)
    await keep(output.name, made)
  }
  for (const [i, input] of row.inputs.entries()) if (input.inPlace) await keep(input.name, inputs[i])
  device.raw.checkGuards()
  for (const tensor of [...inputs, ...outputs]) tensor?.dispose()
  return { results }
}

function compare(proof: Proof, testCase: Case, expected: Expected, { results }: Run): void {
  for (const [name, want] of Object.entries(expected)) {
    const got = results.get(name)
    if (!got) throw new Error(`the op gave no ${name}`)
    expect([...got.shape], `shape of ${name}`).toEqual(want.shape)
    let worst = { over: 0, index: -1, error: 0, budget: 0 }
    for (let i = 0; i < size(want.shape); i++) {
      const x = want.data[i] as number
      const y = got.data[i] as number
      if (Object.is(x, y) || x === y || (Number.isNaN(x) && Number.isNaN(y))) continue
      const budget = proof.budget(name, i, expected, testCase)
      const error = Math.abs(y - x)
      if (!(error <= budget)) {
        const over = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error - budget
        if (over >= worst.over) worst = { over, index: i, error, budget }
      }
    }
    if (worst.index >= 0) {
      const i = worst.index
      throw new Error(`${name}[${i}] is ${got.data[i]}; expected ${want.data[i]} +- ${worst.budget} (off by ${worst.error})`)
    }
  }
}

const references = new Map<string, Expected>()
function reference(proof: Proof, testCase: Case): Expected {
  const key = `${proof.op} / ${testCase.name}`
  const known = references.get(key)
  if (known) return known
  const made = proof.reference(testCase)
  references.set(key, made)
  return made
}

describe('the table', () => {
  it('has a proof for every row and a row for every proof', () => {
    expect([...byOp.keys()].sort()).toEqual(table.map((row) => row.name).sort())
    expect(proofs.length).toBe(byOp.size)
  })
  for (const proof of proofs) {
    it(`${proof.op}: cases have names of their own, and something is refused`, () => {
      expect(new Set(proof.cases.map((c) => c.name)).size).toBe(proof.cases.length)
      expect(proof.cases.length).toBeGreaterThan(0)
      expect(proof.refusals.length).toBeGreaterThan(0)
    })
  }
})

describe('an option that the op does not have is refused', () => {
  const device = testDevice('cpu')
  for (const proof of proofs) {
    it(proof.op, () => {
      const { inputs, options, request } = proof.cases[0] as Case
      const tensors = inputs.map((h) => upload(h, device))
      expect(() => callOp(proof.op, tensors, { ...options, misspelt: 1 }, request)).toThrow(
        expect.objectContaining({ name: 'OptionError', op: proof.op, argument: 'misspelt', actual: 'no option of it' }),
      )
      for (const t of tensors) t?.dispose()
    })
  }
})

describe('references agree with finite differences', () => {
  for (const proof of proofs) {
    const { finiteDifference } = proof
    if (!finiteDifference) {
      if (proof.op.endsWith('_grad')) it(`${proof.op} has finite differences`, () => expect(finiteDifference).toBeDefined())
      continue
    }
    for (const testCase of finiteDifference.cases) {
      it(`${proof.op}: ${testCase.name}`, () => {
        const gradients = proof.reference(testCase)
        for (const [name, input] of Object.entries(finiteDifference.of)) {
          const host = testCase.inputs[input] as Host
          const gradient = gradients[name] as Host
          for (let i = 0; i < host.data.length; i++) {
            const at = (delta: number) => {
              const data = Float64Array.from(host.data)
              data[i] = (data[i] as number) + delta
              const inputs = testCase.inputs.map((h, j) => (j === input ? { ...host, data } : h))
              return finiteDifference.loss({ ...testCase, inputs })
            }
            // Central differences of two steps, extrapolated: error O(h^4) plus rounding of about 1e-16 / h.
            const h = 1e-4
            const coarse = (at(2 * h) - at(-2 * h)) / (4 * h)
            const fine = (at(h) - at(-h)) / (2 * h)
            const slope = (4 * fine - coarse) / 3
            const scale = Math.max(1, Math.abs(slope))
            expect(Math.abs((gradient.data[i] as number) - slope) / scale, `${name}[${i}]`).toBeLessThan(1e-6)
          }
        }
      })
    }
  }
})

for (const { kind, device, reason } of candidates) {
  if (!device) {
    const cases = proofs.reduce((n, p) => n + p.cases.length, 0)
    describe(kind, () => {
      it.skip(`0 of ${cases} cases run (${reason})`, () => {})
    })
    if (kind === 'cuda-sim') {
      describe(kind, () => {
        it('is built: npm run build:native -- --tests', () => expect(existsSync(sim()), reason).toBe(true))
      })
    }
    continue
  }
  describe(kind, () => {
    for (const row of table) {
      const proof = byOp.get(row.name)
      if (!proof) continue
      describe(row.name, () => {
        for (const testCase of proof.cases) {
          it(testCase.name, async () => {
            const expected = reference(proof, testCase)
            const before = device.use().guardFaults
            const first = await run(row, testCase, device)
            compare(proof, testCase, expected, first)
            if (proof.repeatable !== false) {
              const second = await run(row, testCase, device)
              for (const [name, { data }] of first.results)
                expect(Buffer.compare(bytes(data), bytes(second.results.get(name)?.data)), `${name} of a second run`).toBe(0)
            }
            expect(device.use().guardFaults - before, 'overwritten guards').toBe(0)
          })
        }
        for (const refusal of proof.refusals) {
          it(`refuses: ${refusal.name}`, async () => {
            const inputs = refusal.inputs.map((h) => upload(h, device))
            const made: (Tensor | null)[] = []
            const call = () => made.push(...callOp(row.name, inputs, refusal.options ?? {}, refusal.request))
            let error: unknown
            try {
              call()
              if (refusal.late) await device.sync()
            } catch (e) {
              error = e
            }
            for (const tensor of [...inputs, ...made]) tensor?.dispose()
            expect(error, 'nothing was refused').toBeInstanceOf(classes[refusal.error])
            const refused = error as StriateError
            expect(refused.op).toBe(row.name)
            if (refusal.argument) expect(refused.argument).toBe(refusal.argument)
            expect(refused.message.split('\n').length).toBe(1)
            if (!refusal.late) expect(made.length, 'outputs of a refused call').toBe(0)
            await device.sync() // the device goes on working
          })
        }
      })
    }
  })
}

describe('limits of a device', () => {
  // The simulation with few multiprocessors is enough: what it simulates takes time.
  for (const { kind, device } of candidates)
    if (device && kind !== 'cuda-sim')
      it(kind, async () => {
        const figures = new Float64Array(await addon.limits(device.raw, 0.001))
        expect(figures.length).toBe(3)
        for (const figure of figures) expect(figure).toSatisfy((x: number) => x > 0 && x < 1e7)
      })
})

describe('the CUDA library', () => {
  it('has no kernel that no case launches', () => {
    const lines = readFileSync(kernels, 'utf8').trimEnd().split('\n')
    const named = (what: string) => lines.filter((line) => line.startsWith(`${what} `)).map((line) => line.slice(what.length + 1))
    const launched = new Set(named('launched'))
    expect(named('holds').length).toBeGreaterThan(0)
    expect(named('holds').filter((name) => !launched.has(name))).toEqual([])
  })
})

afterAll(async () => {
  rmSync(folder, { recursive: true })
  for (const { device } of candidates) {
    if (!device) continue
    await device.sync()
    device.raw.checkGuards()
    expect(device.use()).toMatchObject({ buffers: 0, guardFaults: 0 })
  }
})

function bytes(data: ArrayLike<number> | undefined): Uint8Array {
  const view = data as unknown as ArrayBufferView
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}
