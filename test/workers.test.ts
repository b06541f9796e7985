// Workers that end in the middle of things (test/faults/workers.mjs with fewer of them), and threads that cannot be had.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '#root'
import { addon } from '../lib/native.js'

const node = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', env: { ...process.env, ...env } })

const device = JSON.stringify(join(root, 'dist', 'device.js'))
// What a script needs of the package and no more: there are many of them.
const script = (body: string, env: NodeJS.ProcessEnv) =>
  node(['--input-type=module', '-e', `import { cpu, threads } from ${device}\n${body}`], env)

describe('workers', () => {
  it('may end with reads, products, syncs and faults in flight', () => {
    const { status, signal, stdout, stderr } = node([join('test', 'faults', 'workers.mjs'), '20'])
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({ workers: 20, terminate: 10, exit: 10, alive: [3, 6] })
  }, 60_000)
})

describe('threads that the system does not give', () => {
  it('refuse the device, or leave the work to those there are', () => {
    const { status, stdout, stderr } = node([join('test', 'faults', 'threads.mjs')])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const { refused, threads, same } = JSON.parse(stdout)
    expect(refused.error).toBe('DeviceError')
    expect(refused.message).toMatch(/^the system gives no thread for the device's queue \(.*\): raise the limit/)
    expect({ threads, same }).toEqual({ threads: [1, 3, 6], same: true })
  }, 60_000)
})

describe('the environment', () => {
  /** What each call is refused with, in a process of this environment. */
  const refused = (env: NodeJS.ProcessEnv, ...calls: string[]) => {
    const attempts = calls.map(
      (call) => `try { ${call}; console.log('nothing was refused') } catch (e) { console.log(e.name, e.message) }`,
    )
    const { stdout, stderr } = script(attempts.join('\n'), env)
    expect(stderr).toBe('')
    return stdout.trimEnd().split('\n')
  }

  it.each(['0', '-1', 'abc', '1e9', '1000000000', '99999999999999999999', ' 2', '2x'])('refuses STRIATE_THREADS=%s', (text) => {
    const sentence = `OptionError STRIATE_THREADS is '${text}'; expected a whole number from 1 to 1024`
    expect(refused({ STRIATE_THREADS: text }, 'cpu()', 'threads()')).toEqual([sentence, sentence])
  })

  it('takes STRIATE_THREADS, and an empty one for none', () => {
    expect(script('console.log(threads())', { STRIATE_THREADS: '3' }).stdout.trim()).toBe('3')
    expect(script('console.log(threads())', { STRIATE_THREADS: '' }).stdout.trim()).toBe(String(addon.usableCores()))
  })

  it.each(['v2', 'avx512', 'V3', 'base '])('refuses STRIATE_SIMD=%s', (text) => {
    expect(refused({ STRIATE_SIMD: text }, 'cpu()')).toEqual([
      expect.stringMatching(`^OptionError STRIATE_SIMD is '${text}'; expected one of base\\b.*, which this processor has$`),
    ])
  })
})

describe('the cores that may be used', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'striate-cgroup-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  let next = 0
  /** usableCores() within a tree of these files. */
  const cores = (files: Record<string, string>): number => {
    const tree = join(folder, String(next++))
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(tree, path)), { recursive: true })
      writeFileSync(join(tree, path), text)
    }
    return addon.usableCores(tree)
  }
  const all = addon.usableCores('/nowhere') // no quota: the affinity

  it('are those of the affinity where there is no quota', () => {
    expect(all).toBeGreaterThanOrEqual(1)
    expect(cores({ 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': 'max 100000\n' })).toBe(all)
    expect(cores({ 'proc/self/cgroup': '1:cpu:/\n', 'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n' })).toBe(all)
    expect(cores({ 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '102400000 100000\n' })).toBe(all)
  })

  it('follow the quota of version 2, rounded up, also of a group above', () => {
    expect(cores({ 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '50000 100000\n' })).toBe(1)
    expect(cores({ 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '100001 100000\n' })).toBe(Math.min(2, all))
    const group = { 'proc/self/cgroup': '0::/a/b\n', 'sys/fs/cgroup/a/b/cpu.max': 'max 100000\n' }
    expect(cores({ ...group, 'sys/fs/cgroup/a/cpu.max': '80000 100000\n' })).toBe(1)
    expect(cores(group)).toBe(all)
  })

  it('follow the quota of version 1, at the mount too where the path is not shown', () => {
    const quota = (at: string) => ({
      [`sys/fs/cgroup/cpu${at}/cpu.cfs_quota_us`]: '100000\n',
      [`sys/fs/cgroup/cpu${at}/cpu.cfs_period_us`]: '100000\n',
    })
    expect(cores({ 'proc/self/cgroup': '4:memory:/x\n3:cpu,cpuacct:/x\n', ...quota('/x') })).toBe(1)
    expect(cores({ 'proc/self/cgroup': '3:cpuacct,cpu:/docker/1\n', ...quota('') })).toBe(1)
    expect(cores({ 'proc/self/cgroup': '3:cpuset:/x\n', ...quota('/x') })).toBe(all)
  })
})
