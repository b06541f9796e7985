// `npm run test:sanitize`: the op tests with AddressSanitizer and UndefinedBehaviorSanitizer in all native code, the simulated CUDA kernels included.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { root } from './root.mjs'

const require = createRequire(import.meta.url)
const built = spawnSync(process.execPath, [join(root, 'scripts', 'build-native.mjs'), '--sanitize'], { stdio: 'inherit' })
if (built.status !== 0) process.exit(built.status ?? 1)

// The sanitizer's runtime must come first in the process, and Node itself is not instrumented.
const library = (name) => spawnSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout.trim()
const vitest = join(dirname(require.resolve('vitest/package.json')), 'vitest.mjs')
const tests = process.argv.slice(2)
const result = spawnSync(process.execPath, [vitest, 'run', ...(tests.length > 0 ? tests : ['test/ops.test.ts'])], {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    LD_PRELOAD: `${library('libasan.so')} ${library('libubsan.so')}`,
    ASAN_OPTIONS: 'detect_leaks=0:detect_stack_use_after_return=0:alloc_dealloc_mismatch=0',
    UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
    STRIATE_ADDON: join(root, 'build', 'sanitize', 'addon.node'),
    STRIATE_SIM_LIBRARY: join(root, 'build', 'tests-sanitize', 'libstriate_cuda_sim.so'),
  },
})
process.exit(result.status ?? 1)
