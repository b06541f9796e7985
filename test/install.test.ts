// What an install makes of an nvcc that is missing, old, broken or fine: the CPU back end never depends on it.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { root } from '#root'

const folder = mkdtempSync(join(tmpdir(), 'striate-install-'))
const nvcc = join(folder, 'bin', 'nvcc')
const library = join(folder, 'build', 'Release', 'libstriate_cuda.so')
afterAll(() => rmSync(folder, { recursive: true }))
beforeEach(() => {
  rmSync(folder, { recursive: true })
  mkdirSync(join(folder, 'bin'), { recursive: true })
  cpSync(join(root, 'scripts'), join(folder, 'scripts'), { recursive: true })
  cpSync(join(root, 'native', 'cuda', 'CMakeLists.txt'), join(folder, 'native', 'cuda', 'CMakeLists.txt'))
  writeFileSync(join(folder, 'native', 'cuda', 'one.cu'), '__global__ void none() {}\n')
  // Of another build: it would not fit the addon.
  mkdirSync(join(library, '..'), { recursive: true })
  writeFileSync(library, '')
})

/** A script in nvcc's place. */
function fake(body: string): void {
  writeFileSync(nvcc, `#!/bin/sh\n${body}\n`)
  chmodSync(nvcc, 0o755)
}

function build(env: Record<string, string> = {}) {
  const { STRIATE_CUDA: _, STRIATE_CUDA_ARCHITECTURES: __, ...outside } = process.env
  const { status, stderr } = spawnSync(process.execPath, [join(folder, 'scripts', 'build-cuda.mjs')], {
    encoding: 'utf8',
    env: { ...outside, CUDACXX: nvcc, ...env },
  })
  return { status, last: stderr.trim().split('\n').at(-1), library: existsSync(library) && readFileSync(library).length > 0 }
}

const says = (release: string) =>
  `if [ "$1" = --version ]; then echo "Cuda compilation tools, release ${release}, V${release}.1"; exit 0; fi`

describe('the CUDA back end', () => {
  it('is left out without a word where there is no nvcc, and where it is not wanted', () => {
    expect(build()).toEqual({ status: 0, last: '', library: false })
    fake(`touch ${join(folder, 'asked')}; exit 1`)
    expect(build({ STRIATE_CUDA: 'OFF' })).toEqual({ status: 0, last: '', library: false })
    expect(existsSync(join(folder, 'asked'))).toBe(false)
  })

  it('is left out with a warning where nvcc is old, broken, or fails', () => {
    const cases: [body: string, reason: RegExp][] = [
      [says('11.8'), /^striate: warning: built without CUDA: nvcc is of release 11.8; expected 12.0 or newer; the CPU/],
      ['exit 127', /^striate: warning: built without CUDA: .*nvcc does not say its version/],
      ['kill -SEGV $$', /^striate: warning: built without CUDA: .*nvcc does not say its version/],
      [`${says('13.0')}\nexit 1`, /^striate: warning: built without CUDA: nvcc does not work/],
    ]
    for (const [body, reason] of cases) {
      fake(body)
      const { status, last, library } = build()
      expect({ status, library }, body).toEqual({ status: 0, library: false })
      expect(last).toMatch(reason)
    }
  })

  it('fails the build where it is asked for', () => {
    expect(build({ STRIATE_CUDA: 'ON' })).toMatchObject({
      status: 1,
      last: expect.stringMatching(/is ON, but .*nvcc was not found$/),
    })
    fake(says('11.8'))
    expect(build({ STRIATE_CUDA: 'ON' })).toMatchObject({
      status: 1,
      last: expect.stringMatching(/is ON, but nvcc is of release 11.8/),
    })
    expect(build({ STRIATE_CUDA: 'yes' })).toMatchObject({
      status: 1,
      last: "striate: STRIATE_CUDA is 'yes'; expected AUTO, ON or OFF",
    })
  })

  const real = spawnSync('which', ['nvcc'], { encoding: 'utf8' }).stdout.trim()
  it.skipIf(real === '')(
    'is built for the GPUs that are named, by an nvcc that cannot compress too',
    { timeout: 180_000 },
    () => {
      const settings = { STRIATE_CUDA: 'ON', STRIATE_CUDA_ARCHITECTURES: '80-real' }
      const compresses = () =>
        /STRIATE_CUDA_COMPRESSES:INTERNAL=(.*)/.exec(
          readFileSync(join(folder, 'build', 'cmake-cuda', 'CMakeCache.txt'), 'utf8'),
        )?.[1]
      fake(`for each in "$@"; do case "$each" in --compress-mode*) exit 1;; esac; done\nexec ${real} "$@"`)
      expect(build(settings)).toMatchObject({ status: 0, library: true })
      expect(compresses()).toBe('')
      // The same nvcc is broken later on: the CPU back end stays, what was built before does not.
      writeFileSync(join(folder, 'native', 'cuda', 'one.cu'), '__global__ void none() { broken }\n')
      const { status, last, library } = build({ STRIATE_CUDA_ARCHITECTURES: '80-real' })
      expect({ status, library }).toEqual({ status: 0, library: false })
      expect(last).toBe('striate: warning: built without CUDA: nvcc failed, as it says above; the CPU back end is complete')
    },
  )
})
