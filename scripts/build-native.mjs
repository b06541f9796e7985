// Builds every native target with CMake into build/; the CUDA back end last, by build-cuda.mjs. Called by `npm run build:native`, by the install script and by binding.gyp.
//   --tests       also the simulated CUDA back end and the native checks
//   --sanitize    everything with AddressSanitizer and UBSan, into build/sanitize
// Environment: STRIATE_SIMD_LEVELS=native (by default: the CPU's kernels up to this machine's instruction set) or all (AVX-512 wherever it is built)
import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { root } from './root.mjs'

const flags = new Set(process.argv.slice(2))
const folder = join(root, 'build', flags.has('--sanitize') ? 'cmake-sanitize' : 'cmake')

const levels = process.env.STRIATE_SIMD_LEVELS || 'native'
if (!['native', 'all'].includes(levels)) {
  console.error(`striate: STRIATE_SIMD_LEVELS is '${levels}'; expected native or all`)
  process.exit(1)
}

function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  if (result.error?.code === 'ENOENT') {
    console.error(
      `striate: ${command} was not found; building from source needs cmake (3.22 or newer), make and a C++20 compiler`,
    )
    process.exit(1)
  }
  if (result.status !== 0) {
    console.error(`striate: ${command} ${args.join(' ')} failed`)
    process.exit(result.status ?? 1)
  }
}

run('cmake', [
  '-S',
  root,
  '-B',
  folder,
  '-DCMAKE_BUILD_TYPE=Release',
  `-DSTRIATE_SIMD_LEVELS=${levels}`,
  ...(flags.has('--tests') || flags.has('--sanitize') ? ['-DSTRIATE_TESTS=ON'] : []),
  ...(flags.has('--sanitize') ? ['-DSTRIATE_SANITIZE=ON'] : []),
])
run('cmake', ['--build', folder, '-j', String(Math.max(2, availableParallelism()))])
if (!flags.has('--sanitize')) run(process.execPath, [join(root, 'scripts', 'build-cuda.mjs')])
