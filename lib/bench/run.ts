// The runner of `striate bench`: ours and the peer's forms in turn, round by round, within one run.
import { spawn } from 'node:child_process'
import { cpus } from 'node:os'
import { cpu, cuda, type Device, instructionSet, limits, type MachineLimits, setThreads, threads } from '../device.js'
import { OptionError } from '../errors.js'
import { version } from '../version.js'
import { type BenchCase, cases, type Goal, type OpenCase, scalingCases } from './cases.js'
import { difference, summarise } from './data.js'
import { type Burst, NoPeer, Peer, type PeerVersions } from './peer.js'

export interface BenchOptions {
  /** Names of ops ({@link benchOps}). Default: all. */
  ops?: string[]
  /** Default `cpu`. */
  device?: 'cpu' | 'cuda'
  /** Threads of both sides. Default 1: the figure that a shared machine disturbs least, by processor time. */
  threads?: number
  /** Rounds, from 3; the median is reported. Default 9. */
  rounds?: number
  /** Compare with PyTorch and NumPy where they are installed. Default true. */
  peers?: boolean
  /** The peer's Python. Default: STRIATE_PYTHON, or `python3`. */
  python?: string
  /** Ends the run; it rejects with the signal's reason. */
  signal?: AbortSignal
  /** Called with each row as it is done. */
  onRow?: (row: BenchRow) => void
}

/** Median and quartiles over the rounds. */
export interface Spread {
  median: number
  lower: number
  upper: number
}

export interface PeerForm {
  /** Units a second. */
  rate: Spread
  /** Largest error against the float64 result, as a share of its largest element. */
  error: number
  rounds: number
  /** It does less than the work, and is no candidate for the best. */
  lighter: boolean
}

export interface BenchRow {
  op: string
  case: string
  device: string
  threads: number
  rounds: number
  /** What `rate` counts a second. */
  unit: string
  rate: Spread
  /** `cpu`: processor time of the process, with one thread; else `wall`. For both sides. */
  clock: 'cpu' | 'wall'
  /** Which limit of the machine binds, what it allows in units a second, and the share of it reached. */
  limit?: { kind: 'fma' | 'read' | 'copy'; rate: number; share: number }
  /** Largest difference from the float64 result on 64 elements and the norm, and how large it may be. */
  check?: { error: number; tolerance: number; agrees: boolean }
  peer?: {
    forms: Record<string, PeerForm>
    failed: Record<string, string>
    best: string
    /** Times as fast as the best form, and as the default one, round by round. */
    ratio: Spread
    ratioToDefault: Spread
  }
  /** Only of op `scaling`: times as fast as one thread, best against best. */
  scaling?: { ratio: number; busyCores: number }
  must?: Goal
  reach?: Goal
  /** The goals met: null where this run cannot tell. */
  met: 'reach' | 'must' | 'missed' | null
  /** Why a figure is missing. */
  note?: string
}

export interface BenchReport {
  date: string
  striate: string
  node: string
  machine: { processor: string; cores: number; instructionSet: string; device: string; libraries: string }
  threads: number
  rounds: number
  /** Measured at the start of the run with as many threads. */
  limits: MachineLimits
  peer: PeerVersions | null
  rows: BenchRow[]
}

/** Names that `ops` may hold. */
export const benchOps: readonly string[] = [...new Set(cases.map((c) => c.op)), 'scaling']

const burstSeconds = 0.04
/** After this many rounds, forms that are out of the race are left out. */
const allForms = 3

/** Measures ops against the machine's limits and against PyTorch and NumPy. Sets the thread count back afterwards. */
export async function runBench(options: BenchOptions = {}): Promise<BenchReport> {
  const { device: kind = 'cpu', rounds = 9, signal } = options
  const count = options.threads ?? 1
  const refuse = (argument: string, actual: unknown, expected: string): never => {
    throw new OptionError({ op: 'bench', argument, actual: String(actual), expected })
  }
  for (const op of options.ops ?? []) if (!benchOps.includes(op)) refuse('op', `'${op}'`, `one of ${benchOps.join(', ')}`)
  if (!Number.isInteger(rounds) || rounds < 3) refuse('rounds', rounds, 'a whole number from 3')
  const wanted = (op: string): boolean => !options.ops?.length || options.ops.includes(op)
  const device = kind === 'cuda' ? cuda() : cpu()
  const before = threads()
  setThreads(count)
  let peer: Peer | null = null
  try {
    const limit = await limits(0.5)
    let note: string | undefined
    if (options.peers ?? true) {
      if (kind === 'cuda') note = 'no peer: the peers run on the processor'
      else {
        try {
          peer = await Peer.start(options.python ?? (process.env.STRIATE_PYTHON || 'python3'), count, signal)
        } catch (error) {
          if (!(error instanceof NoPeer)) throw error
          note = `no peer: ${error.message}`
        }
      }
    }
    const rows: BenchRow[] = []
    const add = (row: BenchRow): void => {
      rows.push(row)
      options.onRow?.(row)
    }
    for (const c of cases) {
      if (wanted(c.op)) add(await measure({ c, device, threads: count, rounds, limit, peer, note, signal }))
    }
    if (wanted('scaling') && kind === 'cpu') {
      for (const row of await measureScaling(Math.max(2, count), Math.max(15, rounds), signal)) add(row)
    }
    return {
      date: new Date().toISOString(),
      striate: version,
      node: process.version,
      machine: {
        processor: cpus()[0]?.model.trim() ?? 'unknown',
        cores: cpus().length,
        instructionSet,
        device: device.name,
        libraries: device.libraries,
      },
      threads: count,
      rounds,
      limits: limit,
      peer: peer?.versions ?? null,
      rows,
    }
  } catch (error) {
    throw signal?.aborted ? signal.reason : error
  } finally {
    await peer?.close()
    setThreads(before)
  }
}

interface Measurement {
  c: BenchCase
  device: Device
  threads: number
  rounds: number
  limit: MachineLimits
  peer: Peer | null
  note: string | undefined
  signal: AbortSignal | undefined
}

async function measure({ c, device, threads, rounds, limit, peer, note, signal }: Measurement): Promise<BenchRow> {
  const clock = threads === 1 && device.kind === 'cpu' ? 'cpu' : 'wall'
  const work = c.open(device)
  try {
    const check = c.peer && peer ? await peer.check(c) : null
    const repetitions = await calibrate(work, device)
    const ours: number[] = []
    const theirs = new Map<string, (number | null)[]>()
    let failed: Record<string, string> = {}
    let lighter: string[] = []
    let forms: string[] | undefined
    for (let round = 0; round < rounds; round++) {
      signal?.throwIfAborted()
      ours.push((await burst(work, device, repetitions))[clock])
      if (!check || !peer) continue
      const answer = await peer.time(c, forms)
      ;({ failed, lighter } = answer)
      for (const [form, time] of Object.entries(answer.forms)) {
        const times = theirs.get(form) ?? new Array<number | null>(round).fill(null)
        theirs.set(form, [...times, time[clock]])
      }
      if (round === allForms - 1) forms = inTheRace(theirs)
    }
    await (check && peer?.forget(c))
    const rate = spread(ours.map((s) => c.units / s))
    const allowed = limitRate(c, limit)
    const row: BenchRow = {
      op: c.op,
      case: c.name,
      device: device.kind,
      threads,
      rounds,
      unit: c.unit,
      rate,
      clock,
      ...(device.kind === 'cpu' && { limit: { kind: c.limit.kind, rate: allowed, share: rate.median / allowed } }),
      ...(c.must && { must: c.must }),
      ...(c.reach && { reach: c.reach }),
      met: null,
      ...(c.peer && note && { note }),
      ...(!c.peer && { note: 'no peer does the same work' }),
    }
    if (check) {
      const result = summarise((await work.result?.()) ?? [])
      const error = difference(result, check.reference)
      row.check = { error, tolerance: c.tolerance, agrees: error <= c.tolerance }
      row.peer = comparison(c, ours, theirs, { errors: check.forms, failed, lighter })
    }
    row.met = judge(row)
    return row
  } finally {
    work.dispose()
  }
}

/** Forms worth more rounds: those near the best, and the default unless one repetition takes longer than half a second. */
function inTheRace(theirs: ReadonlyMap<string, (number | null)[]>): string[] {
  const medians = [...theirs].map(([form, times]) => [form, spread(times.filter((t) => t !== null)).median] as const)
  const best = Math.min(...medians.map(([, seconds]) => seconds))
  return medians.filter(([form, seconds]) => seconds <= 1.5 * best || (form === 'default' && seconds < 0.5)).map(([form]) => form)
}

interface Verdicts {
  errors: Record<string, number>
  failed: Record<string, string>
  lighter: string[]
}

function comparison(
  c: BenchCase,
  ours: number[],
  theirs: ReadonlyMap<string, (number | null)[]>,
  { errors, failed, lighter }: Verdicts,
): NonNullable<BenchRow['peer']> {
  const forms: Record<string, PeerForm> = {}
  for (const [form, times] of theirs) {
    const seconds = times.filter((t) => t !== null)
    const rate = spread(seconds.map((s) => c.units / s))
    forms[form] = { rate, error: errors[form] ?? Number.NaN, rounds: seconds.length, lighter: lighter.includes(form) }
  }
  // A form that computes something else is no peer.
  const right = Object.entries(forms).filter(([, f]) => !f.lighter && f.error <= c.tolerance)
  const best = right.reduce((a, b) => (b[1].rate.median > a[1].rate.median ? b : a), right[0] ?? ['', { rate: { median: 0 } } as PeerForm])[0]
  const ratioTo = (form: string): Spread =>
    spread((theirs.get(form) ?? []).flatMap((t, round) => (t === null ? [] : [t / (ours[round] as number)])))
  return { forms, failed, best, ratio: ratioTo(best), ratioToDefault: ratioTo('default') }
}

function limitRate(c: BenchCase, limit: MachineLimits): number {
  const most = { fma: limit.fmaGflops, read: limit.readGbs, copy: limit.copyGbs }[c.limit.kind]
  return ((most * 1e9) / c.limit.amount) * c.units
}

function judge(row: BenchRow): BenchRow['met'] {
  const meets = (goal: Goal): boolean | null => {
    if ((goal.ratio !== undefined && !row.peer) || (goal.share !== undefined && !row.limit)) return null
    return (row.peer?.ratio.median ?? 0) >= (goal.ratio ?? 0) && (row.limit?.share ?? 0) >= (goal.share ?? 0)
  }
  if (row.check && !row.check.agrees) return 'missed'
  if (row.reach && meets(row.reach)) return 'reach'
  const must = row.must ? meets(row.must) : null
  return must === null ? null : must ? 'must' : 'missed'
}

async function burst(work: OpenCase, device: Device, repetitions: number): Promise<Burst> {
  const used = process.cpuUsage()
  const start = performance.now()
  work.run(repetitions)
  await device.sync()
  const wall = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(used)
  return { wall: wall / repetitions, cpu: (user + system) / 1e6 / repetitions }
}

/** Warms a case up and finds how many repetitions fill a burst. */
async function calibrate(work: OpenCase, device: Device): Promise<number> {
  await burst(work, device, 2)
  let repetitions = 1
  for (;;) {
    const { wall } = await burst(work, device, repetitions)
    if (wall * repetitions >= burstSeconds / 4) return Math.max(1, Math.round(burstSeconds / wall))
    repetitions *= 4
  }
}

/** Rows of op `scaling`: several threads against one, interleaved, by the wall's clock and the best of the rounds; with free cores and one busy. */
async function measureScaling(count: number, rounds: number, signal?: AbortSignal): Promise<BenchRow[]> {
  const rows: BenchRow[] = []
  const device = cpu()
  for (const busyCores of [0, 1]) {
    const load = busyCores ? spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }) : null
    try {
      for (const c of scalingCases) {
        const work = c.open(device)
        try {
          setThreads(1)
          const repetitions = await calibrate(work, device)
          const seconds: [number[], number[]] = [[], []]
          for (let round = 0; round < rounds; round++) {
            signal?.throwIfAborted()
            for (const side of [0, 1] as const) {
              setThreads(side ? count : 1)
              seconds[side].push((await burst(work, device, repetitions)).wall)
            }
          }
          const [one, several] = busyCores ? seconds.map((s) => spread(s).median) : seconds.map((s) => Math.min(...s))
          const ratio = (one as number) / (several as number)
          const [must, reach] = busyCores ? [0.9, 0.9] : [1.6, 1.85]
          rows.push({
            op: 'scaling',
            case: `${c.op} ${c.name}, ${count} threads${busyCores ? ', one core busy' : ''}`,
            device: device.kind,
            threads: count,
            rounds,
            unit: c.unit,
            rate: spread(seconds[1].map((s) => c.units / s)),
            clock: 'wall',
            scaling: { ratio, busyCores },
            must: { ratio: must },
            reach: { ratio: reach },
            met: ratio >= reach ? 'reach' : ratio >= must ? 'must' : 'missed',
          })
        } finally {
          work.dispose()
        }
      }
    } finally {
      load?.kill()
    }
  }
  return rows
}

/** Median and quartiles (linear between the neighbouring values). */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (p: number): number => {
    const place = p * (sorted.length - 1)
    const low = sorted[Math.floor(place)] ?? Number.NaN
    const high = sorted[Math.ceil(place)] ?? Number.NaN
    return low + (high - low) * (place - Math.floor(place))
  }
  return { median: at(0.5), lower: at(0.25), upper: at(0.75) }
}
