// Whether the simulation of CUDA on the CPU keeps CUDA's meaning, in every order of threads.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '#root'

describe('CUDA on the CPU', () => {
  it('passes its self test', () => {
    const { status, stdout, error } = spawnSync(join(root, 'build', 'tests', 'cuda_on_cpu_self_test'), { encoding: 'utf8' })
    expect(error, 'is built: npm run build:native -- --tests').toBeUndefined()
    expect(status, stdout).toBe(0)
  })
})
