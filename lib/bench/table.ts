// Bench rows as text for a terminal and as Markdown for the README.
import type { Goal } from './case.js'
import type { JobReport } from './job.js'
import type { Provenance } from './peer.js'
import { allowed, type BenchReport, type BenchRow } from './rows.js'
import type { Spread } from './timing.js'

/** 4.93 Mpatches/s. */
function rateText(rate: number, unit: string): string {
  const [scale, letter] = rate >= 1e9 ? [1e9, ' G'] : rate >= 1e6 ? [1e6, ' M'] : rate >= 1e4 ? [1e3, ' k'] : [1, ' ']
  const number = rate / scale
  return `${number >= 100 ? number.toFixed(0) : number.toPrecision(3)}${letter}${unit === 'flops' ? 'flop' : unit}/s`
}

const ratioText = (x: number): string => `${x >= 100 ? x.toFixed(0) : x.toPrecision(x < 1 ? 2 : 3)}x`
const percent = (x: number): string => `${(100 * x).toFixed(0)} %`
const withQuartiles = (s: Spread): string => `${ratioText(s.median)} (${ratioText(s.lower)}-${ratioText(s.upper)})`

function goalText(row: BenchRow, goal: Goal): string {
  const beyond = allowed(row, goal).ratio === goal.ratio ? '' : ' (beyond the limit)'
  const parts = [
    goal.ratio !== undefined ? ratioText(goal.ratio) + beyond : '',
    goal.share !== undefined ? percent(goal.share) : '',
  ]
  return parts.filter(Boolean).join(', ')
}

function goals(row: BenchRow): string {
  if (!row.must) return ''
  const met = row.met === null ? 'not measured' : row.met === 'reach' ? 'both met' : row.met === 'must' ? 'met' : 'MISSED'
  return `${goalText(row, row.must)}${row.reach ? ` / ${goalText(row, row.reach)}` : ''}: ${met}`
}

const limitNames = { fma: 'FMA peak', read: 'memory read', copy: 'memory copy' }

function cells(row: BenchRow): string[] {
  const disagrees = row.check && !row.check.agrees ? ` DISAGREES by ${row.check.error.toExponential(1)}` : ''
  const versus = row.scaling ? `${ratioText(row.scaling.ratio)} one thread` : row.peer ? withQuartiles(row.peer.ratio) : ''
  return [
    row.op,
    row.case,
    rateText(row.rate.median, row.unit) + disagrees,
    row.limit ? `${percent(row.limit.share)} of ${limitNames[row.limit.kind]}` : '',
    row.peer ? `${rateText(row.peer.forms[row.peer.best]?.rate.median ?? 0, row.unit)} ${row.peer.best}` : (row.note ?? ''),
    versus,
    row.peer ? ratioText(row.peer.ratioToDefault.median) : '',
    goals(row),
  ]
}

const head = ['op', 'case', 'striate', 'limit', 'best peer', 'x best (quartiles)', 'x default', 'goal: must / reach']

/** The peer's forms that a row is not compared with, and why. */
function leftOut({ op, case: name, peer, check }: BenchRow): string[] {
  if (!peer || !check) return []
  const forms = Object.entries(peer.forms).flatMap(([form, { lighter, error }]) => {
    if (!lighter && error <= check.tolerance) return []
    const reason = lighter
      ? 'does less than the work'
      : `is off by ${error.toExponential(1)}, where ${check.tolerance} is allowed`
    return [`${form} ${reason}`]
  })
  const failed = Object.entries(peer.failed).map(([form, reason]) => `${form} cannot run here (${reason})`)
  const all = [...forms, ...failed]
  return all.length > 0 ? [`Not compared, ${op} ${name}: ${all.join('; ')}.`] : []
}

/** Columns of even width, the first line underlined. */
function aligned(table: readonly (readonly string[])[]): string[] {
  const widths = (table[0] ?? []).map((_, i) => Math.max(...table.map((line) => (line[i] ?? '').length)))
  const lines = table.map((line) =>
    line
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return [lines[0] ?? '', widths.map((w) => '-'.repeat(w)).join('  '), ...lines.slice(1)]
}

/** A table for a terminal. */
export const formatBench = (rows: readonly BenchRow[]): string =>
  [...aligned([head, ...rows.map(cells)]), ...rows.flatMap(leftOut)].join('\n')

/** Seconds of each phase of the whole job, of both sides, and their test errors. */
export function formatJob(report: JobReport): string {
  const { ours, peer } = report
  const seconds = (x: number): string => `${x.toFixed(1)} s`
  const sum = (phases: Record<string, number>): number => Object.values(phases).reduce((a, b) => a + b, 0)
  const line = (name: string, us: number, them: number | undefined, form = ''): string[] => [
    name,
    seconds(us),
    them === undefined ? '' : seconds(them),
    them === undefined ? '' : ratioText(them / us),
    form,
  ]
  const rows = Object.entries(ours.phases).map(([phase, us]) => line(phase, us, peer?.phases[phase], peer?.forms[phase]))
  const error = (share: number | undefined): string => (share === undefined ? '' : `${(100 * share).toFixed(2)} %`)
  return aligned([
    ['phase', 'striate', 'PyTorch', 'x', 'its form'],
    ...rows,
    line('all', sum(ours.phases), peer ? sum(peer.phases) : undefined),
    ['test error', error(ours.testError), error(peer?.testError), '', ''],
  ]).join('\n')
}

/** The head of a job's report: machine, versions, and what was done. */
export function describeJob(report: JobReport): string[] {
  const { threads, work, images, load, peer, note, ours } = report
  return [
    `${machineText(report)}, ${threadsText(threads)}.`,
    `${work.units} filters of ${work.window} x ${work.window} in ${work.steps} minibatches of ${work.filterBatch} patches, n = ${work.power}, pool ` +
      `${work.poolSize}/${work.poolStride}+${work.poolPadding}, ${work.epochs} epochs of the readout; ${images.train} training and ${images.test} test images of ${images.data}.`,
    peer
      ? `PyTorch ${peer.versions.torch}, NumPy ${peer.versions.numpy}, Python ${peer.versions.python}, float32${report.machine.kind === 'cuda' ? ' without TF32' : ''}, ${threadsText(peer.versions.threads)}; finding its fastest forms is not counted.`
      : (note ?? 'No peer was measured.'),
    `At most ${(ours.memory / 2 ** 30).toFixed(2)} GiB resident.${loadText(load)}`,
  ]
}

/** Of the machine, the date and our own versions. */
const machineText = ({ machine, date, striate, node }: Provenance): string =>
  (machine.kind === 'cuda'
    ? `${machine.device} (${machine.libraries}) in a machine of ${machine.cores} cores, ${machine.processor}`
    : `${machine.processor}, ${machine.cores} cores, ${machine.instructionSet}`) +
  `; ${date.slice(0, 10)}, striate ${striate}, Node ${node}`

const threadsText = (count: number): string => `${count} thread${count === 1 ? '' : 's'}`
const loadText = (load: number): string =>
  load > 0.5 ? ` The machine was not idle: other programs had a load average of ${load.toFixed(1)} when the run began.` : ''

/** The head of a report in a few plain lines: machine, limits, versions, and how it was measured. */
export function describeBench(report: Omit<BenchReport, 'rows'>): string[] {
  const { machine, limits, load = 0, peer, threads, rounds } = report
  const settings = Object.entries(peer?.environment ?? {}).map(([name, value]) => `${name}=${value}`)
  const onGpu = machine.kind === 'cuda'
  return [
    `${machineText(report)}.`,
    `Limits measured ${onGpu ? 'on the GPU' : `with ${threadsText(threads)}`}: ${limits.fmaGflops.toFixed(0)} GFLOP/s float32 FMA, ` +
      `${limits.readGbs.toFixed(0)} GB/s read, ${limits.copyGbs.toFixed(0)} GB/s copied (read plus written).`,
    peer
      ? `Peers: PyTorch ${peer.torch}, NumPy ${peer.numpy}, Python ${peer.python}, float32` +
        (onGpu
          ? ' without TF32; best of several forms, each also replayed as a CUDA graph (torch.compile, cuDNN trying its algorithms).'
          : `, ${threadsText(peer.threads)}; environment ${settings.join(' ')}, presets of OpenBLAS dropped; ` +
            `best of several forms (products ${peer.precision === 'highest' ? 'as they are, since oneDNN rounds them to bfloat16 here' : 'through oneDNN'}, channels-last, cache-sized groups, torch.compile, NumPy).`)
      : 'No peer was measured.',
    `Medians over ${rounds} rounds in which both sides take turns, ${threads === 1 && !onGpu ? 'by processor time' : "by the wall's clock"}.` +
      loadText(load),
  ]
}

/** The same table in Markdown, with its description. */
export function markdownBench(report: BenchReport): string {
  const line = (items: readonly string[]): string => `| ${items.map((item) => item.replaceAll('|', '\\|')).join(' | ')} |`
  const table = [line(head), line(head.map(() => '---')), ...report.rows.map((row) => line(cells(row)))]
  return [...table, '', ...describeBench(report)].join('\n')
}
