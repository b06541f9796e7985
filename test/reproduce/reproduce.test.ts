// Studies: kept, shared and repeated parts, and what is written about them. The command runs on tiny images in the IDX layout.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '#root'
import { cpu, DataError, type Images, labelsOf, selectImages } from '../../lib/index.js'
import { takeLock } from '../../lib/io/lock.js'
import { type NetworkResult, type Part, runStudy, type Study, type StudyData, type StudyRun } from '../../lib/reproduce/index.js'
import { localPart, runPart, twinPart } from '../../lib/reproduce/networks.js'
import { labelledStudy } from './flat_study.js'

const main = join(root, 'dist', 'cli', 'main.js')
let folder: string
let set: Images
let data: StudyData
const options = { quick: true, seeds: [0] }

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'striate-reproduce-'))
  ;({ set, data } = await labelledStudy())
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const study = (...parts: Part[]): Study => ({
  name: 'made',
  source: 'a test',
  about: 'parts',
  needs: 'labelled images: train and test',
  parts: () => parts,
  report: async () => ({ values: [], charts: [], tables: [], notes: [] }),
})
interface Begun extends Partial<StudyRun> {
  data?: StudyData
  reportOnly?: boolean
  part?: string
}
const begin = (out: string, more: Begun = {}) => ({ ...more, out: join(folder, out) })
const resultsOf = async (parts: Part[], { data: own = data, reportOnly = false, part, ...run }: ReturnType<typeof begin>) => {
  const asked = { ...options, reportOnly, ...(part === undefined ? {} : { part }) }
  return [...(await runStudy(study(...parts), own, asked, { device: cpu(), ...run })).values()].map((record) => record.result)
}

/** A part that counts its runs. */
function counted(name: string, settings: object = {}, result: (runs: number) => unknown = (runs) => ({ runs })) {
  const part = {
    name,
    about: name,
    settings,
    expected: { minutes: 0, bytes: 0 },
    runs: 0,
    run: async () => result(++part.runs),
  }
  return part
}

describe('runStudy', () => {
  it('runs a part once for its settings and data, and again when they change', async () => {
    const run = begin('once')
    const a = counted('a', { epochs: 1 })
    const b = counted('b', {}, () => ({ error: Number.NaN, points: [1, 2] }))
    // As a result reads the second time, so it reads the first time.
    const first = await resultsOf([a, b], run)
    expect(first).toEqual([{ runs: 1 }, { error: null, points: [1, 2] }])
    expect(await resultsOf([a, b], run)).toEqual(first)
    expect([a.runs, b.runs]).toEqual([1, 1])
    expect(await resultsOf([{ ...a, settings: { epochs: 2 } }, b], run)).toEqual([{ runs: 2 }, first[1]])
    await resultsOf([b], begin('once', { data: { ...data, test: data.train } }))
    expect([a.runs, b.runs]).toEqual([2, 2])
  })

  it('goes on with the part at which it was stopped', async () => {
    const stop = new AbortController()
    const a = counted('a')
    const b = counted('b')
    const c = counted('c')
    b.run = async () => {
      if (++b.runs === 1) {
        stop.abort(new Error('stopped'))
        stop.signal.throwIfAborted()
      }
      return { runs: b.runs }
    }
    await expect(resultsOf([a, b, c], begin('stopped', { signal: stop.signal }))).rejects.toThrow('stopped')
    expect(await resultsOf([a, b, c], begin('stopped', { reportOnly: true }))).toEqual([{ runs: 1 }])
    expect(await resultsOf([a, b, c], begin('stopped'))).toEqual([{ runs: 1 }, { runs: 2 }, { runs: 1 }])
    expect([a.runs, b.runs, c.runs]).toEqual([1, 2, 1])
  })

  it('clears what other settings left unfinished, and checkpoints once the result is kept', async () => {
    const run = begin('unfinished')
    const seen: string[][] = []
    const part = (settings: object, fails: boolean): Part => ({
      ...counted('a', settings),
      run: async (context) => {
        seen.push(readdirSync(context.folder).sort())
        writeFileSync(join(context.folder, 'x.checkpoint.safetensors'), '')
        if (fails) throw new Error('cut')
        return {}
      },
    })
    await expect(resultsOf([part({ epochs: 1 }, true)], run)).rejects.toThrow('cut')
    await expect(resultsOf([part({ epochs: 1 }, true)], run)).rejects.toThrow('cut')
    await resultsOf([part({ epochs: 2 }, false)], run)
    expect(seen).toEqual([['part.json'], ['part.json', 'x.checkpoint.safetensors'], ['part.json']])
    expect(readdirSync(join(folder, 'unfinished', 'parts', 'a'))).toEqual(['part.json'])
    // Killed just after the result was kept, before the checkpoint went.
    writeFileSync(join(folder, 'unfinished', 'parts', 'a', 'x.checkpoint.safetensors'), '')
    await resultsOf([part({ epochs: 2 }, true)], run)
    expect(readdirSync(join(folder, 'unfinished', 'parts', 'a'))).toEqual(['part.json'])
  })

  it('runs one part alone, and names those that there are', async () => {
    const [a, b] = [counted('a'), counted('b')]
    expect(await resultsOf([a, b], begin('alone', { part: 'b' }))).toEqual([{ runs: 1 }])
    expect([a.runs, b.runs]).toEqual([0, 1])
    await expect(resultsOf([a, b], begin('alone', { part: 'c' }))).rejects.toThrow("reproduce: part is 'c'; expected a, b")
    // What was kept by others is there.
    expect(await resultsOf([a, b], begin('alone', { part: 'a' }))).toEqual([{ runs: 1 }, { runs: 1 }])
  })

  it('leaves a part that another process runs to it, and comes back', async () => {
    const parts = [counted('a'), counted('b')]
    const said: string[] = []
    const release = await takeLock(join(folder, 'shared-out', 'parts', 'a'), 'test')
    const run = begin('shared-out', { onPlan: (text) => said.push(text) })
    await expect(resultsOf(parts, { ...run, part: 'a' })).rejects.toThrow(
      /parts.a is in work by process \d+ on .*; expected a folder that nobody works in/,
    )
    const whole = resultsOf(parts, run)
    while (parts[1]?.runs === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    // Its result is there before its lock is gone: it is not run again.
    const record = {
      name: 'a',
      settings: {},
      data: { train: data.train.sha256, test: data.test.sha256 },
      device: 'cpu:0',
      seconds: 1,
      finished: '2026-01-01T00:00:00.000Z',
      result: { elsewhere: true },
      sha256: createHash('sha256').update('{"elsewhere":true}').digest('hex'),
    }
    writeFileSync(join(folder, 'shared-out', 'parts', 'a.json'), JSON.stringify(record))
    await release()
    expect(await whole).toEqual([{ elsewhere: true }, { runs: 1 }])
    expect(parts.map(({ runs }) => runs)).toEqual([0, 1])
    expect(said).toEqual([expect.stringMatching(/^part a is in work by process \d+ on .*: later$/), 'part 2 of 2: b'])
    expect(readdirSync(join(folder, 'shared-out', 'parts')).sort()).toEqual(['a.json', 'b', 'b.json'])
  })

  it('stops waiting for another process on its signal', async () => {
    const release = await takeLock(join(folder, 'waiting', 'parts', 'a'), 'test')
    const stop = new AbortController()
    const waiting = resultsOf(
      [counted('a')],
      begin('waiting', { signal: stop.signal, onPlan: () => stop.abort(new Error('enough')) }),
    )
    await expect(waiting).rejects.toThrow('enough')
    await release()
  })

  it('refuses a damaged result by its name', async () => {
    const run = begin('damaged')
    const a = counted('a')
    await resultsOf([a], run)
    const file = join(folder, 'damaged', 'parts', 'a.json')
    const kept = readFileSync(file, 'utf8')
    for (const text of ['{"name": "a", "set', '{}', 'null', '[]', '', kept.replace('"runs": 1', '"runs": 2')]) {
      writeFileSync(file, text)
      await expect(resultsOf([a], run), text).rejects.toThrow(
        /damaged.parts.a\.json is damaged.*; expected a result that reproduce wrote \(delete it/,
      )
    }
    rmSync(file)
    expect(await resultsOf([a], run)).toEqual([{ runs: 2 }])
    writeFileSync(join(folder, 'a-file'), '')
    await expect(resultsOf([a], begin('a-file'))).rejects.toThrow(DataError)
  })
})

const block = {
  window: 4,
  units: 12,
  power: 10,
  pool: { size: 11, stride: 6 },
  filters: { steps: 120, batch: 200, antiHebbian: 0.2 },
}
const expected = { minutes: 0, bytes: 0 }
const parts = (): Part<NetworkResult>[] => [
  localPart({ name: 'local', about: 'local', blocks: [block], readout: { epochs: 4, batch: 20 }, seed: 0, expected }),
  twinPart({
    name: 'twin',
    about: 'twin',
    blocks: [{ ...block, power: 1 }],
    options: { epochs: 3, batch: 20, validation: 0.1 },
    seed: 0,
    expected,
  }),
  runPart({
    name: 'run',
    about: 'run',
    options: {
      filters: { units: 12, steps: 20, batch: 100 },
      trunk: [{ pool: { size: 2, stride: 2 } }],
      blocks: [{ response: 'both-signs', pool: { size: 5, stride: 5 } }],
      readout: { epochs: 4, batch: 20 },
    },
    seed: 0,
    expected,
  }),
]
/** Everything but the clock. */
const numbers = (results: unknown[]) =>
  (results as NetworkResult[]).map(({ seconds: _seconds, ...r }) => ({ ...r, curve: r.curve.map(({ error }) => error) }))

describe('parts that train networks', () => {
  it('stopped anywhere within and run again, give the same numbers', async () => {
    const whole = numbers(await resultsOf(parts(), begin('whole')))
    expect(whole).toMatchObject([
      { curveOn: 'validation', failed: null, before: { loss: null } },
      { curveOn: 'test', failed: null, testImages: 80, before: { loss: expect.closeTo(Math.log(8), 0) } },
      { curveOn: 'validation', failed: null, before: null, testImages: 80 },
    ])
    let times = 0
    let results: unknown[] | null = null
    while (!results) {
      const stop = new AbortController()
      let events = 0
      const onProgress = () => ++events === 5 + times && stop.abort()
      results = await resultsOf(parts(), begin('cut', { signal: stop.signal, onProgress })).catch((error) => {
        if (!stop.signal.aborted) throw error
        return null
      })
      expect(++times).toBeLessThan(60)
    }
    expect(times).toBeGreaterThan(5)
    expect(numbers(results)).toEqual(whole)
    expect(readdirSync(join(folder, 'cut', 'shared'))).toHaveLength(1)
  })

  it('learn filters anew for other images', async () => {
    const run = begin('shared')
    await resultsOf(parts().slice(0, 1), run)
    const other = {
      ...data,
      train: await selectImages(
        set,
        Int32Array.from({ length: 200 }, (_, i) => i),
      ),
    }
    await resultsOf(parts().slice(0, 1), { ...run, data: other })
    expect(readdirSync(join(folder, 'shared', 'shared'))).toHaveLength(2)
  })

  it('that end in a loss that is no number say why, and the study goes on', async () => {
    const wild = (name: string, learningRate: number): Part =>
      twinPart({
        name,
        about: name,
        blocks: [{ ...block, power: 20 }],
        options: { epochs: 3, batch: 20, validation: 0, optimiser: { kind: 'adam', learningRate }, maxLoss: 1e38 },
        seed: 0,
        expected,
      })
    const after = counted('after')
    const results = await resultsOf([wild('wild', 1e6), after], begin('failing'))
    const [failed] = results as NetworkResult[]
    expect(failed?.failed).toMatch(/loss is .* at step \d+ \(epoch \d+\), from /)
    expect(failed).toMatchObject({
      testError: 0.875,
      shadowError: 0.875,
      curve: [],
      trainLoss: null,
      before: { gradientNorm: expect.any(Number) },
    })
    expect(after.runs).toBe(1)
    expect(await resultsOf([wild('wild', 1e6), after], begin('failing'))).toEqual(results)
  })
})

describe('striate reproduce', () => {
  const striate = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'reproduce', ...args], {
      cwd: folder,
      encoding: 'utf8',
    })
    return { status, stdout, stderr }
  }
  const read = (...path: string[]) => JSON.parse(readFileSync(join(folder, ...path), 'utf8'))
  const names = ['grinberg-fig1', 'grinberg-fig2', 'grinberg-fig3', 'grinberg-table', 'baselines', 'label-free']

  beforeAll(async () => {
    mkdirSync(join(folder, 'images'))
    for (const [stem, images] of [
      ['train', data.train],
      ['t10k', data.test],
    ] as const) {
      const [n, c, h, w] = images.shape
      const pixels = images.pixels as Uint8Array
      const head = (...values: number[]) => {
        const bytes = Buffer.alloc(4 * values.length)
        values.forEach((value, i) => {
          bytes.writeUInt32BE(value, 4 * i)
        })
        return bytes
      }
      // The first of the three channels.
      const grey = Buffer.concat(Array.from({ length: n }, (_, i) => pixels.subarray(i * c * h * w, (i * c + 1) * h * w)))
      writeFileSync(join(folder, 'images', `${stem}-images-idx3-ubyte`), Buffer.concat([head(0x803, n, h, w), grey]))
      writeFileSync(
        join(folder, 'images', `${stem}-labels-idx1-ubyte`),
        Buffer.concat([head(0x801, n), Uint8Array.from(labelsOf(images)?.labels as Int32Array)]),
      )
    }
  })

  it('lists the studies with what they cost, for people and for programs', () => {
    const text = striate('--list')
    expect(text.status, text.stderr).toBe(0)
    for (const name of names) expect(text.stdout).toMatch(new RegExp(`^${name} .*\n .*about .* of memory`, 'm'))
    const list: { name: string; source: string; minutes: number; bytes: number }[] = JSON.parse(
      striate('--list', '--json').stdout,
    ).studies
    expect(list.map(({ name }) => name)).toEqual(expect.arrayContaining(names))
    for (const { source, minutes, bytes } of list) {
      expect(source).toBeTruthy()
      expect(minutes).toBeGreaterThan(0)
      expect(bytes).toBeGreaterThan(0)
    }
  })

  it('lists the parts of a study', () => {
    const text = striate('grinberg-fig2', '--parts', '--quick')
    expect(text.status, text.stderr).toBe(0)
    expect(text.stdout).toMatch(/^quick-local-one-seed0 +\d+ s +one block, learned locally, seed 0$/m)
    const { parts } = JSON.parse(striate('--parts', 'grinberg-fig2', '--json').stdout)
    expect(parts).toHaveLength(12)
    expect(parts[0]).toEqual({ name: 'local-one-seed0', about: 'one block, learned locally, seed 0', minutes: 1, done: false })
  })

  it('refuses wrong usage in one sentence', () => {
    const on = ['--data', 'images', '--out', 'never']
    for (const [code, text, args] of [
      [2, /'fig9' is no study; expected grinberg-fig1, /, ['fig9', ...on]],
      [2, /the name of a study is missing; expected grinberg-fig1, /, on],
      [2, /--data is missing/, ['grinberg-fig1']],
      [2, /--seeds/, ['grinberg-fig1', ...on, '--seeds', 'x']],
      [2, /--seeds.*'0.5' is invalid. expected a whole number/, ['grinberg-fig1', ...on, '--seeds', '0.5']],
      [
        2,
        /part is 'quick-local'; expected filters-w8-seed0, /,
        ['grinberg-fig1', '--data', 'images', '--out', 'none-such', '--part', 'quick-local'],
      ],
      [1, /nowhere is missing/, ['grinberg-fig1', '--data', 'nowhere', '--out', 'never']],
      [1, /device is 'tpu'/, ['grinberg-fig1', ...on, '--device', 'tpu']],
    ] as const) {
      const { status, stderr } = striate(...args)
      expect(stderr).toMatch(text)
      expect(stderr).not.toMatch(/\n\s+at /)
      expect(status, stderr).toBe(code)
    }
    expect(existsSync(join(folder, 'never'))).toBe(false)
    writeFileSync(join(folder, 'taken'), '')
    const { status, stderr } = striate('grinberg-fig1', '--data', 'images', '--quick', '--out', 'taken')
    expect(stderr).toMatch(/^striate: [^\n]*taken[^\n]*\n$/)
    expect(status).toBe(1)
  })

  it('reports on what is there: of nothing, that nothing was run', () => {
    for (const name of names) {
      const { status, stderr } = striate(name, '--data', 'images', '--quick', '--report-only', '--out', 'none')
      expect(status, stderr).toBe(0)
      const page = readFileSync(join(folder, 'none', `${name}-quick`, 'index.html'), 'utf8')
      expect(page).toMatch(/Not run yet: quick-/)
      expect(page).toMatch(/not run</)
      expect(read('none', `${name}-quick`, 'results.json')).toMatchObject({ parts: [], quick: true, notRun: expect.any(Array) })
    }
  })

  it('repeats figures 1 and 2 in small: interrupted, killed and gone on with, to numbers, figures and a page', async () => {
    const args = ['--data', 'images', '--quick', '--out', 'runs']
    const fig1 = striate('grinberg-fig1', ...args)
    expect(fig1.status, fig1.stderr).toBe(0)
    expect(fig1.stdout).toMatch(/units that learned nothing: paper 5, ours \d/)
    const figure = join(folder, 'runs', 'grinberg-fig1-quick')
    for (const file of ['results.json', 'index.html', 'filters.svg', 'filters.png'])
      expect(statSync(join(figure, file)).size, file).toBeGreaterThan(500)

    const part = join(folder, 'runs', 'parts', 'quick-local-one-seed0')
    for (const [signal, at, code] of [
      ['SIGINT', join(folder, 'runs', 'parts'), 130],
      ['SIGKILL', part, 'SIGKILL'],
      ['SIGKILL', `${part}.json`, 'SIGKILL'],
    ] as const) {
      const all = ['reproduce', 'grinberg-fig2', ...args]
      const child = spawn(process.execPath, [main, ...all], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
      let stderr = ''
      child.stderr.on('data', (text) => {
        stderr += text
      })
      const ended = new Promise((resolve) => child.on('close', (status, killed) => resolve(status ?? killed)))
      while (
        !(existsSync(at) && stderr.includes('filters:')) &&
        !(at.endsWith('.json') && existsSync(at)) &&
        child.exitCode === null
      )
        await new Promise((resolve) => setTimeout(resolve, 5))
      child.kill(signal)
      expect(await ended, stderr).toBe(code)
      if (code === 130) expect(stderr).toMatch(/^striate: interrupted; what was done is kept, go on with the same command\n$/m)
    }
    const kept = readFileSync(`${part}.json`, 'utf8')
    const fig2 = striate('grinberg-fig2', ...args, '--json')
    expect(fig2.status, fig2.stderr).toBe(0)
    expect(readFileSync(`${part}.json`, 'utf8')).toBe(kept)
    const results = read('runs', 'grinberg-fig2-quick', 'results.json')
    expect(JSON.parse(fig2.stdout)).toMatchObject({ study: 'grinberg-fig2', values: results.values })
    expect(results).toMatchObject({
      study: 'grinberg-fig2',
      quick: true,
      seeds: [0],
      command: 'striate reproduce grinberg-fig2 --data images --quick',
      notRun: [],
      striate: expect.stringMatching(/^\d+\.\d+\.\d+/),
      node: process.version,
      machine: { cores: expect.any(Number), threads: expect.any(Number), instructionSet: expect.any(String) },
      data: {
        train: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/), shape: [240, 1, 32, 32] },
        test: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/), shape: [80, 1, 32, 32] },
      },
    })
    expect(results.parts.map((p: { name: string }) => p.name)).toEqual(
      ['local-one', 'twin-one', 'local-five', 'twin-five'].map((stem) => `quick-${stem}-seed0`),
    )
    expect(results.values.map((v: { published: number }) => v.published)).toEqual([27.8, 27.11, 23, 23])
    for (const { ours, published, mean, difference } of results.values) {
      expect(ours).toHaveLength(1)
      expect(mean).toBe(ours[0])
      expect(difference).toBeCloseTo(mean - published, 9)
    }
    const page = readFileSync(join(folder, 'runs', 'grinberg-fig2-quick', 'index.html'), 'utf8')
    expect(page).toMatch(/27\.11/)
    expect(page).toMatch(/A quick run/)
    for (const file of ['one-block.svg', 'five-blocks.svg'])
      expect(readFileSync(join(folder, 'runs', 'grinberg-fig2-quick', file), 'utf8')).toMatch(/^<svg/)
    expect(
      readdirSync(join(folder, 'runs'), { recursive: true }).filter((file) => String(file).includes('.checkpoint.')),
    ).toEqual([])

    const listed = striate('--parts', 'grinberg-fig2', ...args.slice(0, 3), '--out', 'runs', '--json').stdout
    expect(JSON.parse(listed).parts.map(({ done }: { done: boolean }) => done)).toEqual([true, true, true, true])
    // One part alone: it is there already, and the page still shows the others.
    const one = striate('grinberg-fig2', ...args, '--part', 'quick-local-one-seed0')
    expect(one.status, one.stderr).toBe(0)
    expect(read('runs', 'grinberg-fig2-quick', 'results.json').values).toEqual(results.values)

    // Figure 3 needs nothing but parts of figure 2.
    const fig3 = striate('grinberg-fig3', ...args, '--report-only')
    expect(fig3.status, fig3.stderr).toBe(0)
    const shadows = read('runs', 'grinberg-fig3-quick', 'results.json')
    expect(shadows.notRun).toEqual([])
    expect(shadows.values.every((v: { ours: number[] }) => v.ours.length === 1)).toBe(true)
    expect(existsSync(join(folder, 'runs', 'grinberg-fig3-quick', 'shadows.png'))).toBe(true)
  })
})
