// `npm run lint`: biome and tsc over the TypeScript, clang-format over the C++ where it is installed. `--write` formats instead.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { root } from './root.mjs'

const require = createRequire(import.meta.url)
const write = process.argv.includes('--write')
let failed = false

function run(name, command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (result.error?.code === 'ENOENT') {
    console.log(`${name}: not installed, left out`)
    return
  }
  console.log(`${name}: ${result.status === 0 ? 'clean' : 'failed'}`)
  if (result.status !== 0) failed = true
}

const biome = join(dirname(require.resolve('@biomejs/biome/package.json')), 'bin', 'biome')
run('biome', process.execPath, [biome, 'check', ...(write ? ['--write'] : []), '--max-diagnostics=40', '.'])
run('tsc', process.execPath, [require.resolve('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.json'])

const sources = ['native', 'test/cuda_on_cpu'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .filter((file) => /\.(cpp|h|cu|cuh)$/.test(file))
    .map((file) => join(folder, file)),
)
run('clang-format', 'clang-format', write ? ['-i', ...sources] : ['--dry-run', '--Werror', ...sources])
process.exit(failed ? 1 : 0)
