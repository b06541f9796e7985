// Runs that go on from the command line: with their own options alone, from images that may have moved, on the bits that they were begun on; and
// runs of several seeds.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '#root'
import { instructionSet } from '../../lib/index.js'

const main = join(root, 'dist', 'cli', 'main.js')
let folder: string

function run(args: string[], { cwd = folder, env = {} }: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  return { status, stdout, stderr }
}
const striate = (...args: string[]) => run(args)
/** Expects the code and one sentence on stderr. */
function refuses(code: number, text: RegExp, args: string[], env: NodeJS.ProcessEnv = {}) {
  const { status, stderr } = run(args, { env })
  const told = stderr.split('\n').filter((line) => line.startsWith('striate: '))
  expect(told.join('\n'), stderr).toMatch(text)
  expect(stderr).not.toMatch(/\n\s+at /)
  expect(status, stderr).toBe(code)
}
const read = (...path: string[]) => readFileSync(join(folder, ...path))
const local = [
  ...['train', 'local', '--units', '16', '--steps', '300', '--filter-batch', '200', '--powers', '10', '--pool-size', '5'],
  ...['--epochs', '4', '--readout-batch', '20'],
]
const supervised = ['train', 'supervised', '--blocks', 'W4 K6 pool7/5', '--epochs', '3', '--batch', '20']

/** Begins a run that ends for want of room at its first checkpoint after the filters, which are kept. */
function beginLocal(out: string): void {
  const limited = spawnSync(
    'sh',
    ['-c', 'ulimit -f 40 && exec "$@"', 'sh', process.execPath, main, ...local, '--data', 'scenes', '--out', out],
    {
      cwd: folder,
      encoding: 'utf8',
    },
  )
  expect(limited.status, limited.stderr).toBe(1)
  expect(readdirSync(join(folder, out)).sort()).toEqual(['filters.checkpoint.safetensors', 'request.json'])
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'striate-resume-'))
  for (const [name, seed] of [
    ['scenes', '5'],
    ['others', '6'],
  ] as const)
    expect(striate('render', '--out', name, '--count', '120', '--size', '20', '--seed', seed, '--no-page').status).toBe(0)
  const whole = striate(...local, '--data', 'scenes', '--out', 'whole')
  expect(whole.status, whole.stderr).toBe(0)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.skipIf(process.platform === 'win32')('train local --resume', () => {
  it('refuses options other than its own by name, and takes those that change no result', () => {
    beginLocal('options')
    const resume = ['train', 'local', '--resume', 'options']
    for (const [text, ...more] of [
      [/filters\.units is 17; expected 16, as the run in options was begun/, '--units', '17'],
      [/seed is 1; expected 0/, '--seed', '1'],
      [/readout is false; expected \{/, '--no-readout'],
      [/readout\.patience is 3; expected unset/, '--patience', '3'],
      [/readout\.powers is \[10,20\]; expected \[10\]/, '--powers', '10,20'],
      [/images\.limit is 50; expected unset/, '--limit', '50'],
      [/blocks is \[.*; expected \[/, '--blocks', 'W3 K4, W4 K4'],
      [/seeds is \[1,2\]; expected unset/, '--seeds', '1,2'],
      [/--out is given with --resume/, '--out', 'elsewhere'],
    ] as const)
      refuses(2, text, [...resume, ...more])
    const same = striate(
      ...resume,
      '--units',
      '16',
      '--seed',
      '0',
      '--checkpoint-seconds',
      '1',
      '--json',
      '--memory-limit',
      '1GiB',
    )
    expect(same.stderr).toMatch(/readout\.memoryLimit is 1073741824; expected unset/)
    const on = striate(...resume, '--units', '16', '--seed', '0', '--checkpoint-seconds', '1', '--json')
    expect(on.status, on.stderr).toBe(0)
    expect(read('options', 'model.safetensors').equals(read('whole', 'model.safetensors'))).toBe(true)
  })

  it('goes on from another directory, and with images that have moved, if they are the same', () => {
    beginLocal('moved')
    const request = JSON.parse(read('moved', 'request.json').toString())
    expect(request).toMatchObject({ data: join(folder, 'scenes'), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
    renameSync(join(folder, 'scenes'), join(folder, 'moved-scenes'))
    try {
      const resume = ['train', 'local', '--resume', 'moved']
      refuses(1, /scenes is missing/, resume)
      refuses(1, /others is images of SHA-256 [0-9a-f]{64}; expected those of the run in moved/, [...resume, '--data', 'others'])
      const on = run(['train', 'local', '--resume', join(folder, 'moved'), '--data', join('..', 'moved-scenes')], {
        cwd: join(folder, 'whole'),
      })
      expect(on.status, on.stderr).toBe(0)
      expect(JSON.parse(read('moved', 'request.json').toString()).data).toBe(join(folder, 'moved-scenes'))
    } finally {
      renameSync(join(folder, 'moved-scenes'), join(folder, 'scenes'))
    }
    expect(read('moved', 'model.safetensors').equals(read('whole', 'model.safetensors'))).toBe(true)
  })

  it('of a finished run computes nothing, says so, and needs no images', () => {
    const time = statSync(join(folder, 'whole', 'model.safetensors')).mtimeMs
    const again = striate('train', 'local', '--resume', 'whole')
    expect(again).toMatchObject({ status: 0, stderr: '' })
    expect(again.stdout).toMatch(/^the run in whole is finished: nothing was computed/)
    expect(JSON.parse(striate('train', 'local', '--resume', 'whole', '--json').stdout)).toEqual({ out: 'whole', finished: true })
    expect(statSync(join(folder, 'whole', 'model.safetensors')).mtimeMs).toBe(time)
    refuses(2, /filters\.units is 17; expected 16/, ['train', 'local', '--resume', 'whole', '--units', '17'])
  })

  it.skipIf(instructionSet === 'base')('on another instruction set asks for --allow-other-bits', () => {
    beginLocal('bits')
    const resume = ['train', 'local', '--resume', 'bits']
    const base = { STRIATE_SIMD: 'base' }
    refuses(
      2,
      /is of a run on cpu with .+, whose bits are not those of cpu with .*; expected the same, or allowOtherBits/,
      resume,
      base,
    )
    const on = run([...resume, '--allow-other-bits'], { env: base })
    expect(on.status, on.stderr).toBe(0)
    expect(existsSync(join(folder, 'bits', 'model.safetensors'))).toBe(true)
  })

  it('names a request that is damaged', () => {
    beginLocal('request')
    const sound = JSON.parse(read('request', 'request.json').toString())
    for (const [text, said] of [
      ['{', /request\.json is damaged \(no JSON\)/],
      [JSON.stringify({ ...sound, options: { ...sound.options, seed: 'x' } }), /request\.json is damaged .*options\.seed is 'x'/],
      [JSON.stringify({ ...sound, sha256: null }), /request\.json is damaged .*sha256 is null/],
      [JSON.stringify({ ...sound, colour: 1 }), /request\.json is damaged .*colour is no option/],
    ] as const) {
      writeFileSync(join(folder, 'request', 'request.json'), text)
      refuses(1, said, ['train', 'local', '--resume', 'request'])
    }
  })
})

describe('train --seeds', () => {
  it.each([
    ['local', local, /validation error over 3 seeds: [\d.]+ % \+- [\d.]+ % \(standard deviation\)/],
    ['supervised', supervised, /validation error over 3 seeds: [\d.]+ % \+- [\d.]+ %/],
  ] as const)('%s is a run for each, compared on one page, and goes on without those that are finished', (kind, args, told) => {
    const out = `seeds-${kind}`
    const all = striate(...args, '--data', 'scenes', '--out', out, '--seeds', '0,1,2')
    expect(all.status, all.stderr).toBe(0)
    expect(all.stdout).toMatch(told)
    const seeds = JSON.parse(read(out, 'seeds.json').toString())
    const values = seeds.runs.map(({ value }: { value: number }) => value)
    expect(seeds.runs.map(({ seed }: { seed: number }) => seed)).toEqual([0, 1, 2])
    const mean = (values[0] + values[1] + values[2]) / 3
    expect(seeds.mean).toBeCloseTo(mean, 12)
    const squares = values.reduce((sum: number, value: number) => sum + (value - mean) ** 2, 0)
    expect(seeds.deviation).toBeCloseTo(Math.sqrt(squares / 2), 12)
    const page = read(out, 'report.html').toString()
    for (const seed of [0, 1, 2]) expect(page).toContain(`seed-${seed}`)
    if (kind === 'local') expect(read(out, 'seed-0', 'model.safetensors').equals(read('whole', 'model.safetensors'))).toBe(true)

    const times = () => [0, 2].map((seed) => statSync(join(folder, out, `seed-${seed}`, 'model.safetensors')).mtimeMs)
    const before = times()
    const model = read(out, 'seed-1', 'model.safetensors')
    rmSync(join(folder, out, 'seed-1'), { recursive: true })
    const again = striate('train', kind, '--resume', out, '--json')
    expect(again.status, again.stderr).toBe(0)
    expect(JSON.parse(again.stdout)).toEqual({ out, ...seeds })
    expect(times()).toEqual(before)
    expect(read(out, 'seed-1', 'model.safetensors').equals(model)).toBe(true)
    refuses(2, /is the folder of a run \(it holds seed-0\)/, [...args, '--data', 'scenes', '--out', out])
    refuses(2, /--seed is given with --seeds/, [...args, '--data', 'scenes', '--out', 'never', '--seeds', '1,2', '--seed', '1'])
    refuses(2, /--seeds is 1,1; expected each seed once/, [...args, '--data', 'scenes', '--out', 'never', '--seeds', '1,1'])
  })
})
