// `npm run bench --`: the benchmarks of `striate bench`, kept as bench/results/<name>.json with the commit.
import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { benchOps, describeBench, formatBench, runBench } from '../lib/bench/index.js'
import { addBenchFlags } from '../lib/cli/bench.js'

const program = new Command('npm run bench --')
const request = addBenchFlags(program)
program
  .description('kernels and training steps against the machine and PyTorch; the report goes to bench/results')
  .option('--name <name>', 'of the report (default: date and ops)')
  .parse()
const values = program.opts<{ name?: string; json?: boolean }>()
const positionals = program.args

const root = join(import.meta.dirname, '..')
const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
const controller = new AbortController()
process.once('SIGINT', () => controller.abort(new Error('stopped')))

const report = await runBench(request(), {
  signal: controller.signal,
  onRow: (row) => {
    if (values.json) console.log(JSON.stringify(row))
    else process.stderr.write(`${row.op}  ${row.case}\n`)
  },
})
if (!values.json) console.log(`\n${formatBench(report.rows)}\n\n${describeBench(report).join('\n')}`)

const name =
  values.name ??
  `${report.date.slice(0, 10)}-${positionals.length ? benchOps.filter((op) => positionals.includes(op)).join('-') : 'all'}`
const folder = join(root, 'bench', 'results')
const file = join(folder, `${name}.json`)
mkdirSync(folder, { recursive: true })
const changed = git('status', '--porcelain', '--', 'native', 'lib') !== ''
writeFileSync(`${file}.part`, `${JSON.stringify({ commit: git('rev-parse', 'HEAD'), changed, ...report }, null, 1)}\n`)
renameSync(`${file}.part`, file)
process.stderr.write(`wrote bench/results/${name}.json\n`)
