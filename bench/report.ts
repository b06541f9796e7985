// npx tsx bench/report.ts bench/results/<name>.json ...
// puts the table of each results file between the markers <!-- bench:start --> and <!-- bench:end --> of bench/results/README.md, and a few of
// their rows between those of README.md, for each machine that has most of them.
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type BenchReport, markdownBench } from '../lib/bench/index.js'

/** Rows of the README, by device: what users do most, whether they are won or lost. Of rows that stand in several reports of a machine, the first. */
const chosen = {
  cpu: [
    ['hebbian_step', 'B=1000 D=48 K=400 m=2'],
    ['hebbian_learn', 'B=1000 D=48 K=400 m=2, gather included'],
    ['nnl_conv', 'W=4 K=400 n=40 pool 11/2, batch 100'],
    ['nnl_conv', 'W=4 K=400 n=40 pool 11/2, u8, batch 100'],
    ['rectified_power', 'n=40, 1e7 elements'],
    ['readout', '40000 -> 10, Adam, batch 100'],
    ['train_resnet18', '64 x 64, SGD with momentum, batch 32'],
  ],
  cuda: [
    ['hebbian_step', 'B=1000 D=48 K=400 m=2'],
    ['hebbian_learn', 'B=1000 D=48 K=400 m=2, gather included'],
    ['nnl_conv', 'W=4 K=400 n=40 pool 11/2, batch 100'],
    ['readout', '40000 -> 10, Adam, batch 100'],
    ['wavelet_mix', 'C=64 K=64, odd block, 56 x 56, batch 4'],
    ['covariance', 'D=2048, chunks of 4000'],
    ['train_resnet18', '64 x 64, SGD with momentum, batch 32'],
  ],
} as const

const [start, end] = ['<!-- bench:start -->', '<!-- bench:end -->']
const files = process.argv.slice(2)
if (files.length === 0) throw new Error('usage: npx tsx bench/report.ts bench/results/<name>.json ...')
const root = join(import.meta.dirname, '..')

function insert(page: string, tables: readonly string[]): void {
  const path = join(root, page)
  const text = readFileSync(path, 'utf8')
  const [from, to] = [text.indexOf(start), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${page} has no ${start} ... ${end}`)
  writeFileSync(`${path}.part`, `${text.slice(0, from + start.length)}\n${tables.join('\n')}${text.slice(to)}`)
  renameSync(`${path}.part`, path)
}

const reports = files.map((file) => ({ file, ...(JSON.parse(readFileSync(file, 'utf8')) as BenchReport & { commit: string }) }))
const source = (file: string, commit: string) => `From \`${relative(root, file)}\`, commit ${commit.slice(0, 10)}.`
insert(
  join('bench', 'results', 'README.md'),
  reports.map(({ file, commit, ...report }) => `${markdownBench(report)} ${source(file, commit)}\n`),
)
const nameOf = ({ machine }: (typeof reports)[number]) =>
  machine.kind === 'cuda' ? machine.device : `${machine.processor}, ${machine.instructionSet}`
const tables = [...new Set(reports.map(nameOf))].flatMap((name) => {
  const of = reports.filter((report) => nameOf(report) === name)
  const [first] = of as [(typeof reports)[number]]
  const wanted = chosen[first.machine.kind ?? 'cpu']
  const found = wanted.flatMap(([op, name]) => {
    const all = of.flatMap(({ date, rows }) => rows.map((row) => ({ date, row })))
    return all.find(({ row }) => row.op === op && row.case === name && !row.scaling) ?? []
  })
  if (found.length <= wanted.length / 2) return []
  const table = markdownBench({ ...first, rows: found.map(({ row }) => row) }).split('\n\n')[0]
  const days = [...new Set(found.map(({ date }) => date.slice(0, 10)))].join(' and ')
  return [
    `${table}\n\n${name}; PyTorch ${first.peer?.torch ?? 'not measured'}; measured ${days}. Quartiles of the ratio in brackets.\n`,
  ]
})
insert('README.md', tables)
