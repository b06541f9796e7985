// Workers that end in the middle of things (test/faults/workers.mjs with fewer of them).
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '#root'

const node = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', env: { ...process.env, ...env } })

describe('workers', () => {
  it('may end with reads, products, syncs and faults in flight', () => {
    const { status, signal, stdout, stderr } = node([join('test', 'faults', 'workers.mjs'), '20'])
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({ workers: 20, terminate: 10, exit: 10, alive: [3, 6] })
  }, 60_000)
})
