// The measuring side: both halves of the shared data, goals, tables, refusals. Nothing here asserts a time.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '#root'
import { cases } from '../../lib/bench/cases.js'
import { difference, summarise, uniform, unitRows } from '../../lib/bench/data.js'
import {
  type BenchRow,
  benchOps,
  describeBench,
  describeJob,
  formatBench,
  formatJob,
  markdownBench,
  runBench,
  runJob,
} from '../../lib/bench/index.js'
import { judge } from '../../lib/bench/rows.js'
import { spread } from '../../lib/bench/timing.js'
import { classify } from '../../lib/eval/index.js'
import { trainLocal } from '../../lib/learn/index.js'
import { type Layer, Network, resNet18 } from '../../lib/models/index.js'
import { recipe } from '../../lib/reproduce/index.js'
import { renderSet } from '../../lib/scene/index.js'

const row = (change: Partial<BenchRow> = {}): BenchRow => ({
  op: 'gemm',
  case: 'a case',
  device: 'cpu',
  threads: 1,
  rounds: 3,
  unit: 'images',
  rate: { median: 4930, lower: 4900, upper: 5000 },
  clock: 'cpu',
  limit: { kind: 'fma', rate: 7420, share: 0.664 },
  peer: {
    forms: { default: { rate: { median: 1500, lower: 1400, upper: 1600 }, error: 1e-7, rounds: 3, lighter: false } },
    failed: {},
    best: 'default',
    ratio: { median: 3.29, lower: 3.2, upper: 3.3 },
    ratioToDefault: { median: 3.29, lower: 3.2, upper: 3.3 },
  },
  must: { ratio: 2.8, share: 0.6 },
  reach: { ratio: 3.5, share: 0.75 },
  met: null,
  ...change,
})

describe('shared data', () => {
  it('is what bench/peers/data.py makes', () => {
    // From `uniform(seed, n)` there, times 2^24.
    const bits = (seed: number, n: number): number[] => Array.from(uniform(seed, n), (x) => x * 2 ** 24)
    expect(bits(1, 4)).toEqual([9620015, 9871609, 11813403, 15565278])
    expect(bits(2, 4)).toEqual([3987171, 1227907, 2765585, 2917718])
  })

  it('has unit rows', () => {
    const rows = unitRows(uniform(3, 12), 4)
    for (let i = 0; i < 12; i += 4) {
      expect(rows.subarray(i, i + 4).reduce((sum, x) => sum + x * x, 0)).toBeCloseTo(1, 6)
    }
  })

  it('tells results apart', () => {
    const x = uniform(4, 1000)
    expect(difference(summarise(x), summarise(x))).toBe(0)
    const other = x.slice()
    other[0] = (other[0] as number) + 0.5 // the first element is always in the sample
    expect(difference(summarise(other), summarise(x))).toBeGreaterThan(0.1)
    other[0] = Number.NaN
    expect(difference(summarise(other), summarise(x))).toBe(Number.POSITIVE_INFINITY)
    expect(difference(summarise(x.subarray(1)), summarise(x))).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('goals', () => {
  it('are met only when ratio and share are', () => {
    expect(judge(row())).toBe('must')
    expect(judge(row({ limit: { kind: 'fma', rate: 7420, share: 0.5 } }))).toBe('missed')
    expect(judge(row({ reach: { ratio: 3, share: 0.66 } }))).toBe('reach')
    expect(judge(row({ check: { error: 1, tolerance: 1e-5, agrees: false } }))).toBe('missed')
  })

  it('leave a ratio that would take more than the limit to the share', () => {
    const best = 0.55 * 7420
    const goal = { must: { ratio: 2, share: 0.6 }, limit: { kind: 'fma' as const, rate: 7420, share: 0.61 } }
    const fast = row(goal)
    const form = Object.values(fast.peer?.forms ?? {})[0]
    if (form) form.rate = { median: best, lower: best, upper: best }
    expect(judge(fast)).toBe('must')
    expect(formatBench([fast])).toContain('2.00x (beyond the limit), 60 %')
    fast.must = { ratio: 2, share: 0.62 }
    expect(judge(fast)).toBe('missed')
  })

  it('stay open where the run cannot tell', () => {
    const { peer: _, ...alone } = row()
    expect(judge(alone)).toBe(null)
  })

  it('come with distinct cases and a formula for the limit', () => {
    expect(new Set(cases.map((c) => `${c.op} ${c.name}`)).size).toBe(cases.length)
    for (const c of cases) expect(c.limit.amount).toBeGreaterThan(0)
  })

  it('have a peer where there is a file of it', () => {
    for (const c of cases) expect(existsSync(join(root, 'bench', 'peers', `${c.op}.py`)), c.op).toBe(c.peer)
  })

  it('count three products for each layer of ResNet-18, and two for the first', () => {
    const own = cases.filter((c) => c.op === 'train_resnet18')
    expect(own).toHaveLength(2)
    for (const { sizes, units, limit } of own) {
      const { side, classes } = sizes as { side: number; classes: number }
      using net = new Network(resNet18({ image: [side, side], classes: Array.from({ length: classes }, String) }))
      let flops = 0
      const visit = (layer: Layer): void => {
        const positions = layer.output.slice(1).reduce((a, b) => a * b, 1)
        const products = layer.name === 'conv1' ? 2 : 3
        if (layer.parameters.weight) flops += products * 2 * layer.parameters.weight.size * positions
        layer.children.forEach(visit)
      }
      net.layers.forEach(visit)
      expect(limit.amount).toBe(units * flops)
    }
  })
})

describe('tables', () => {
  it('show rate, share, best peer, ratio and goal', () => {
    const text = formatBench([row({ met: 'must' })])
    for (const part of [
      '4930 images/s',
      '66 % of FMA peak',
      '1500 images/s default',
      '3.29x (3.20x-3.30x)',
      '2.80x, 60 % / 3.50x, 75 %: met',
    ])
      expect(text).toContain(part)
  })

  it('say when the machine was not idle', () => {
    const machine = {
      processor: 'a processor',
      cores: 2,
      instructionSet: 'AVX2',
      kind: 'cpu' as const,
      device: 'cpu',
      libraries: '',
    }
    const limits = { fmaGflops: 240, readGbs: 40, copyGbs: 50 }
    const report = { date: '2026-11-22', striate: '0', node: 'v20', machine, threads: 1, rounds: 9, limits, peer: null }
    expect(describeBench({ ...report, load: 3.24 }).join(' ')).toContain('not idle: other programs had a load average of 3.2')
    expect(describeBench({ ...report, load: 0.1 }).join(' ')).not.toContain('idle')
  })

  it('say why a figure is missing', () => {
    const { peer: _, ...alone } = row({ note: 'no peer: python3 has no PyTorch' })
    expect(formatBench([alone])).toContain('no peer: python3 has no PyTorch')
    expect(formatBench([row({ check: { error: 0.3, tolerance: 1e-5, agrees: false } })])).toContain('DISAGREES by 3.0e-1')
  })

  it('say which forms are not compared, and why', () => {
    const form = (error: number, lighter = false) => ({ rate: { median: 1, lower: 1, upper: 1 }, error, rounds: 3, lighter })
    const { peer } = row()
    const forms = { default: form(1e-8), rounded: form(3e-6), half: form(0, true) }
    const text = formatBench([
      row({
        check: { error: 1e-8, tolerance: 1e-6, agrees: true },
        peer: { ...(peer as NonNullable<typeof peer>), forms, failed: { compiled: 'no compiler' } },
      }),
    ])
    expect(text).toContain(
      'Not compared, gemm a case: rounded is off by 3.0e-6, where 0.000001 is allowed; half does less than the work; compiled cannot run here (no compiler).',
    )
    expect(formatBench([row({ check: { error: 1e-8, tolerance: 1e-6, agrees: true } })])).not.toContain('Not compared')
  })

  it('come as Markdown', { timeout: 60_000 }, async () => {
    const report = await runBench({ ops: ['gemm'], rounds: 3, peers: false })
    expect(report.rows.map((r) => r.op)).toEqual(cases.map((c) => c.op).filter((op) => op === 'gemm'))
    expect(report.rows.every((r) => r.rate.median > 0 && r.met === null)).toBe(true)
    const lines = markdownBench(report).split('\n')
    expect(lines[1]).toMatch(/^\|( --- \|)+$/)
    expect(lines.at(-1)).toContain('Medians over 3 rounds')
  })
})

describe('a run', () => {
  it('refuses what it does not know', async () => {
    await expect(runBench({ ops: ['foo'] })).rejects.toThrow(
      `ops.0 is 'foo'; expected ${benchOps
        .slice(0, -1)
        .map((op) => `'${op}'`)
        .join(', ')} or 'scaling'`,
    )
    await expect(runBench({ rounds: 1 })).rejects.toThrow('rounds is 1')
    await expect(runBench({ ops: ['gemm'], python: 'python3', peers: false })).rejects.toThrow('python is given without peers')
    await expect(runBench({ ops: ['gemm'], python: 'no-such-python' })).rejects.toThrow(
      'python is no-such-python cannot be started',
    )
  })

  it('ends when its signal says so', async () => {
    const reason = new Error('enough')
    await expect(runBench({ ops: ['gemm'], peers: false }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('the whole job', () => {
  const made = { count: 120, size: 32, ranges: { shape: ['disc', 'square'] } } as const
  const small = { units: 12, steps: 20, epochs: 2 }

  it('is timed phase by phase, and its classifier tested', { timeout: 60_000 }, async () => {
    const [train, test] = [await renderSet({ ...made, seed: 1 }), await renderSet({ ...made, seed: 2 })]
    const phases = new Set<string>()
    const report = await runJob(train, test, { ...small, peers: false }, { onProgress: ({ phase }) => void phases.add(phase) })
    expect(Object.keys(report.ours.phases)).toEqual(['filters', 'features', 'readout', 'test'])
    for (const seconds of Object.values(report.ours.phases)) expect(seconds).toBeGreaterThan(0)
    // The recipe's block and readout, without a choice among settings.
    const { filters, blocks, readout } = recipe('grinberg', { filters: { units: 12, steps: 20, batch: 1000 } })
    const whole = { ...readout, epochs: 2, validation: 0, refit: false }
    const { net } = await trainLocal(train, { ...(filters ? { filters } : {}), ...(blocks ? { blocks } : {}), readout: whole })
    expect(report.ours.testError).toBe((await classify(net, test)).score.value)
    net.dispose()
    expect([...phases].slice(0, 2)).toEqual(['filters', 'features'])
    expect(report).toMatchObject({ peer: null, images: { train: 120, test: 120 }, work: { window: 4, power: 40, ...small } })
    expect(describeJob(report)[2]).toBe('No peer was measured.')
    expect(formatJob(report).split('\n').at(-1)).toMatch(/^test error +\d+\.\d\d %$/)
    // Beside a peer: ratios of each phase and of their sums.
    const versions = { python: '3', torch: '2', numpy: '1', threads: 1, device: 'cpu', precision: 'highest', environment: {} }
    const ours = { phases: { filters: 1, features: 2, readout: 3, test: 4 }, testError: 0.25, memory: 2 ** 30 }
    const peer = {
      phases: { filters: 3, features: 4, readout: 3, test: 10 },
      forms: { filters: 'a form' },
      testError: 0.26,
      versions,
    }
    const lines = formatJob({ ...report, ours, peer }).split('\n')
    expect(lines[2]).toMatch(/^filters +1\.0 s +3\.0 s +3\.00x +a form$/)
    expect(lines[6]).toMatch(/^all +10\.0 s +20\.0 s +2\.00x$/)
    expect(lines[7]).toMatch(/^test error +25\.00 % +26\.00 %$/)
  })

  it('refuses images without classes in common, and a Python without PyTorch', async () => {
    const train = await renderSet(made)
    const other = await renderSet({ ...made, ranges: { shape: ['disc', 'ring'] } })
    await expect(runJob(train, other, small)).rejects.toThrow('without common classes')
    await expect(runJob(train, train, { ...small, python: 'no-such-python' })).rejects.toThrow('cannot be started')
  })
})

it('takes quartiles between neighbours', () => {
  expect(spread([4, 1, 3, 2])).toEqual({ lower: 1.75, median: 2.5, upper: 3.25 })
})
