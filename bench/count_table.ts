// The table of counted CUDA kernels.
// npx tsx bench/count_table.ts puts that of bench/results/cuda-counted.json between the markers of bench/results/README.md.
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface KernelCount {
  kernel: string
  launches: number
  /** Of warps. */
  instructions: number
  mma: number
  /** Of 32 bytes, of global memory: touched, and what the bytes asked for would fill. */
  sectors: number
  idealSectors: number
  /** Of shared memory: taken, and what the bytes asked for would need. */
  wavefronts: number
  idealWavefronts: number
  registers?: number
  spilled?: number
}

export interface WorkCount {
  work: string
  /** What the table's numbers are per, and how many of that were run. */
  per: string
  units: number
  instructions: number
  before?: number
  kernels: KernelCount[]
}

export interface CountReport {
  commit: string
  multiprocessors: number
  /** Cycles a second of the pretended device. */
  clock: number
  works: WorkCount[]
}

const millions = (n: number): string => (n >= 1e9 ? `${(n / 1e9).toFixed(2)} G` : `${(n / 1e6).toFixed(2)} M`)
const ratio = (a: number, b: number): string => (b === 0 ? '-' : (a / b).toFixed(2))

export function markdownCounts({ works, multiprocessors, clock }: CountReport): string {
  // a multiprocessor starts four warp instructions a cycle
  const bound = (instructions: number) => `${((instructions / (multiprocessors * 4 * clock)) * 1e6).toFixed(1)} us`
  const rows = works.flatMap(({ work, per, units, instructions, before, kernels }) => [
    `| **${work}** | ${per} | ${before === undefined ? '' : millions(before / units)} | **${millions(instructions / units)}** | | | | | ${bound(instructions / units)} |`,
    ...kernels.map(
      (k) =>
        `| \`${k.kernel}\` | | | ${millions(k.instructions / units)} | ${((100 * k.mma) / k.instructions).toFixed(1)} % | ${millions(k.sectors / units)} (${ratio(k.sectors, k.idealSectors)}) | ${millions(k.wavefronts / units)} (${ratio(k.wavefronts, k.idealWavefronts)}) | ${k.registers ?? ''}${k.spilled ? `, ${k.spilled} B spilled` : ''} | ${bound(k.instructions / units)} |`,
    ),
  ])
  return [
    'Counted, not timed: warp instructions of the PTX that nvcc emits, in an interpreter; nothing ran on hardware. `sectors` and `wavefronts` stand beside their ratio to what the bytes alone would need,',
    `\`registers\` are what ptxas gives a thread for sm_90, where it was asked. \`issue\` is the time in which ${multiprocessors} multiprocessors of four issue slots could start so many instructions at ${(clock / 1e9).toFixed(2)} GHz: a bound, no prediction.`,
    '',
    '| work, kernel | per | before | warp instructions | mma | sectors | wavefronts | registers | issue |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [start, end] = ['<!-- counted:start -->', '<!-- counted:end -->']
  const folder = join(import.meta.dirname, 'results')
  const readme = join(folder, 'README.md')
  const text = readFileSync(readme, 'utf8')
  const [from, to] = [text.indexOf(start), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`bench/results/README.md has no ${start} ... ${end}`)
  const report = JSON.parse(readFileSync(join(folder, 'cuda-counted.json'), 'utf8')) as CountReport
  const table = `${markdownCounts(report)}\n\nFrom \`cuda-counted.json\`, commit ${report.commit.slice(0, 10)}.\n`
  writeFileSync(`${readme}.part`, `${text.slice(0, from + start.length)}\n${table}${text.slice(to)}`)
  renameSync(`${readme}.part`, readme)
}
