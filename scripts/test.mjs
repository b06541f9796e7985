// `npm test`: builds what the tests need, runs them, and ends with the line `N passed, N failed`.
// Arguments go to vitest: `npm test -- test/ops.test.ts`.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { root } from './root.mjs'

const require = createRequire(import.meta.url)

function run(args, env = {}) {
  const result = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
  return result.status ?? 1
}

for (const args of [[join(root, 'scripts', 'build-native.mjs'), '--tests'], [join(root, 'scripts', 'build-ts.mjs')]]) {
  const status = run(args)
  if (status !== 0) {
    console.log('0 passed, 1 failed') // nothing could be built, so nothing could be tested
    process.exit(status)
  }
}

const report = join(root, 'build', 'vitest.json')
mkdirSync(dirname(report), { recursive: true })
rmSync(report, { force: true })
const vitest = join(dirname(require.resolve('vitest/package.json')), 'vitest.mjs')
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
const status = run([vitest, 'run', ...reporters, ...process.argv.slice(2)])

let passed = 0
let failed = 1
let skipped = 0
try {
  const { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites } = JSON.parse(readFileSync(report, 'utf8'))
  passed = numPassedTests
  failed = Math.max(numFailedTests, status === 0 ? 0 : 1, numFailedTests === 0 ? numFailedTestSuites : 0)
  skipped = numPendingTests
} catch {
  console.error('vitest left no report')
}
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exit(failed > 0 ? 1 : 0)
