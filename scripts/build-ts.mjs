// Compiles lib/ twice: ES modules with declarations by tsc into dist/, and the same files as CommonJS into dist/cjs. All of it is made beside its
// place first, so that what runs meanwhile finds the old files or the new ones.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { root } from './root.mjs'

const require = createRequire(import.meta.url)
if (!existsSync(join(root, 'lib'))) process.exit(0) // an installed package brings dist/ along

const ts = require('typescript')
mkdirSync(join(root, 'build'), { recursive: true })
const beside = mkdtempSync(join(root, 'build', 'dist-'))
process.on('exit', () => rmSync(beside, { recursive: true, force: true }))
const dist = join(beside, 'new')
const project = ['-p', join(root, 'tsconfig.build.json'), '--outDir', dist]
const tsc = spawnSync(process.execPath, [require.resolve('typescript/bin/tsc'), ...project], { stdio: 'inherit' })
if (tsc.status !== 0) process.exit(tsc.status ?? 1)

const files = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1))

const cjs = join(dist, 'cjs')
for (const file of files(join(root, 'lib'))) {
  if (!file.endsWith('.ts')) continue
  const source = readFileSync(join(root, 'lib', file), 'utf8')
  const { outputText } = ts.transpileModule(source, {
    fileName: file,
    compilerOptions: {
      // As CommonJS, for no package.json is in sight; `import()` stays as it is, for packages that are ES modules alone.
      module: ts.ModuleKind.Node16,
      target: ts.ScriptTarget.ES2022,
      esModuleInterop: true,
    },
  })
  const to = join(cjs, file.replace(/\.ts$/, '.js'))
  mkdirSync(dirname(to), { recursive: true })
  writeFileSync(to, outputText)
}
for (const file of files(dist)) {
  if (file.endsWith('.d.ts') && !file.startsWith('cjs')) {
    mkdirSync(dirname(join(cjs, file)), { recursive: true })
    cpSync(join(dist, file), join(cjs, file))
  }
}
// A package.json of its own says that these files are CommonJS; it hides the package's, so it names the root again.
writeFileSync(join(cjs, 'package.json'), '{ "type": "commonjs", "imports": { "#root": "./root.cjs" } }\n')
writeFileSync(join(cjs, 'root.cjs'), "exports.root = require('node:path').resolve(__dirname, '..', '..')\n")

const place = join(root, 'dist')
if (existsSync(place)) renameSync(place, join(beside, 'old'))
renameSync(dist, place)
