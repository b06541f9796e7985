// npx tsx bench/run.ts [op ...] [--name x] [--threads n] [--rounds n] [--python path] [--no-peers] [--device cpu|cuda] [--json]
// runs the benchmark and writes bench/results/<name>.json (default: today's date).
import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { benchOps, describeBench, formatBench, runBench } from '../lib/bench/index.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    name: { type: 'string' },
    threads: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '9' },
    python: { type: 'string' },
    peers: { type: 'boolean', default: true },
    device: { type: 'string', default: 'cpu' },
    json: { type: 'boolean', default: false },
  },
})
if (values.device !== 'cpu' && values.device !== 'cuda') throw new Error(`--device is ${values.device}; expected cpu or cuda`)

const root = join(import.meta.dirname, '..')
const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
const controller = new AbortController()
process.once('SIGINT', () => controller.abort(new Error('stopped')))

const report = await runBench({
  ops: positionals,
  device: values.device,
  threads: Number(values.threads),
  rounds: Number(values.rounds),
  peers: values.peers,
  ...(values.python !== undefined && { python: values.python }),
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
