// Runs that are interrupted, killed or out of room, as a user meets them: nothing that was saved is lost, and what goes on ends in the same bytes.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '#root'

const main = join(root, 'dist', 'cli', 'main.js')
let folder: string

function run(command: string, args: string[]) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' })
  return { status, stdout, stderr }
}
const striate = (...args: string[]) => run(process.execPath, [main, ...args])
const bytes = (...path: string[]) => readFileSync(join(folder, ...path))
/** What a command ended with, after nothing but its progress. */
const oneSentence = (stderr: string) => {
  const [, progress, sentence = ''] = /^((?:.*\n)*)(.*\n)$/.exec(stderr) ?? []
  expect(sentence, stderr).toMatch(/^striate: [^\n]+\n$/)
  expect(progress).toMatch(/^(?:[a-z /\d]+: \d+ %, .*\n)*$/)
  return sentence
}

/** Supervised steps behind the checkpoint of a run; -1 without one. */
function stepOf(name: string): number {
  const path = join(folder, name, 'supervised.checkpoint.safetensors')
  if (!existsSync(path)) return -1
  const file = readFileSync(path)
  const header = JSON.parse(file.subarray(8, 8 + Number(file.readBigUInt64LE())).toString())
  return JSON.parse(header.__metadata__.position).step
}

/** Starts a command, sends it a signal once something is so, and gives how it ended. */
async function stopped(args: string[], signal: NodeJS.Signals, once: (stderr: string) => boolean) {
  const child: ChildProcess = spawn(process.execPath, [main, ...args], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr?.on('data', (text) => {
    stderr += text
  })
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.on('close', (code, killed) => resolve(code ?? killed)),
  )
  while (!once(stderr) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 2))
  child.kill(signal)
  return { ended: await ended, stderr }
}

const blocks = 'W4 K12 pool7/5, W5 K8 pool16/1'
const supervised = [
  ...[
    'train',
    'supervised',
    '--data',
    'scenes',
    '--blocks',
    blocks,
    '--batch',
    '20',
    '--epochs',
    '40',
    '--standardise',
    '--seed',
    '3',
  ],
  ...['--validation', '0.25', '--crop', '2', '--flip'],
]
const local = [
  ...['train', 'local', '--data', 'scenes', '--units', '16', '--steps', '200', '--filter-batch', '200', '--powers', '10'],
  ...['--pool-size', '5', '--epochs', '4', '--readout-batch', '20'],
]

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'striate-faults-'))
  expect(striate('render', '--out', 'scenes', '--count', '160', '--size', '20', '--seed', '5').status).toBe(0)
  const whole = striate(...supervised, '--out', 'whole', '--json')
  expect(whole.status, whole.stderr).toBe(0)
  expect(whole.stderr).toMatch(/^training: \d+ %, .* images\/s/m)
  const done = JSON.parse(whole.stdout)
  expect(done).toMatchObject({ kind: 'supervised', images: { train: 120, validation: 40 } })
  expect(done.curve).toHaveLength(40)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('striate train supervised', () => {
  it('killed and interrupted at many moments and resumed each time, it writes the same bytes', async () => {
    const often = ['--checkpoint-seconds', '0']
    const resume = ['train', 'supervised', '--resume', 'stopped']
    const checkpointed = (step: number) => () => stepOf('stopped') >= step
    const begun = () => existsSync(join(folder, 'stopped', 'request.json'))
    expect((await stopped([...supervised, ...often, '--out', 'stopped'], 'SIGKILL', begun)).ended).toBe('SIGKILL')
    expect((await stopped([...resume, ...often], 'SIGKILL', checkpointed(1))).ended).toBe('SIGKILL')
    expect((await stopped([...resume, ...often], 'SIGKILL', checkpointed(40))).ended).toBe('SIGKILL')
    // Interrupted, it saves where it is although no checkpoint was due.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const before = stepOf('stopped')
      const { ended, stderr } = await stopped(resume, signal, (text) => text.includes('training:'))
      expect(ended, stderr).toBe(130)
      expect(oneSentence(stderr)).toMatch(/interrupted; what was done is kept, go on with --resume stopped\n/)
      expect(stepOf('stopped')).toBeGreaterThan(before)
    }
    expect((await stopped([...resume, ...often], 'SIGKILL', checkpointed(150))).ended).toBe('SIGKILL')
    expect(existsSync(join(folder, 'stopped', 'model.safetensors'))).toBe(false)

    // What a write that was killed left behind goes; anything else stays.
    const abandoned = join(folder, 'stopped', '.supervised.checkpoint.safetensors.0123456789ab.tmp')
    const notes = join(folder, 'stopped', '.notes.tmp')
    for (const file of [abandoned, notes]) writeFileSync(file, 'half')
    const resumed = striate(...resume)
    expect(resumed.status, resumed.stderr).toBe(0)
    expect(bytes('stopped', 'model.safetensors').equals(bytes('whole', 'model.safetensors'))).toBe(true)
    expect([abandoned, notes].map((file) => existsSync(file))).toEqual([false, true])
    const curve = (name: string) =>
      JSON.parse(bytes(name, 'run.json').toString()).curve.map(({ seconds: _, ...epoch }: { seconds: number }) => epoch)
    expect(curve('stopped')).toEqual(curve('whole'))

    // A finished run that is resumed once more is the same run, and nothing is computed.
    const again = striate(...resume)
    expect(again).toMatchObject({ status: 0, stderr: '' })
    expect(again.stdout).toMatch(/^the run in stopped is finished: nothing was computed .*\n$/)
    expect(readdirSync(join(folder, 'stopped')).filter((file) => /checkpoint|lock/.test(file))).toEqual([])
    expect(bytes('stopped', 'model.safetensors').equals(bytes('whole', 'model.safetensors'))).toBe(true)
  })

  it('leaves a run that eval, report and export take', () => {
    const on = ['--run', 'whole', '--data', 'scenes', '--split', 'train']
    const evaluated = striate('eval', 'classify', ...on, '--json')
    expect(evaluated.status, evaluated.stderr).toBe(0)
    const { score } = JSON.parse(evaluated.stdout)
    expect(score).toMatchObject({ unit: '', raw: { images: 160 } })
    const shadows = striate('eval', 'shadows', ...on, '--kinds', 'shadow', '--strengths', '0.3')
    expect(shadows.status, shadows.stderr).toBe(0)
    expect(JSON.parse(bytes('whole', 'shadows-train.json').toString()).unmodified).toEqual(score)
    rmSync(join(folder, 'whole', 'report.html'))
    expect(striate('report', 'whole').status).toBe(0)
    const page = bytes('whole', 'report.html').toString()
    expect(page).toMatch(/trained end to end/)
    expect(page).toMatch(/Error in changed light/)

    const saved = striate('export', '--run', 'whole', '--format', 'safetensors', '--out', 'copy.safetensors')
    expect(saved.status, saved.stderr).toBe(0)
    expect(bytes('copy.safetensors').equals(bytes('whole', 'model.safetensors'))).toBe(true)
    expect(striate('export', '--run', 'whole', '--format', 'onnx', '--out', 'twin.onnx').status).toBe(0)
    const npy = ['export', '--run', 'whole', '--format', 'npy', '--out', 'weights.npy']
    const unknown = striate(...npy, '--tensor', 'filters')
    expect(unknown.status).toBe(2)
    const names = /expected (.+)\n/.exec(oneSentence(unknown.stderr))?.[1]?.split(', ') ?? []
    expect(striate(...npy, '--tensor', names[0] as string).status).toBe(0)
    expect(bytes('weights.npy').toString('latin1')).toMatch(/\(12, 3, 4, 4\)/)
  })

  it('refuses what cannot run in one sentence, before anything is written', () => {
    mkdirSync(join(folder, 'broken', 'disc'), { recursive: true })
    writeFileSync(join(folder, 'broken', 'disc', 'cut.png'), 'no image')
    writeFileSync(join(folder, 'file'), '')
    mkdirSync(join(folder, 'of-local'))
    writeFileSync(join(folder, 'of-local', 'request.json'), JSON.stringify({ data: 'scenes', filters: {}, readout: {} }))
    const files = () => readdirSync(folder, { recursive: true }).length
    const before = files()
    const train = ['train', 'supervised', '--data', 'scenes', '--out', 'never']
    for (const [code, text, args] of [
      [2, /--data is missing/, ['train', 'supervised']],
      [2, /'w3' is none of W3/, [...train, '--blocks', 'W4 K12, w3']],
      [2, /one is empty/, [...train, '--blocks', 'W4 K12,']],
      [2, /window/, [...train, '--blocks', 'W21 K4']],
      [2, /--momentum is given for adam; expected it only with --optimiser sgd/, [...train, '--momentum', '0.5']],
      [
        2,
        /--blocks is given for resnet-18; expected it only with --network conv-net/,
        [...train, '--network', 'resnet-18', '--blocks', 'W3'],
      ],
      [2, /--normalise is given for resnet-18/, [...train, '--network', 'resnet-18', '--normalise', 'patch']],
      [2, /resnet-34/, [...train, '--network', 'resnet-34']],
      [2, /expected a whole number/, [...train, '--epochs', '0']],
      [2, /batch is 1000; expected at most the 144 training images/, [...train, '--batch', '1000']],
      [2, /whole is the folder of a run .*holds .*resume/, [...train, '--out', 'whole']],
      [
        1,
        /of-local.request.json is damaged or of another kind \(in it command is missing\)/,
        ['train', 'supervised', '--resume', 'of-local'],
      ],
      [1, /nowhere.request.json is missing; expected the request/, ['train', 'supervised', '--resume', 'nowhere']],
      [1, /whole.request.json is of train supervised; expected .* of train local/, ['train', 'local', '--resume', 'whole']],
      [1, /nowhere is missing/, [...train, '--data', 'nowhere']],
      [1, /cut.png/, [...train, '--data', 'broken']],
      [1, /device is 'tpu'/, [...train, '--device', 'tpu']],
      [1, /file.run/, [...train, '--out', 'file/run']],
      [1, /file is there already and no folder/, [...train, '--out', 'file']],
      [1, /file.scenes is inside something that is not a folder/, ['render', '--count', '2', '--out', 'file/scenes']],
    ] as const) {
      const { status, stderr } = striate(...args)
      expect(stderr, args.join(' ')).toMatch(text)
      expect(stderr).not.toMatch(/\n\s+at /)
      expect(status, stderr).toBe(code)
    }
    expect(files()).toBe(before)
    const help = striate('train', 'supervised', '--help')
    expect(help.status).toBe(0)
    expect(help.stdout).toMatch(/\$ striate train supervised/)
  })
})

describe('without room', () => {
  /** The command with files of at most so many bytes: writes beyond fail, as on a full disk. */
  const limited = (size: number, args: string[]) =>
    run('sh', ['-c', 'ulimit -f "$0" && exec "$@"', String(Math.floor(size / 512)), process.execPath, main, ...args])

  it.skipIf(process.platform === 'win32')(
    'train supervised ends with the file and the cause, and goes on from its checkpoint',
    () => {
      // Holds the checkpoints of the first epoch; those after it have the best weights too.
      const failed = limited(34_000, [...supervised, '--checkpoint-seconds', '0', '--out', 'full'])
      expect(failed.status, failed.stderr).toBe(1)
      expect(oneSentence(failed.stderr)).toMatch(/full.supervised\.checkpoint\.safetensors is larger than a file may be here/)
      expect(stepOf('full')).toBe(6)
      const kept = ['request.json', 'supervised.checkpoint.safetensors', 'supervised.previous.checkpoint.safetensors']
      expect(readdirSync(join(folder, 'full')).sort()).toEqual(kept)
      const resumed = striate('train', 'supervised', '--resume', 'full')
      expect(resumed.status, resumed.stderr).toBe(0)
      expect(bytes('full', 'model.safetensors').equals(bytes('whole', 'model.safetensors'))).toBe(true)

      // No room for a page or a copy either: those that are there stay.
      const before = bytes('full', 'report.html')
      for (const args of [
        ['report', 'full'],
        ['export', '--run', 'full', '--format', 'safetensors', '--out', 'full/model.safetensors'],
      ]) {
        const again = limited(5_000, args)
        expect(again.status).toBe(1)
        oneSentence(again.stderr)
      }
      expect(bytes('full', 'report.html').equals(before)).toBe(true)
      expect(bytes('full', 'model.safetensors').equals(bytes('whole', 'model.safetensors'))).toBe(true)
      expect(readdirSync(join(folder, 'full')).some((file) => file.endsWith('.tmp'))).toBe(false)
    },
  )

  it.skipIf(process.platform === 'win32')('train local likewise, with its filters kept', () => {
    expect(striate(...local, '--out', 'local').status).toBe(0)
    const failed = limited(24_000, [...local, '--out', 'local-full'])
    expect(failed.status, failed.stderr).toBe(1)
    expect(oneSentence(failed.stderr)).toMatch(/local-full.readout\.checkpoint\.safetensors is larger than a file may be here/)
    expect(readdirSync(join(folder, 'local-full')).sort()).toEqual(['filters.checkpoint.safetensors', 'request.json'])
    const kept = bytes('local-full', 'filters.checkpoint.safetensors')
    const resumed = striate('train', 'local', '--resume', 'local-full')
    expect(resumed.status, resumed.stderr).toBe(0)
    expect(bytes('local-full', 'model.safetensors').equals(bytes('local', 'model.safetensors'))).toBe(true)
    expect(kept.length).toBeGreaterThan(3000)
  })

  const mounts =
    process.platform === 'linux' && spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs -o size=64k tmpfs /tmp']).status === 0

  it.skipIf(!mounts)('on a disk that is full, and then has room again', () => {
    mkdirSync(join(folder, 'disk'))
    const script = `mount -t tmpfs -o size=72k tmpfs disk || exit 9
      "$@" --out disk/run 2>&1; echo "code $?"
      mount -o remount,size=10m disk || exit 9
      "$0" ${JSON.stringify(main)} train supervised --resume disk/run; echo "code $?"
      cp disk/run/model.safetensors from-disk.safetensors`
    const args = [process.execPath, process.execPath, main, ...supervised, '--checkpoint-seconds', '0']
    const { stdout, status } = run('unshare', ['-m', 'sh', '-c', script, ...args])
    expect(status, stdout).toBe(0)
    expect(stdout).toMatch(/striate: write: disk.run.supervised\.checkpoint\.safetensors is on a full disk; expected free space/)
    expect(stdout.match(/code \d+/g)).toEqual(['code 1', 'code 0'])
    expect(bytes('from-disk.safetensors').equals(bytes('whole', 'model.safetensors'))).toBe(true)
  })
})

describe('a terminal', () => {
  const script = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0
  it.skipIf(!script)('gets its cursor back and its prompt when a run with a progress bar fails', () => {
    const command = `ulimit -f 24; '${process.execPath}' '${main}' ${supervised.map((a) => `'${a}'`).join(' ')} --checkpoint-seconds 0 --out bar`
    const { status, stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    })
    expect(stdout).toMatch(/training \[/)
    expect(stdout).toMatch(/striate: write: bar.supervised/)
    expect(stdout.lastIndexOf('\u001b[?25h')).toBeGreaterThan(stdout.lastIndexOf('\u001b[?25l'))
    expect(status).toBe(1)
  })
})
