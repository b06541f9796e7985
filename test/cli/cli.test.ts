// The commands as a user runs them: in processes of their own, on data made by `striate render`.
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '#root'
import { refusesIn, striateIn } from './command.js'

const main = join(root, 'dist', 'cli', 'main.js')
let folder: string
let data: string

const striate = (...args: string[]) => striateIn(folder, ...args)
const refuses = (code: number, text: RegExp, ...args: string[]): void => refusesIn(folder, code, text, args)

const small = [
  '--units',
  '16',
  '--steps',
  '400',
  '--filter-batch',
  '200',
  '--powers',
  '10',
  '--pool-size',
  '5',
  '--epochs',
  '4',
  '--readout-batch',
  '20',
]

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'striate-cli-'))
  data = join(folder, 'scenes')
  const { status, stderr } = striate('render', '--out', data, '--count', '160', '--size', '20', '--seed', '5')
  expect(status, stderr).toBe(0)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('striate', () => {
  it('says what it can do, with an example for every command', () => {
    const { status, stdout } = striate('--help')
    expect(status).toBe(0)
    for (const name of ['info', 'demo', 'train', 'eval', 'predict', 'features', 'render', 'report', 'export', 'bench'])
      expect(stdout).toMatch(new RegExp(`^  ${name}`, 'm'))
    for (const command of [
      ['info'],
      ['demo'],
      ['train', 'local'],
      ['eval', 'classify'],
      ['eval', 'shadows'],
      ['predict'],
      ['features'],
      ['render'],
      ['report'],
      ['export'],
      ['bench'],
    ]) {
      const help = striate(...command, '--help')
      expect(help.status, command.join(' ')).toBe(0)
      expect(help.stdout).toMatch(/\$ striate /)
    }
  })

  it('info names the devices, for people and for programs', () => {
    expect(striate('info').stdout).toMatch(/cpu: .+GiB/)
    const info = JSON.parse(striate('info', '--json').stdout)
    expect(info.devices[0]).toMatchObject({ kind: 'cpu', usable: true })
    expect(info.devices.some((d: { kind: string }) => d.kind === 'cuda')).toBe(true)
  })

  it('trains, evaluates, reports and exports a run', () => {
    const run = join(folder, 'run')
    const trained = striate('train', 'local', '--data', data, '--out', run, ...small)
    expect(trained.status, trained.stderr).toBe(0)
    expect(trained.stderr).toMatch(/^filters: 100 %/m)
    expect(trained.stdout).not.toMatch(/100 %,/)
    for (const file of [
      'model.safetensors',
      'run.json',
      'report.html',
      'filters.png',
      'filters.svg',
      'error.svg',
      'request.json',
    ])
      expect(existsSync(join(run, file)), file).toBe(true)

    const evaluated = striate('eval', 'classify', '--run', run, '--data', data, '--split', 'train', '--json')
    expect(evaluated.status, evaluated.stderr).toBe(0)
    const { score } = JSON.parse(evaluated.stdout)
    expect(score).toMatchObject({ unit: '', raw: { images: 160 } })

    // A part of the split leaves the record and the page of the whole as they are.
    const whole = readFileSync(join(run, 'classify-train.json'))
    const part = striate('eval', 'classify', '--run', run, '--data', data, '--split', 'train', '--limit', '20', '--json')
    expect(JSON.parse(part.stdout).score.raw.images).toBe(20)
    expect(JSON.parse(readFileSync(join(run, 'classify-train-first-20.json'), 'utf8'))).toEqual(JSON.parse(part.stdout))
    expect(readFileSync(join(run, 'classify-train.json')).equals(whole)).toBe(true)

    rmSync(join(run, 'report.html'))
    const page = join(run, 'report.html')
    expect(JSON.parse(striate('report', run, '--json').stdout)).toEqual({ run, page })
    expect(readFileSync(page, 'utf8')).toMatch(/Training error/)
    expect(readFileSync(page, 'utf8')).toMatch(new RegExp(`${score.raw.wrong} of 160 images wrong`))
    shadows(run, score)
    health(run)

    const exported = striate('export', '--run', run, '--format', 'npy', '--out', 'filters.npy', '--json')
    expect(JSON.parse(exported.stdout)).toEqual({ run, format: 'npy', file: 'filters.npy' })
    expect(readFileSync(join(folder, 'filters.npy')).subarray(1, 6).toString()).toBe('NUMPY')
    expect(striate('export', '--run', run, '--format', 'safetensors', '--out', 'copy.safetensors').status).toBe(0)
    expect(readFileSync(join(folder, 'copy.safetensors')).equals(readFileSync(join(run, 'model.safetensors')))).toBe(true)
  })

  /** The panel of the units' health. */
  function health(run: string) {
    const page = readFileSync(join(run, 'report.html'), 'utf8')
    const titles = [...page.matchAll(/<svg[^>]*>\s*<title[^>]*>([^<]*)/g)].map((m) => m[1])
    const curves = ['Energy', 'Dead and repelled units', 'Largest share of one unit', 'Wins of each unit', 'Norms']
    expect(titles).toEqual(
      expect.arrayContaining([...curves, 'Net gains', 'Patches and their nearest unit', 'Units and their nearest unit']),
    )
  }

  it('learns from whitened patches, and draws their filters as pixels', () => {
    const whiten = ['--whiten', 'norm', '--whiten-epsilon', '0.02', '--whiten-keep', '20']
    const trained = striate('train', 'local', '--data', data, '--out', 'whitened', ...small, ...whiten, '--json')
    expect(trained.status, trained.stderr).toBe(0)
    const { blocks } = JSON.parse(trained.stdout)
    expect(blocks[0].filters.whiten).toEqual({ after: 'norm', epsilon: 0.02, keep: 20 })
    expect(blocks[0].power).toBe(2)
    const page = readFileSync(join(folder, 'whitened', 'report.html'), 'utf8')
    expect(page).toMatch(/16 filters of 4 x 4 pixels, red, green and blue.*Each is the patch that its whitened filter matches/s)
    const shadows = striate('eval', 'shadows', '--run', 'whitened', '--data', data, '--split', 'train')
    expect(shadows.status, shadows.stderr).toBe(0)
    const exported = striate('export', '--run', 'whitened', '--format', 'onnx', '--out', 'whitened.onnx')
    expect(exported.status, exported.stderr).toBe(0)
  })

  it('takes the components that each block keeps of its whitened patches from the words of the block', () => {
    const blocks = ['--blocks', 'W4 K16 keep20, W3 K8, W3 K8 keep9', '--whiten', 'centred-norm', '--whiten-epsilon', '0.02']
    const trained = striate(
      'train',
      'local',
      '--data',
      data,
      '--out',
      'kept',
      ...blocks,
      '--steps',
      '20',
      '--no-readout',
      '--json',
    )
    expect(trained.status, trained.stderr).toBe(0)
    const after = 'centred-norm'
    expect(JSON.parse(trained.stdout).blocks.map(({ filters }: { filters: object }) => filters)).toMatchObject([
      { whiten: { after, epsilon: 0.02, keep: 20 } },
      { whiten: { after, epsilon: 0.02 } },
      { whiten: { after, epsilon: 0.02, keep: 9 } },
    ])
  })

  it('warns of a collapse at the end, for people and for programs', () => {
    const args = ['train', 'local', '--data', data, '--units', '24', '--filter-batch', '200', '--steps', '2000', '--no-readout']
    const told = striate(...args, '--anti-hebbian', '0.4', '--out', 'collapsed')
    expect(told.status, told.stderr).toBe(0)
    expect(told.stderr).toMatch(/^filters: 100 %, .*repelled \d+ +winShare [\d.]+ %/m)
    expect(told.stdout).toMatch(/warning: filters: one unit takes \d+ % of the patches, .* try a lower anti-Hebbian strength/)
    expect(readFileSync(join(folder, 'collapsed', 'report.html'), 'utf8')).toMatch(/Warning: one unit takes/)
    const asJson = striate(...args, '--anti-hebbian', '0.4', '--json', '--out', 'collapsed-json')
    expect(JSON.parse(asJson.stdout).warnings[0]).toMatch(/^filters: one unit takes/)
    expect(asJson.stderr).toMatch(/^warning: filters: one unit takes/m)
  })

  /** Evaluates the run in changed light: figures, record, table, and the page that shows them. */
  function shadows(run: string, score: object) {
    const args = ['eval', 'shadows', '--run', run, '--data', data, '--split', 'train', '--seed', '3']
    const told = striate(...args, '--kinds', 'shadow,noise', '--strengths', '0.3,0.1', '--deviations', '0.2', '--cover', '0.5')
    expect(told.status, told.stderr).toBe(0)
    expect(told.stdout).toMatch(/unmodified: error [\d.]+ % \+- [\d.]+ \(\d+ of 160 images/)
    expect(told.stdout).toMatch(/shadow over 50 % +0\.3( +[\d.]+){3}\n/)
    expect(told.stdout).toMatch(/noise +0\.2( +[\d.]+){3}\n/)
    for (const file of ['.json', '-shadow.svg', '-noise.svg', '-images.png', '-images.svg'])
      expect(existsSync(join(run, `shadows-train${file}`)), file).toBe(true)
    const record = JSON.parse(readFileSync(join(run, 'shadows-train.json'), 'utf8'))
    expect(record.unmodified).toEqual(score)
    expect(record.curves.map((c: { kind: string; format: string }) => `${c.kind} ${c.format}`)).toEqual([
      'shadow u8',
      'shadow f32',
      'noise u8',
      'noise f32',
    ])
    expect(record.curves[0].points.map((p: { strength: number }) => p.strength)).toEqual([1, 0.3, 0.1])

    expect(striate('report', run).status).toBe(0)
    const page = readFileSync(join(run, 'report.html'), 'utf8')
    expect(page).toMatch(/Error in changed light/)
    expect(page).toMatch(/hard-edged shadow over 50 % of each image/)
    expect(page).toMatch(/Sample images/)

    // The same command again, as JSON: the record, and nothing else.
    const again = striate(...args, '--kinds', 'smooth', '--strengths', '0.5', '--json')
    const last = JSON.parse(again.stdout)
    expect(last).toEqual(JSON.parse(readFileSync(join(run, 'shadows-train.json'), 'utf8')))
    expect(last.curves.map((c: { kind: string }) => c.kind)).toEqual(['smooth', 'smooth'])

    // Results of another network are not passed off as this one's; a damaged record is named.
    const file = join(run, 'shadows-train.json')
    writeFileSync(file, JSON.stringify({ ...last, network: 'another' }))
    expect(striate('report', run).status).toBe(0)
    expect(readFileSync(join(run, 'report.html'), 'utf8')).toMatch(/is of another network and is left out/)
    writeFileSync(file, '{')
    const refused = striate('report', run)
    expect(refused.status).toBe(1)
    expect(refused.stderr).toMatch(/shadows-train.json is damaged \(no JSON\); expected a record/)
    rmSync(file)

    for (const [text, ...more] of [
      [/'fog' is invalid. expected 'shadow', 'smooth', 'colour', 'contrast' or 'noise'/, '--kinds', 'fog'],
      [/expected a number from 0 to 1/, '--strengths', '0.3,2'],
      [/expected a number from 0 to 1/, '--cover', '80'],
      [
        /--strengths is given for noise; expected it only with shadow, smooth, colour, contrast/,
        '--kinds',
        'noise',
        '--strengths',
        '1',
      ],
      [/--cover is given for smooth; expected it only with shadow/, '--kinds', 'smooth', '--cover', '1'],
      [/split is 'all'/, '--split', 'all'],
    ] as const)
      refuses(2, text, ...args, ...more)
    refuses(1, /nowhere is missing/, ...args, '--data', 'nowhere')
    refuses(1, /nowhere.model.safetensors is missing/, ...args, '--run', 'nowhere')
  }

  it('killed in mid-run and resumed, it writes the same bytes', async () => {
    const args = [
      'train',
      'local',
      '--data',
      data,
      '--seed',
      '9',
      '--checkpoint-seconds',
      '0',
      '--json',
      ...small,
      '--steps',
      '3000',
    ]
    expect(striate(...args, '--out', 'whole').status).toBe(0)
    const child = spawn(process.execPath, [main, ...args, '--out', 'killed'], { cwd: folder, stdio: 'ignore' })
    const exited = new Promise((resolve) => child.on('exit', (_, signal) => resolve(signal)))
    const checkpoint = join(folder, 'killed', 'filters.checkpoint.safetensors')
    while (!existsSync(checkpoint) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5))
    child.kill('SIGKILL')
    expect(await exited).toBe('SIGKILL')
    expect(existsSync(join(folder, 'killed', 'model.safetensors'))).toBe(false)
    const resumed = striate('train', 'local', '--resume', 'killed')
    expect(resumed.status, resumed.stderr).toBe(0)
    const bytes = (name: string) => readFileSync(join(folder, name, 'model.safetensors'))
    expect(bytes('killed').equals(bytes('whole'))).toBe(true)
  })

  it('blocks and a trunk: killed in the second layer and resumed to the same bytes, shown on the page, exported', async () => {
    const blocks = ['--trunk', 'W4 K12 n20 pool3/2', '--blocks', 'W5 K6 on0, W3 K10 n30 pool3/2+1 both-signs, K8 S2000']
    const args = [
      'train',
      'local',
      '--data',
      data,
      '--checkpoint-seconds',
      '0',
      ...small,
      '--window',
      '2',
      '--pool-size',
      '3',
      ...blocks,
    ]
    const whole = striate(...args, '--out', 'blocks')
    expect(whole.status, whole.stderr).toBe(0)
    expect(whole.stdout).toMatch(/filters 4\/4: 8 of 2 x 2/)
    const child = spawn(process.execPath, [main, ...args, '--out', 'blocks-killed'], { cwd: folder, stdio: 'ignore' })
    const exited = new Promise((resolve) => child.on('exit', (_, signal) => resolve(signal)))
    const checkpoint = join(folder, 'blocks-killed', 'filters-4.checkpoint.safetensors')
    while (!existsSync(checkpoint) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5))
    child.kill('SIGKILL')
    expect(await exited).toBe('SIGKILL')
    const resumed = striate('train', 'local', '--resume', 'blocks-killed')
    expect(resumed.status, resumed.stderr).toBe(0)
    const bytes = (name: string) => readFileSync(join(folder, name, 'model.safetensors'))
    expect(bytes('blocks-killed').equals(bytes('blocks'))).toBe(true)
    const page = readFileSync(join(folder, 'blocks', 'report.html'), 'utf8')
    expect(page).toMatch(/block 1 on the images, power 10, pool 3\/2/)
    expect(page).toMatch(/block 2, power 10, both signs, pool 3\/2\+1/)
    expect(page).toMatch(/block 3, power 10, pool 3\/2/)
    const told = striate('report', 'blocks')
    expect(told.status, told.stderr).toBe(0)
    expect(readFileSync(join(folder, 'blocks', 'report.html'), 'utf8')).toBe(page)
    const npy = (tensor: string) => ['export', '--run', 'blocks', '--format', 'npy', '--out', 'b.npy', '--tensor', tensor]
    expect(striate(...npy('blocks.2.weight')).status).toBe(0)
    expect(readFileSync(join(folder, 'b.npy')).toString('latin1')).toMatch(/\(8, 12, 2, 2\)/)
    const wrong = striate(...npy('blocks.3.weight'))
    expect(wrong.status).toBe(2)
    expect(wrong.stderr).toMatch(
      /blocks.0.weight, trunk.0.weight, blocks.1.weight, blocks.2.weight, readout.weight, readout.bias/,
    )
  })

  it('stops cleanly on Ctrl-C and says how to go on', async () => {
    const args = ['train', 'local', '--data', data, '--out', 'stopped', ...small, '--steps', '2000000']
    const child = spawn(process.execPath, [main, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    let stderr = ''
    child.stderr.on('data', (text) => {
      stderr += text
    })
    await new Promise((resolve) => child.stderr.on('data', () => stderr.includes('filters:') && resolve(null)))
    const exited = new Promise((resolve) => child.on('exit', resolve))
    child.kill('SIGINT')
    expect(await exited).toBe(130)
    expect(stderr).toMatch(/interrupted.*--resume/)
    expect(existsSync(join(folder, 'stopped', 'filters.checkpoint.safetensors'))).toBe(true)
    expect(readdirSync(join(folder, 'stopped')).some((file) => file.endsWith('.tmp'))).toBe(false)
  })
})

describe('striate refuses', () => {
  const train = ['train', 'local', ...small]

  it('wrong usage, with code 2', () => {
    refuses(2, /unknown option/, 'info', '--wrong')
    refuses(2, /'x' is one argument too many: 'info' takes only options; --json takes none/, 'info', '--json', 'x')
    refuses(
      2,
      /'b' is one argument too many: 'train local' takes only options; --data takes one value/,
      ...train,
      '--data',
      'a',
      'b',
    )
    refuses(
      2,
      /'2' is one argument too many: .*; --seeds takes one list, its parts between commas/,
      ...train,
      '--seeds',
      '1',
      '2',
    )
    refuses(2, /'b' is one argument too many: 'reproduce' takes one name \(/, 'reproduce', 'a', 'b')
    refuses(2, /unknown command/, 'paint')
    refuses(2, /--data is missing/, ...train)
    refuses(2, /expected a whole number/, ...train, '--data', data, '--seed', 'x')
    refuses(2, /'soup' is invalid. Allowed choices are grinberg, /, ...train, '--data', data, '--recipe', 'soup')
    refuses(1, /request.json is missing; expected the request of a run of train local/, 'train', 'local', '--resume', data)
    refuses(2, /'w3' is none of W3/, ...train, '--data', data, '--blocks', 'W3 K10, w3')
    refuses(2, /'K7' is the second of its kind/, ...train, '--data', data, '--blocks', 'W3 K10 K7')
    refuses(2, /'triangle' is the second of its kind/, ...train, '--data', data, '--blocks', 'W3 both-signs triangle')
    refuses(2, /one is empty/, ...train, '--data', data, '--blocks', 'W3 K10,')
    refuses(2, /window is 2.5/, ...train, '--data', data, '--out', 'never', '--blocks', 'W2.5 K10')
    refuses(2, /stable, faithful/, ...train, '--data', data, '--mode', 'wild')
  })

  it('options that a command would ignore', () => {
    const on = ['--data', data, '--out', 'never']
    refuses(2, /seed is 1; expected 0, as the run in run was begun/, 'train', 'local', '--resume', 'run', '--seed', '1')
    refuses(2, /readout.powers is given with --no-readout/, ...train, ...on, '--no-readout')
    refuses(2, /filters.temperature is no option of the rule oja/, ...train, ...on, '--rule', 'oja', '--temperature', '1.5')
    const supervised = ['train', 'supervised', ...on]
    for (const word of ['D0.9', 'S5', 'm7'])
      refuses(2, new RegExp(`'${word}' is none of W3 .window., K400`), ...supervised, '--blocks', `W4 K8 ${word}`)
    refuses(
      2,
      /--blocks is given for resnet-18; expected it only with --network conv-net/,
      ...supervised,
      '--network',
      'resnet-18',
      '--blocks',
      'W4 K8',
    )
    refuses(
      2,
      /--normalise is given for resnet-18; expected it only with --network conv-net/,
      ...supervised,
      '--network',
      'resnet-18',
      '--normalise',
      'patch',
    )
    refuses(2, /--momentum is given for adam; expected it only with --optimiser sgd/, ...supervised, '--momentum', '0.5')
    refuses(2, /--tensor is given for onnx/, 'export', '--run', 'run', '--format', 'onnx', '--out', 'never', '--tensor', 'x')
    refuses(2, /--data is given with --list/, 'reproduce', '--list', '--data', data)
  })

  it('options that cannot work, before anything is written', () => {
    refuses(2, /rank is 17; expected at most K = 16/, ...train, '--data', data, '--out', 'never', '--rank', '17')
    refuses(2, /window is 21/, ...train, '--data', data, '--out', 'never', '--window', '21')
    refuses(1, /device is 'tpu'/, ...train, '--data', data, '--out', 'never', '--device', 'tpu')
  })

  it('data that is not what it should be', () => {
    refuses(1, /nowhere is missing/, ...train, '--data', 'nowhere')
    mkdirSync(join(folder, 'empty'))
    refuses(1, /empty is an empty folder/, ...train, '--data', 'empty')
    mkdirSync(join(folder, 'cut'))
    for (const i of [1, 2, 3, 4, 5])
      writeFileSync(join(folder, 'cut', `data_batch_${i}.bin`), new Uint8Array(3073 * 10 + (i === 3 ? 1 : 0)))
    refuses(1, /data_batch_\d.bin/, ...train, '--data', 'cut')
    refuses(1, /run.json is missing/, 'report', 'empty')
    refuses(1, /model.safetensors/, 'eval', 'classify', '--run', 'empty', '--data', data)
  })

  it('corrupt images, by the name of the file', () => {
    const broken = join(folder, 'broken', 'disc')
    mkdirSync(broken, { recursive: true })
    const [first] = readdirSync(join(data, 'disc')) as [string]
    writeFileSync(join(broken, 'cut.png'), readFileSync(join(data, 'disc', first)).subarray(0, 60))
    refuses(1, /cut.png/, ...train, '--data', 'broken')
  })

  it.skipIf(process.getuid?.() === 0)('an unwritable folder', () => {
    mkdirSync(join(folder, 'locked'))
    chmodSync(join(folder, 'locked'), 0o500)
    refuses(1, /locked/, ...train, '--data', data, '--out', 'locked/run')
  })

  it('several processes, where a command is for one', () => {
    process.env.OMPI_COMM_WORLD_SIZE = '2'
    try {
      const refusal = (name: string) =>
        new RegExp(`^error: '${name}' is started as one of 2 processes; expected one alone: mpirun is for`)
      refuses(2, refusal('train local'), ...train, '--data', data)
      refuses(2, refusal('eval encoding'), 'eval', 'encoding', '--run', 'run', '--responses', 'v4')
      refuses(2, refusal('reproduce'), 'reproduce', 'passi-fig2')
    } finally {
      delete process.env.OMPI_COMM_WORLD_SIZE
    }
  })

  it('a place that cannot be written, before anything is measured', () => {
    refuses(
      1,
      /^striate: write: none\/x\.json is in a folder that does not exist[^\n]*\n$/,
      'bench',
      'gemm',
      '--out',
      'none/x.json',
    )
  })

  it('a file where a folder should be', () => {
    writeFileSync(join(folder, 'file'), '')
    refuses(1, /file/, ...train, '--data', data, '--out', 'file/run')
  })
})
