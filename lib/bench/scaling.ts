// The rows of op `scaling`: several threads against one.
import { spawn } from 'node:child_process'
import { cpus } from 'node:os'
import { cpu, setThreads } from '../device.js'
import type { BenchCase } from './case.js'
import { scalingCases } from './cases.js'
import { type BenchRow, judge } from './rows.js'
import { burst, calibrate, spread, watchOthers } from './timing.js'

/**
 * Rows of op `scaling`: several threads against one, in turn, by the wall's clock; with the other cores free (best of the rounds) and with
 * one kept busy (median). Free cores are what other programs leave: where they take more than a twentieth, the run cannot tell.
 */
export async function measureScaling(count: number, rounds: number, signal?: AbortSignal): Promise<BenchRow[]> {
  const rows: BenchRow[] = []
  for (const busyCores of [0, 1]) {
    const load = busyCores ? spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }) : null
    try {
      for (const c of scalingCases) {
        const others = watchOthers()
        const seconds = await timeThreads(c, count, rounds, signal)
        const share = others() - busyCores / cpus().length
        const [one, several] = seconds.map((s) => (busyCores ? spread(s).median : Math.min(...s))) as [number, number]
        const goal = busyCores ? { must: { ratio: 0.9 } } : { must: { ratio: 1.6 }, reach: { ratio: 1.85 } }
        const row: BenchRow = {
          op: 'scaling',
          case: `${c.op} ${c.name}, ${count} threads${busyCores ? ', one core busy' : ''}`,
          device: 'cpu',
          threads: count,
          rounds,
          unit: c.unit,
          rate: spread(seconds[1].map((s) => c.units / s)),
          clock: 'wall',
          scaling: { ratio: one / several, busyCores },
          ...goal,
          met: null,
        }
        if (share > 0.05) row.note = `other programs took ${(100 * share).toFixed(0)} % of the processor`
        else row.met = judge(row)
        rows.push(row)
      }
    } finally {
      load?.kill()
    }
  }
  return rows
}

/** Seconds of one repetition in each round, with one thread and with `count`. */
async function timeThreads(c: BenchCase, count: number, rounds: number, signal?: AbortSignal): Promise<[number[], number[]]> {
  const device = cpu()
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
    return seconds
  } finally {
    work.dispose()
  }
}
