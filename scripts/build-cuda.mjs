// Builds the CUDA back end with CMake into build/. Called by build-native.mjs. An nvcc that is too old or broken costs the CUDA back end alone:
// the CPU's is complete without it. Environment:
//   STRIATE_CUDA                 AUTO (by default: where nvcc is found, a failure being a warning), ON (a failure ends the build) or OFF
//   STRIATE_CUDA_ARCHITECTURES   of GPUs, as in CMAKE_CUDA_ARCHITECTURES; fewer compile faster: 80-real, 90-real, native
//   CUDACXX                      another nvcc than that on the path
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { root } from './root.mjs'

const { STRIATE_CUDA: asked = 'AUTO', STRIATE_CUDA_ARCHITECTURES: architectures, CUDACXX: nvcc = 'nvcc' } = process.env
const folder = join(root, 'build', 'cmake-cuda')
const library = join(root, 'build', 'Release', 'libstriate_cuda.so')

/** Ends without the back end; one that was built before would be of other sources than the addon. */
function without(reason) {
  rmSync(library, { force: true })
  if (asked === 'ON') {
    console.error(`striate: STRIATE_CUDA is ON, but ${reason}`)
    process.exit(1)
  }
  if (reason) console.error(`striate: warning: built without CUDA: ${reason}; the CPU back end is complete`)
  process.exit(0)
}

if (!['AUTO', 'ON', 'OFF'].includes(asked)) {
  console.error(`striate: STRIATE_CUDA is '${asked}'; expected AUTO, ON or OFF`)
  process.exit(1)
}
if (asked === 'OFF') without('')

const found = spawnSync(nvcc, ['--version'], { encoding: 'utf8' })
if (found.error?.code === 'ENOENT') without(asked === 'ON' ? `${nvcc} was not found` : '')
const [release, major] = /release (\d+)\.\d+/.exec(found.stdout ?? '') ?? []
if (found.status !== 0 || !release) without(`${nvcc} does not say its version`)
if (Number(major) < 12) without(`nvcc is of ${release}; expected 12.0 or newer`)

const cmake = (...args) => spawnSync('cmake', args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0
const settings = ['-DCMAKE_BUILD_TYPE=Release', `-DCMAKE_CUDA_ARCHITECTURES=${architectures || '80;90-real'}`]
if (!cmake('-S', join(root, 'native', 'cuda'), '-B', folder, ...settings)) {
  // What CMake keeps of a compiler that failed would hide a better one.
  rmSync(folder, { recursive: true, force: true })
  without('nvcc does not work, as CMake says above')
}
if (!cmake('--build', folder, '-j', String(Math.max(2, availableParallelism())))) without('nvcc failed, as it says above')
