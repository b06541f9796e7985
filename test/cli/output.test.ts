// What is printed may have nowhere to go, and commands no terminal; signals end a run cleanly, or not at all under nohup.
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '#root'
import { printable } from '../../lib/cli/terminal.js'

const folder = mkdtempSync(join(tmpdir(), 'striate-output-'))
const main = join(root, 'dist', 'cli', 'main.js')
const shell = (command: string) =>
  spawnSync('bash', ['-c', `set -o pipefail; ${command}`], { cwd: folder, encoding: 'utf8', env: { ...process.env, main } })
const train = 'node "$main" train local --data scenes --units 8 --window 5 --filter-batch 100 --steps 200 --no-readout --out'

beforeAll(() => {
  expect(shell('node "$main" render --out scenes --count 40 --size 16 --no-page').status).toBe(0)
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('output that cannot be written', () => {
  it('to a reader that has gone ends there, and the run at its own end', () => {
    const { stdout, stderr } = shell(`${train} piped | head -1`)
    expect(stdout.trim().split('\n')).toHaveLength(1)
    expect(stderr).not.toMatch(/Error|\bat /)
    expect(existsSync(join(folder, 'piped', 'run.json'))).toBe(true)
  })

  it.skipIf(!existsSync('/dev/full'))('to a full disk is lost, and the run goes on', () => {
    const { stderr } = shell(`${train} full > /dev/full`)
    expect(stderr).not.toMatch(/Error|\bat /)
    expect(existsSync(join(folder, 'full', 'run.json'))).toBe(true)
  })
})

describe('a package without its addon', () => {
  it('is told in one sentence with the remedy', () => {
    const bare = join(folder, 'bare')
    for (const part of ['dist', 'scripts', 'package.json']) cpSync(join(root, part), join(bare, part), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(bare, 'node_modules'))
    const env = { ...process.env, STRIATE_ADDON: '' }
    const { status, stderr } = spawnSync(process.execPath, [join(bare, 'dist', 'cli', 'main.js'), 'info'], {
      encoding: 'utf8',
      env,
    })
    expect(status).toBe(1)
    expect(stderr).toMatch(/^striate: .*addon could not be loaded.*install scripts/)
    expect(stderr.trim()).not.toContain('\n')
  })
})

describe('names from outside', () => {
  it('are printed without control characters and turns of the direction of writing', () => {
    expect(printable('a\x1b[31mb\n\r\x7f\x9b \u202e\u2028 \u00e9 \u732b')).toBe(
      'a\\x1b[31mb\\x0a\\x0d\\x7f\\x9b \\u202e\\u2028 \u00e9 \u732b',
    )
    for (const args of [['report', '\x1b[2Jrun'], ['train', 'local', '--recipe', '\x1b[2J'], ['\x1b[2J']]) {
      const { status, stderr } = spawnSync(process.execPath, [main, ...args], { cwd: folder, encoding: 'utf8' })
      expect(status).toBeGreaterThan(0)
      expect(stderr).toContain('\\x1b[2J')
      expect(stderr).not.toContain('\x1b')
    }
  })
})

describe('a signal', () => {
  const long = (out: string) => `${train.replace('--steps 200', '--steps 2000000')} ${out}`
  const until = async (so: () => boolean) => {
    while (!so()) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  /** Starts a shell's command. */
  const begin = (command: string) => {
    const child = spawn('bash', ['-c', command], { cwd: folder, env: { ...process.env, main } })
    const seen = { text: '' }
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => {
        seen.text += text
      })
    const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
      child.on('close', (code, signal) => resolve(code ?? signal)),
    )
    return { child, seen, ended }
  }
  const kept = (out: string) => existsSync(join(folder, out, 'filters.checkpoint.safetensors'))

  it('of a hang-up stops a run with a checkpoint, once or twice', { timeout: 120_000 }, async () => {
    for (const times of [1, 2]) {
      const out = `hung-up-${times}`
      const { child, seen, ended } = begin(`exec ${long(out)}`)
      await until(() => seen.text.includes('filters:'))
      for (let i = 0; i < times; i++) child.kill('SIGHUP')
      expect(await ended, seen.text).toBe(130)
      expect(seen.text).toMatch(/striate: interrupted; what was done is kept, go on with --resume hung-up/)
      expect(kept(out)).toBe(true)
    }
  })

  it('of a hang-up does nothing under nohup', { timeout: 120_000 }, async () => {
    const { child, seen, ended } = begin(
      `nohup ${train.replace('--steps 200', '--steps 4000')} nohup & echo "pid $!"; wait $!; exit $?`,
    )
    await until(() => /pid \d+/.test(seen.text) && seen.text.includes('filters:'))
    expect(existsSync(join(folder, 'nohup', 'run.json'))).toBe(false)
    process.kill(Number(/pid (\d+)/.exec(seen.text)?.[1]), 'SIGHUP')
    expect(await ended, seen.text).toBe(0)
    expect(child.signalCode).toBeNull()
    expect(existsSync(join(folder, 'nohup', 'run.json'))).toBe(true)
  })

  const script = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0
  it.skipIf(!script)('of a terminal that is closed stops a run with a checkpoint', { timeout: 120_000 }, async () => {
    const terminal = spawn('script', ['-qec', long('closed'), '/dev/null'], { cwd: folder, env: { ...process.env, main } })
    let seen = ''
    terminal.stdout.on('data', (text) => {
      seen += text
    })
    await until(() => seen.includes('filters ['))
    expect(kept('closed')).toBe(false)
    terminal.kill('SIGKILL')
    await until(() => kept('closed'))
  })

  it('that comes before the command has begun ends it', { timeout: 120_000 }, async () => {
    for (const delay of [0, 30, 60, 120, 240]) {
      const out = `early-${delay}`
      const { child, seen, ended } = begin(`exec ${long(out)}`)
      await new Promise((resolve) => setTimeout(resolve, delay))
      child.kill('SIGTERM')
      expect(['SIGTERM', 130], seen.text).toContain(await ended)
      expect(existsSync(join(folder, out, 'run.json'))).toBe(false)
    }
  })
})
