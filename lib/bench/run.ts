// The runner of `striate bench`: ours and the peer's forms in turn, round by round, within one run.
import { loadavg } from 'node:os'
import { z } from 'zod'
import { cpu, cuda, type Device, limits, type MachineLimits } from '../device.js'
import { parseOptions, refuseUnknown, whole } from '../options.js'
import type { BenchCase } from './case.js'
import { cases } from './cases.js'
import { difference, summarise } from './data.js'
import { besidePeer, type Peer, peerOptions, provenance } from './peer.js'
import { type BenchReport, type BenchRow, judge, type PeerForm } from './rows.js'
import { measureScaling } from './scaling.js'
import { burst, calibrate, type Spread, spread } from './timing.js'

/** Names of all ops, and `scaling`: several threads against one. */
export const benchOps: readonly string[] = [...new Set(cases.map((c) => c.op)), 'scaling']

export const benchOptions = z.strictObject({
  ops: z.array(z.enum(benchOps)).default([]).describe('what is measured; all when the list is empty'),
  device: z.enum(['cpu', 'cuda']).default('cpu').describe('where'),
  threads: whole(1, 1024)
    .default(1)
    .describe('of both sides; one is the figure that a shared machine disturbs least, by processor time'),
  rounds: whole(3, 1000).default(9).describe('alternations of both sides, of which the median is reported'),
  ...peerOptions.shape,
})

export type BenchOptions = z.input<typeof benchOptions>

export interface BenchRun {
  /** Ends the run; it rejects with the signal's reason. */
  signal?: AbortSignal
  /** Called with each row as it is done. */
  onRow?: (row: BenchRow) => void
}

/** After this many rounds, forms that are out of the race are left out. */
const allForms = 3

/** Measures ops against the machine's limits and against PyTorch and NumPy. Sets the thread count back afterwards. */
export async function runBench(options: BenchOptions = {}, run: BenchRun = {}): Promise<BenchReport> {
  const { ops, device: kind, threads: count, rounds, ...sides } = parseOptions('bench', benchOptions, options)
  refuseUnknown('bench', run, ['signal', 'onRow'])
  const { signal, onRow } = run
  const wanted = (op: string): boolean => ops.length === 0 || ops.includes(op)
  const device = kind === 'cuda' ? cuda() : cpu()
  const [load = 0] = loadavg()
  return besidePeer({ ...sides, threads: count, kind, signal }, async (peer, note) => {
    let limit = await limits(0.5, device)
    const rows: BenchRow[] = []
    const add = (row: BenchRow): void => {
      rows.push(row)
      onRow?.(row)
    }
    for (const c of cases) {
      if (!wanted(c.op)) continue
      limit = higher(limit, await limits(0.1, device)) // a neighbour may have disturbed the first measurement
      add(await measure({ c, device, threads: count, rounds, limit, peer, note, signal }))
    }
    if (wanted('scaling') && kind === 'cpu') {
      for (const row of await measureScaling(Math.max(2, count), Math.max(15, rounds), signal)) add(row)
    }
    return {
      ...provenance(device),
      load,
      threads: count,
      rounds,
      limits: limit,
      peer: peer?.versions ?? null,
      rows,
    }
  })
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
    const theirs = new Map<string, number[]>() // seconds by round; a form that is out of the race has the first rounds only
    let failed: Record<string, string> = {}
    let lighter: string[] = []
    let forms: string[] | undefined
    for (let round = 0; round < rounds; round++) {
      signal?.throwIfAborted()
      ours.push((await burst(work, device, repetitions))[clock])
      if (!check || !peer) continue
      const answer = await peer.time(c, forms)
      ;({ failed, lighter } = answer)
      for (const [form, time] of Object.entries(answer.forms)) theirs.set(form, [...(theirs.get(form) ?? []), time[clock]])
      if (round === allForms - 1) forms = inTheRace(theirs, (form) => isPeer(c, check.forms[form], lighter.includes(form)))
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
      limit: { kind: c.limit.kind, rate: allowed, share: rate.median / allowed },
      ...(device.kind === 'cpu' && c.must && { must: c.must }), // goals are set for the processor
      ...(device.kind === 'cpu' && c.reach && { reach: c.reach }),
      met: null,
      ...(c.peer && note && { note }),
      ...(!c.peer && { note: 'no peer does the same work' }),
    }
    if (check) {
      const result = summarise((await work.result?.()) ?? [])
      const error = difference(result, check.reference)
      row.check = { error, tolerance: c.tolerance, agrees: error <= c.tolerance }
      const peer = comparison(c, ours, theirs, { errors: check.forms, failed, lighter })
      if (peer) row.peer = peer
      else row.note = `no peer: no form works here (${Object.values(failed)[0] ?? 'wrong results'})`
    }
    row.met = judge(row)
    return row
  } finally {
    work.dispose()
  }
}

/** A form that computes something else is no peer, nor one that does less. */
const isPeer = (c: BenchCase, error = Number.NaN, lighter: boolean): boolean => !lighter && error <= c.tolerance

/** Forms worth more rounds: peers near the best one, and the default unless one repetition takes longer than half a second. */
function inTheRace(theirs: ReadonlyMap<string, number[]>, isPeer: (form: string) => boolean): string[] {
  const medians = [...theirs].map(([form, times]) => [form, spread(times).median] as const)
  const best = Math.min(...medians.filter(([form]) => isPeer(form)).map(([, seconds]) => seconds))
  const near = ([form, seconds]: readonly [string, number]): boolean => isPeer(form) && seconds <= 1.5 * best
  return medians.filter((one) => near(one) || (one[0] === 'default' && one[1] < 0.5)).map(([form]) => form)
}

interface Verdicts {
  errors: Record<string, number>
  failed: Record<string, string>
  lighter: string[]
}

function comparison(
  c: BenchCase,
  ours: number[],
  theirs: ReadonlyMap<string, number[]>,
  { errors, failed, lighter }: Verdicts,
): BenchRow['peer'] {
  const forms: Record<string, PeerForm> = {}
  for (const [form, seconds] of theirs) {
    const rate = spread(seconds.map((s) => c.units / s))
    forms[form] = { rate, error: errors[form] ?? Number.NaN, rounds: seconds.length, lighter: lighter.includes(form) }
  }
  const right = Object.entries(forms).filter(([, f]) => isPeer(c, f.error, f.lighter))
  const [best] = right.sort(([, a], [, b]) => b.rate.median - a.rate.median)[0] ?? []
  if (best === undefined) return undefined
  const ratioTo = (form: string): Spread => spread((theirs.get(form) ?? []).map((t, round) => t / (ours[round] as number)))
  return { forms, failed, best, ratio: ratioTo(best), ratioToDefault: ratioTo('default') }
}

const higher = (a: MachineLimits, b: MachineLimits): MachineLimits => ({
  fmaGflops: Math.max(a.fmaGflops, b.fmaGflops),
  readGbs: Math.max(a.readGbs, b.readGbs),
  copyGbs: Math.max(a.copyGbs, b.copyGbs),
})

function limitRate(c: BenchCase, limit: MachineLimits): number {
  const most = { fma: limit.fmaGflops, read: limit.readGbs, copy: limit.copyGbs }[c.limit.kind]
  return ((most * 1e9) / c.limit.amount) * c.units
}
