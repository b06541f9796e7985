// npx tsx bench/report.ts bench/results/<name>.json ...
// puts the table of each results file between the markers <!-- bench:start --> and <!-- bench:end --> of README.md.
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type BenchReport, markdownBench } from '../lib/bench/index.js'

const [start, end] = ['<!-- bench:start -->', '<!-- bench:end -->']
const files = process.argv.slice(2)
if (files.length === 0) throw new Error('usage: npx tsx bench/report.ts bench/results/<name>.json ...')

const root = join(import.meta.dirname, '..')
const readme = join(root, 'README.md')
const text = readFileSync(readme, 'utf8')
const [from, to] = [text.indexOf(start), text.indexOf(end)]
if (from < 0 || to < from) throw new Error(`README.md has no ${start} ... ${end}`)
const tables = files.map((file) => {
  const report = JSON.parse(readFileSync(file, 'utf8')) as BenchReport & { commit: string }
  return `${markdownBench(report)} From \`${relative(root, file)}\`, commit ${report.commit.slice(0, 10)}.\n`
})
writeFileSync(`${readme}.part`, `${text.slice(0, from + start.length)}\n${tables.join('\n')}${text.slice(to)}`)
renameSync(`${readme}.part`, readme)
