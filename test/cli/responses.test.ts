// Scores against responses of every kind that the library reads, of several recordings, and on given splits, as a user asks for them.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeNpy, localNet, Network, type NpyData } from '../../lib/index.js'
import { normals } from '../../lib/random.js'
import { netcdf, putHdf5 } from '../data/neural/hdf5_bytes.js'
import * as nsd from '../data/neural/nsd_files.js'
import { uniform } from '../ops/proof.js'
import { refusesIn, striateIn } from './command.js'

const count = 24
let folder: string

const array = (name: string, data: NpyData, shape: number[]) => writeFileSync(join(folder, name), encodeNpy({ data, shape }))

const striate = (...args: string[]) => striateIn(folder, ...args)

/** What an evaluation prints as JSON, which is what it leaves in the folder of the run too. */
function found(command: string, name: string, ...args: string[]) {
  const { status, stdout, stderr } = striate('eval', command, '--run', 'run', '--json', ...args)
  expect(status, stderr).toBe(0)
  const record = JSON.parse(stdout)
  for (const ending of ['html', 'svg'])
    expect(readFileSync(join(folder, 'run', `${name}.${ending}`), 'utf8')).toMatch(/^<(!doctype html|svg)/i)
  expect(JSON.parse(readFileSync(join(folder, 'run', `${name}.json`), 'utf8'))).toEqual(record)
  return { record, stderr }
}

const refuses = (code: number, text: RegExp, ...args: string[]): void =>
  refusesIn(folder, code, text, ['eval', ...args, '--run', 'run'], /\n\s+at |features|responses:/)

const imageNames = Array.from({ length: count }, (_, i) => `image${String(i).padStart(2, '0')}.png`)
const sessions = ['a', 'b', 'c']

async function putRecordings(): Promise<void> {
  const next = uniform(3)
  mkdirSync(join(folder, 'pictures'))
  for (const name of imageNames) {
    const pixels = Buffer.from(Uint8Array.from({ length: 3 * 12 * 12 }, () => 256 * next()))
    await sharp(pixels, { raw: { width: 12, height: 12, channels: 3 } }).toFile(join(folder, 'pictures', name))
  }
  for (const [i, session] of sessions.entries()) {
    mkdirSync(join(folder, 'v4', session), { recursive: true })
    const bytes = Uint8Array.from({ length: count * 12 * 12 * 3 }, () => 256 * next())
    array(`v4/${session}/images.npy`, bytes, [count, 12, 12, 3])
    array(`v4/${session}/responses_trials.npy`, normals(i, count * 3 * 4), [count, 3, 4])
  }
  // A table: three trials of each image but the first, by number from 1.
  const trials = 3 * (count - 1)
  array('trials.npy', normals(7, trials * 2), [trials, 2])
  array(
    'shown.npy',
    Int32Array.from({ length: trials }, (_, i) => 2 + (i % (count - 1))),
    [trials],
  )
  // An assembly: each stimulus twice, the last first, in two bins of time.
  const ids = imageNames.map((name) => `im_${name.slice(5, 7)}`).reverse()
  const rows = imageNames.map((name) => `im_${name.slice(5, 7)},${name}`)
  writeFileSync(join(folder, 'stim.csv'), `stimulus_id,filename\n${rows.join('\n')}\n`)
  await putHdf5(
    join(folder, 'assy.nc'),
    netcdf(
      { presentation: 2 * count, neuroid: 5, time_bin: 2 },
      {
        data: { over: ['presentation', 'neuroid', 'time_bin'], data: normals(9, 2 * count * 5 * 2) },
        stimulus_id: { over: ['presentation'], data: [...ids, ...ids] },
        region: { over: ['neuroid'], data: ['V4', 'IT', 'V4', 'IT', 'IT'] },
        time_bin_start: { over: ['time_bin'], data: BigInt64Array.of(0n, 70n) },
        time_bin_end: { over: ['time_bin'], data: BigInt64Array.of(70n, 170n) },
      },
    ),
  )
}

/** Two subjects of NSD, the first session of each. */
async function putNsd(): Promise<void> {
  const at = join(folder, 'nsd')
  for (const subject of [2, 4]) {
    const places = nsd.places(at, subject)
    await nsd.putMasks(at, subject)
    await nsd.putBetas(places.betas, subject - 1, 0)
    if (subject === 2) {
      await nsd.putMatDesign(places.design)
      await nsd.putStimuli(places.stimuli)
    }
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'striate-responses-'))
  mkdirSync(join(folder, 'run'))
  const block = { window: 3, units: 4, power: 1, normalise: 'none' as const, pool: { size: 2, stride: 2 } }
  using net = new Network(localNet({ channels: 3, image: [12, 12], trunk: [block], blocks: [block], classes: ['a', 'b'] }), {
    seed: 1,
  })
  await net.save(join(folder, 'run', 'model.safetensors'))
  await putRecordings()
  await putNsd()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Layer {
  layer: string
  value: number
  spread: { value: number; over: string }
  raw: Record<string, number>
  protocol: Record<string, unknown>
  ceiling: { value: number } | null
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

describe.each(['encoding', 'pls'])('eval %s', (command) => {
  it('reads an assembly with its stimuli and images', () => {
    const { record } = found(
      ...([command, `${command}-assy-IT`, '--responses', 'assy.nc', '--stimuli', 'stim.csv', '--images', 'pictures'] as const),
      ...['--region', 'IT', '--time-from', '70', '--layers', 'pixels', '--folds', '3'],
    )
    expect(Object.keys(record).sort()).toEqual(['committed', 'kind', 'network', 'scores', 'striate'])
    expect(record.scores[0].raw).toMatchObject({ images: count, targets: 3 })
    expect(record.scores[0].protocol.resizing).toBe('bilinear, to 12 x 12 by fill')
    expect(record.scores[0].data.name).toMatch(/^assy-IT, /)
  })

  it('shows the mean over several recordings, with the standard error over them and each one’s own', () => {
    const paths = sessions.map((session) => `v4/${session}`)
    const { record, stderr } = found(
      command,
      `${command}-a+b+c`,
      '--responses',
      ...paths,
      '--layers',
      'all,pixels',
      '--folds',
      '2',
    )
    expect(record.recordings.map(({ name }: { name: string }) => name)).toEqual(sessions)
    record.scores.forEach(({ layer, value, spread, raw }: Layer, i: number) => {
      const own = record.recordings.map(({ scores }: { scores: Layer[] }) => scores[i]?.value) as number[]
      expect(value).toBeCloseTo(mean(own), 12)
      const squares = own.reduce((sum, one) => sum + (one - mean(own)) ** 2, 0)
      expect(spread.value).toBeCloseTo(Math.sqrt(squares / 2 / 3), 12)
      expect(spread.over).toBe('3 recordings (standard error)')
      expect(raw).toMatchObject({ recordings: 3, images: 3 * count, targets: 9 })
      expect(record.recordings[0].scores[i].layer).toBe(layer)
    })
    const ceilings = record.recordings.map(({ scores }: { scores: Layer[] }) => scores[0]?.ceiling?.value) as number[]
    expect([record.ceiling.lower, record.ceiling.upper]).toEqual([Math.min(...ceilings), Math.max(...ceilings)])
    expect(record.committed.byRecording.length).toBe(3)
    for (const text of ['a (1 of 3), features: 100 %', 'c (3 of 3), scores: 100 %', 'b (2 of 3), 3 layers of 24 images'])
      expect(stderr).toContain(text)
    const page = readFileSync(join(folder, 'run', `${command}-a+b+c.html`), 'utf8')
    for (const text of [
      'Scores of each recording, by layer',
      '<td>Committed layer</td>',
      'mean over 3 recordings',
      'ceilings (band: lowest to highest)',
    ])
      expect(page).toContain(text)
  })
})

describe('--cache', () => {
  it('keeps features for the next score, and says what it found', () => {
    const ask = (command: string, layers: string) =>
      found(command, `${command}-a`, '--responses', 'v4/a', '--layers', layers, '--projection', '20', '--cache', 'features')
    const { record, stderr } = ask('encoding', 'all,pixels')
    expect(stderr).toContain('0 of 3 layers are in the cache; 3 layers of 24 images in one pass: ')
    const again = ask('encoding', 'all,pixels')
    expect(again.record).toEqual(record)
    expect(again.stderr).toContain('3 of 3 layers are in the cache; ')
    expect(ask('rsa', 'all').stderr).toContain('2 of 2 layers are in the cache; ')
    expect(readdirSync(join(folder, 'features')).length).toBe(3)
    refuses(
      1,
      /run\/model\.safetensors is there already and no folder/,
      'pls',
      '--responses',
      'v4/a',
      '--cache',
      'run/model.safetensors',
    )
  })
})

describe('eval encoding', () => {
  it('reads a table of trials, and tests on the images that a list names', () => {
    writeFileSync(join(folder, 'test.txt'), `${imageNames.slice(4, 10).join('\n')}\n`)
    const table = ['--responses', 'trials.npy', '--images', 'pictures', '--stimuli', 'shown.npy', '--first-index', '1']
    const { record } = found('encoding', 'encoding-trials', ...table, '--layers', 'pixels', '--test', 'test.txt')
    const [{ raw, protocol, spread }] = record.scores
    expect(raw).toMatchObject({ images: count - 1, tested: 6, targets: 2, folds: 1 })
    // The first image was never shown: the fifth is row 3.
    expect(protocol.folds).toMatch(/^one split, given: 6 images tested \(3, 4, 5 \.\.\. 8; .*\), the other 17 trained on$/)
    expect(spread.over).toBe('2 targets (standard error)')
    array('test.npy', Int32Array.of(8, 7, 6, 5, 4, 3), [6])
    const same = found('encoding', 'encoding-trials', ...table, '--layers', 'pixels', '--test', 'test.npy')
    expect(same.record).toEqual(record)
  })

  it('reads subjects of the Natural Scenes Dataset, on the split that it states', () => {
    const { record, stderr } = found(
      'encoding',
      'encoding-nsd-subj02+nsd-subj04',
      ...['--responses', 'nsd', '--subjects', '2,4', '--skip-missing', '--test', 'stated', '--layers', 'pixels', '--trials'],
    )
    const own = record.recordings.map(({ scores }: { scores: Layer[] }) => scores[0]?.raw)
    for (const [i, subject] of [1, 3].entries()) {
      const shown = new Set(Array.from({ length: nsd.trialsPerSession }, (_, trial) => nsd.imageOfTrial(subject, trial)))
      const seenByFirst = new Set(Array.from({ length: 30_000 }, (_, trial) => nsd.imageOfTrial(0, trial)))
      const tested = [...shown].filter((image) => seenByFirst.has(image)).length
      expect(tested).toBeGreaterThan(10)
      expect(own[i]).toMatchObject({ images: shown.size, tested })
    }
    expect(record.scores[0].spread.over).toBe('2 recordings (standard error)')
    expect(record.scores[0].protocol.resizing).toBe('bilinear, to 12 x 12 by fill')
    // A score says what it had to go without.
    const lacking = Array.from({ length: 39 }, (_, i) => i + 2).join(', ')
    expect(record.recordings[0].scores[0].protocol.responses).toContain(`1 sessions (the files of ${lacking} are missing)`)
    expect(stderr).toMatch(/\nresponses: betas_fithrf_GLMdenoise_RR in func1pt8mm, standardised by session, 1 sessions \(/)
    // Each image was shown once in the first session.
    expect([record.ceiling, record.scores[0].ceiling]).toEqual([null, null])
    expect(stderr).toContain('nsd-subj04 (2 of 2), responses: 100 %')
  })

  it('refuses in one sentence, before it works', () => {
    const ask = (...more: string[]) => ['encoding', '--responses', 'v4/a', 'v4/b', ...more]
    refuses(
      2,
      /subjects is given for a folder with images\/ .*; expected it only for a folder with nsddata/,
      ...ask('--subjects', '1'),
    )
    refuses(2, /layers is 'blocks\.7', no layer/, ...ask('--layers', 'blocks.7'))
    refuses(1, /nowhere is missing; expected a folder with images/, ...ask('nowhere'))
    refuses(2, /responses is v4\/b twice; expected each once/, ...ask('v4/b'))
    refuses(1, /none\.txt is missing; expected a name or a number of an image a line/, ...ask('--test', 'none.txt'))
    refuses(2, /--test is stated for a, which states no split; expected a file of the images/, ...ask('--test', 'stated'))
    writeFileSync(join(folder, 'far.txt'), '3\n24\n')
    refuses(2, /test is '24'; expected images of a, which have no names, or numbers from 0 to 23/, ...ask('--test', 'far.txt'))
    writeFileSync(join(folder, 'near.txt'), '3\n2\n')
    refuses(2, /folds is 3 beside test; expected one of them/, ...ask('--test', 'near.txt', '--folds', '3'))
    refuses(2, /stimuli is missing for an assembly \(\.nc\)/, 'encoding', '--responses', 'assy.nc', '--images', 'pictures')
    refuses(2, /subjects is missing for a folder with nsddata/, 'encoding', '--responses', 'nsd')
    refuses(
      1,
      /subj04.* is without sessions 2, 3, .*; expected betas of all 30/,
      'encoding',
      '--responses',
      'nsd',
      '--subjects',
      '4',
    )
  })
})

describe('several recordings', () => {
  const put = (name: string, trials: NpyData, shape: number[]) => {
    mkdirSync(join(folder, name), { recursive: true })
    cpSync(join(folder, 'v4/a/images.npy'), join(folder, name, 'images.npy'))
    array(`${name}/responses_trials.npy`, trials, shape)
  }

  it('are all looked at before the first is scored', () => {
    put('wrong/flat', new Float64Array(count * 3 * 4), [count, 3, 4])
    put('wrong/once', normals(3, count * 3), [count, 3, 1])
    put('wrong/one', normals(3, count * 4), [count, 1, 4])
    const holed = normals(4, count * 3 * 4)
    holed.fill(Number.NaN, 4 * 3 * 4)
    put('wrong/holed', holed, [count, 3, 4])
    put('wrong/grouped', normals(3, count * 3 * 4), [count, 3, 4])
    array(
      'wrong/grouped/groups.npy',
      Int32Array.from({ length: count }, (_, i) => i % 2),
      [count],
    )
    const ask = (command: string, second: string, ...more: string[]) => [
      command,
      '--responses',
      'v4/a',
      `wrong/${second}`,
      ...more,
    ]
    for (const command of ['encoding', 'pls']) {
      refuses(1, /: flat is 3 targets, 3 of them constant and 0 not measured/, ...ask(command, 'flat'))
      refuses(1, /: holed is 3 targets, 0 of them constant and 3 not measured/, ...ask(command, 'holed'))
      refuses(1, /: images is 2 groups of them; expected at least one for each of 5 folds/, ...ask(command, 'grouped'))
      refuses(1, /: once is without repeats; expected single/, ...ask(command, 'once', '--normalise', 'brain-score'))
    }
    refuses(1, /: grouped is 1 groups of images to learn from in one of the folds/, ...ask('encoding', 'grouped', '--folds', '2'))
    refuses(1, /: flat, 1 - r .* is 0 known pairs; expected at least 3/, ...ask('rsa', 'flat'))
    refuses(1, /: one is 1 of 1 targets that were measured for every image; expected at least two/, ...ask('rsa', 'one'))
    refuses(1, /: once is without repeats; expected at least two/, ...ask('rsa', 'once', '--response-distance', 'crossnobis'))
  })

  it('of the Natural Scenes Dataset, by what can be known before one is read', () => {
    const ask = (command: string, ...more: string[]) => [
      command,
      '--responses',
      'nsd',
      '--subjects',
      '2,4',
      '--skip-missing',
      ...more,
    ]
    refuses(1, /: images is \d+ of them; expected at least one for each of 9000 folds/, ...ask('encoding', '--folds', '9000'))
    refuses(2, /: --normalise is given without --trials; expected both/, ...ask('pls', '--normalise', 'nsd'))
    const crossnobis = ['--response-distance', 'crossnobis']
    refuses(2, /: --response-distance crossnobis is given without --trials; expected both/, ...ask('rsa', ...crossnobis))
  })
})

describe('eval rsa', () => {
  it('compares with the dissimilarities that responses have, of several recordings', () => {
    const { record } = found('rsa', 'rsa-a+b', '--responses', 'v4/a', 'v4/b', '--layers', 'all')
    expect(record.scores.map(({ layer }: Layer) => layer)).toEqual(['trunk.0', 'blocks.0'])
    const own = record.recordings.map(({ scores }: { scores: Layer[] }) => scores[0]?.value) as number[]
    expect(record.scores[0].value).toBeCloseTo(mean(own), 12)
    expect(record.scores[0].raw).toMatchObject({ recordings: 2, images: 2 * count, pairs: 2 * 276 })
    expect(record.recordings[0].scores[0].ceiling.formula).toMatch(/^square root of the reliability of the dissimilarities/)
  })

  it('refuses both sources, neither, and what belongs to the other', () => {
    array('rdm.npy', new Float64Array(276), [276])
    const rdm = ['rsa', '--images', 'pictures', '--rdm', 'rdm.npy']
    refuses(2, /--rdm, --responses is both given; expected one of them/, ...rdm, '--responses', 'v4/a')
    refuses(2, /--rdm, --responses is missing; expected one of them/, 'rsa')
    refuses(2, /region is given with --rdm; expected it only with --responses/, ...rdm, '--region', 'IT')
    refuses(2, /--images is missing; expected the folder of the images of --rdm/, 'rsa', '--rdm', 'rdm.npy')
    refuses(2, /images is given for a folder with images\//, 'rsa', '--responses', 'v4/a', '--images', 'pictures')
  })
})
