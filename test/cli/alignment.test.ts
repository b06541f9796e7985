// Scores of a run's layers against responses, dissimilarities and people's choices, as a user asks for them.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeNpy, localNet, Network, type NpyData } from '../../lib/index.js'
import { normals } from '../../lib/random.js'
import { uniform } from '../ops/proof.js'
import { refusesIn, striateIn } from './command.js'

const count = 24
const classes = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']
let folder: string

const array = (name: string, data: NpyData, shape: number[]) => writeFileSync(join(folder, name), encodeNpy({ data, shape }))

const striate = (...args: string[]) => striateIn(folder, ...args)

const refuses = (code: number, text: RegExp, ...args: string[]): void => refusesIn(folder, code, text, args)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'striate-alignment-'))
  for (const name of ['run', 'v4/images', 'cifar']) mkdirSync(join(folder, name), { recursive: true })
  const pool = { size: 3, stride: 3 }
  const block = { window: 3, units: 6, power: 1, normalise: 'none' as const, pool }
  using net = new Network(localNet({ channels: 3, image: [32, 32], trunk: [block], blocks: [block], classes }), { seed: 1 })
  await net.save(join(folder, 'run', 'model.safetensors'))

  const next = uniform(3)
  for (let i = 0; i < count; ++i) {
    const pixels = Buffer.from(Uint8Array.from({ length: 3 * 40 * 30 }, () => 256 * next()))
    const file = join(folder, 'v4', 'images', `image${String(i).padStart(2, '0')}.png`)
    await sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } }).toFile(file)
  }
  array('v4/responses_mean.npy', normals(1, count * 3), [count, 3])
  array('v4/responses_trials.npy', normals(1, count * 3 * 4), [count, 3, 4])
  array('rdm.npy', Float64Array.from({ length: 2 * 276 }, next), [2, 276])
  const record = () => Uint8Array.from({ length: 3073 }, (_, i) => (i === 0 ? 10 : 256) * next())
  writeFileSync(join(folder, 'cifar', 'test_batch.bin'), Buffer.concat(Array.from({ length: 20 }, record)))
  for (let i = 1; i <= 5; ++i) writeFileSync(join(folder, 'cifar', `data_batch_${i}.bin`), record())
  writeFileSync(join(folder, 'cifar', 'batches.meta.txt'), `${classes.join('\n')}\n\n`)
  array(
    'counts.npy',
    Int32Array.from({ length: 200 }, () => 1 + 9 * next()),
    [20, 10],
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The page, the chart and the record that a command leaves. */
function written(name: string) {
  for (const ending of ['html', 'svg'])
    expect(readFileSync(join(folder, 'run', `${name}.${ending}`), 'utf8')).toMatch(/^<(!doctype html|svg)/i)
  return JSON.parse(readFileSync(join(folder, 'run', `${name}.json`), 'utf8'))
}

describe.each(['encoding', 'pls'])('eval %s', (command) => {
  const ask = (...more: string[]) => ['eval', command, '--run', 'run', '--responses', 'v4', ...more]

  it('prints one JSON object with a score a layer, and leaves a record, a chart and a page', () => {
    const { status, stdout, stderr } = striate(
      ...['eval', command, '--run', 'run', '--responses', 'v4', '--layers', 'all,pixels', '--projection', '200', '--folds', '3'],
      '--json',
    )
    expect(status, stderr).toBe(0)
    const found = JSON.parse(stdout)
    expect(found.kind).toBe(command)
    expect(found.scores.map(({ layer }: { layer: string }) => layer)).toEqual(['trunk.0', 'blocks.0', 'pixels'])
    for (const { value, spread, raw, protocol, ceiling } of found.scores) {
      expect(Number.isFinite(value)).toBe(true)
      expect(spread.over).toMatch(/^3 folds/)
      expect(raw).toMatchObject({ images: count, targets: 3, folds: 9 })
      expect(protocol.input).toEqual([3, 32, 32])
      expect(protocol.resizing).toBe('bilinear, to 32 x 32 by fill')
      expect(ceiling.formula).toMatch(/Spearman and Brown/)
    }
    expect(found.scores[2].raw.dimensions).toBe(200)
    expect(found.committed.byFold.length).toBe(9)
    expect(written(`${command}-v4`)).toEqual(found)
  })

  it('prints a table for people', () => {
    const { status, stdout, stderr } = striate(
      'eval',
      command,
      '--run',
      'run',
      '--responses',
      'v4',
      '--layers',
      'pixels',
      '--folds',
      '2',
    )
    expect(status, stderr).toBe(0)
    expect(stdout).toMatch(/^pixels +-?0\.\d{3} {2}0\.\d{3}/m)
    expect(stdout).toMatch(/^24 images, 3 targets \(left out: 0 constant, 0 not measured; 0 lack some images\)$/m)
    expect(stdout).toMatch(new RegExp(`^written: run/${command}-v4\\.json, \\.svg and \\.html$`, 'm'))
  })

  it('keeps results of other responses of the same name', () => {
    mkdirSync(join(folder, 'it'), { recursive: true })
    cpSync(join(folder, 'v4'), join(folder, 'it', 'v4'), { recursive: true })
    array('it/v4/responses_mean.npy', normals(2, count * 3), [count, 3])
    rmSync(join(folder, 'it/v4/responses_trials.npy'), { force: true })
    const before = written(`${command}-v4`)
    for (let turn = 0; turn < 2; ++turn) {
      const { status, stdout, stderr } = striate(
        ...['eval', command, '--run', 'run', '--responses', 'it/v4', '--layers', 'pixels', '--folds', '2'],
      )
      expect(status, stderr).toBe(0)
      expect(stdout).toMatch(new RegExp(`written: run/${command}-v4-2\\.json, .*${command}-v4 is of other data`))
    }
    expect(written(`${command}-v4`)).toEqual(before)
    rmSync(join(folder, 'run', `${command}-v4-2.json`))
  })

  it('refuses in one sentence', () => {
    refuses(
      2,
      /layers is 'blocks\.7', no layer; expected a layer of the network, such as blocks\.0/,
      ...ask('--layers', 'blocks.7'),
    )
    refuses(2, /--projection.*expected a whole number/, ...ask('--projection', '0'))
    refuses(1, /nowhere is missing; expected a folder with images/, 'eval', command, '--run', 'run', '--responses', 'nowhere')
    refuses(1, /model\.safetensors is missing/, 'eval', command, '--run', 'nowhere', '--responses', 'v4')
  })
})

describe('eval rsa', () => {
  it('compares dissimilarities of each layer with those of subjects', () => {
    const { status, stdout, stderr } = striate(
      ...['eval', 'rsa', '--run', 'run', '--images', 'v4/images', '--rdm', 'rdm.npy', '--layers', 'pixels,all', '--json'],
    )
    expect(status, stderr).toBe(0)
    const found = JSON.parse(stdout)
    expect(found.scores.map(({ layer }: { layer: string }) => layer)).toEqual(['pixels', 'trunk.0', 'blocks.0'])
    expect(found.scores[0].perSubject.length).toBe(2)
    expect(found.ceiling.lower).toBeLessThan(found.ceiling.upper)
    expect(written('rsa-rdm')).toEqual(found)
  })

  it('compares dissimilarities of responses by any distance', () => {
    const ask = ['eval', 'rsa', '--run', 'run', '--responses', 'v4', '--layers', 'pixels', '--response-distance', 'crossnobis']
    const { status, stdout, stderr } = striate(...ask, '--json')
    expect(status, stderr).toBe(0)
    expect(JSON.parse(stdout).scores[0].data.name).toContain('v4, crossnobis of 3 targets')
    refuses(
      2,
      /--response-distance is given with --rdm/,
      ...ask.slice(0, 4),
      '--images',
      'v4/images',
      '--rdm',
      'rdm.npy',
      ...ask.slice(8),
    )
  })

  it('refuses dissimilarities of other images', () => {
    array('other.npy', new Float64Array(10), [10])
    refuses(
      1,
      /other\.npy is of shape \[10\]; expected the dissimilarities of 24 images: 276 pairs, or 24 x 24/,
      ...['eval', 'rsa'],
      ...['--run', 'run', '--images', 'v4/images', '--rdm', 'other.npy'],
    )
  })
})

describe('eval behaviour', () => {
  it('compares a classifier with what people chose', () => {
    const { status, stdout, stderr } = striate(
      ...['eval', 'behaviour', '--run', 'run', '--data', 'cifar', '--records-per-file', '20', '--counts', 'counts.npy', '--json'],
    )
    expect(status, stderr).toBe(0)
    const found = JSON.parse(stdout)
    expect(found.scores.map(({ name }: { name: string }) => name)).toEqual([
      'cross-entropy',
      'uncertainty',
      'confusions',
      'agreement',
    ])
    expect(existsSync(join(folder, 'run', 'behaviour-counts-test.html'))).toBe(true)
    expect(written('behaviour-counts-test')).toEqual(found)
  })
})

describe('report of several runs', () => {
  it('puts their scores beside each other', () => {
    cpSync(join(folder, 'run'), join(folder, 'twin'), { recursive: true })
    const { status, stdout, stderr } = striate('report', 'run', 'twin', '--out', 'compared', '--json')
    expect(status, stderr).toBe(0)
    const { networks } = JSON.parse(stdout) as { networks: { name: string; results: { benchmark: string; value: number }[] }[] }
    expect(networks.map(({ name }) => name)).toEqual(expect.arrayContaining(['run', 'twin']))
    const [own, twin] = networks as [(typeof networks)[0], (typeof networks)[0]]
    expect(own.results).toEqual(twin.results)
    expect(own.results.map(({ benchmark }) => benchmark)).toEqual(
      expect.arrayContaining(['behaviour-counts-test: uncertainty', 'rsa-rdm']),
    )
    expect(existsSync(join(folder, 'compared', 'report.html'))).toBe(true)
  })

  it('refuses the folder of a run for it, and --out of one', () => {
    refuses(
      2,
      /--out is given for one run, whose page goes into its folder; expected several runs/,
      'report',
      'run',
      '--out',
      'x',
    )
    refuses(2, /runs is two folders named run; expected/, 'report', 'run', 'run', '--out', 'x')
  })
})

describe('train supervised --responses', () => {
  beforeAll(() => {
    for (let i = 0; i < count; ++i) {
      const file = `image${String(i).padStart(2, '0')}.png`
      cpSync(join(folder, 'v4', 'images', file), join(folder, 'named', i % 2 ? 'odd' : 'even', file))
    }
  })
  const ask = (...more: string[]) => {
    const data = ['--data', 'named', '--size', '32', '--batch', '5', '--epochs', '2']
    return ['train', 'supervised', ...data, '--out', 'learned', ...more]
  }

  it('refuses what cannot be scored before anything is trained', () => {
    refuses(2, /--layers is given without responses; expected --responses/, ...ask('--layers', 'all'))
    refuses(2, /layers is 'blocks\.9', no layer/, ...ask('--responses', 'v4', '--layers', 'blocks.9'))
    refuses(1, /nowhere is missing/, ...ask('--responses', 'nowhere'))
    expect(existsSync(join(folder, 'learned', 'request.json'))).toBe(false)
  })

  it('scores layers before and after every epoch, as eval encoding does', () => {
    const network = ['--network', 'wavelet-net', '--recipe', 'rainbow-cifar', '--units', '4,4', '--orientations', '2']
    const trained = striate(...ask(...network, '--responses', 'v4', '--layers', 'blocks.1,pixels', '--json'))
    expect(trained.status).toBe(0)
    const { startScores, curve, bestEpoch } = JSON.parse(trained.stdout)
    for (const scores of [startScores, curve[0].scores, curve[1].scores])
      expect(Object.keys(scores)).toEqual(['blocks.1', 'pixels'])
    expect(curve[1].scores['blocks.1']).not.toBe(startScores['blocks.1'])
    expect(readFileSync(join(folder, 'learned', 'scores.svg'), 'utf8')).toContain('blocks.1')
    const layers = ['--layers', 'blocks.1,pixels', '--repeats', '1', '--json']
    const { scores } = JSON.parse(striate('eval', 'encoding', '--run', 'learned', '--responses', 'v4', ...layers).stdout)
    expect(scores.map(({ value }: { value: number }) => value)).toEqual(Object.values(curve[bestEpoch - 1].scores))
  })
})
