// What is printed may have nowhere to go: the work goes on to its end all the same.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '#root'

const folder = mkdtempSync(join(tmpdir(), 'striate-output-'))
const main = join(root, 'dist', 'cli', 'main.js')
const shell = (command: string) =>
  spawnSync('bash', ['-c', `set -o pipefail; ${command}`], { cwd: folder, encoding: 'utf8', env: { ...process.env, main } })
const train = 'node "$main" train local --data scenes --units 8 --window 5 --filter-batch 100 --steps 200 --no-readout --out'

beforeAll(() => {
  expect(shell('node "$main" render --out scenes --count 40 --size 16').status).toBe(0)
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
