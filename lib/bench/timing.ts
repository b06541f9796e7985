// Clocks, bursts, and their statistics.
import { cpus } from 'node:os'
import type { Device } from '../device.js'
import type { OpenCase } from './case.js'

/** Seconds of one repetition by the wall's clock, and by the process's processor time over all its threads. */
export interface Burst {
  wall: number
  cpu: number
}

/** Median and quartiles over the rounds. */
export interface Spread {
  median: number
  lower: number
  upper: number
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

const burstSeconds = 0.04

/** Times so many repetitions. */
export async function burst(work: OpenCase, device: Device, repetitions: number): Promise<Burst> {
  const used = process.cpuUsage()
  const start = performance.now()
  await work.run(repetitions)
  await device.sync()
  const wall = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(used)
  return { wall: wall / repetitions, cpu: (user + system) / 1e6 / repetitions }
}

/** Warms a case up and finds how many repetitions fill a burst. */
export async function calibrate(work: OpenCase, device: Device): Promise<number> {
  await burst(work, device, 2)
  let repetitions = 1
  for (;;) {
    // The best of three: one that another program interrupted would leave bursts of a single repetition on cold caches.
    let wall = Number.POSITIVE_INFINITY
    for (let i = 0; i < 3; i++) wall = Math.min(wall, (await burst(work, device, repetitions)).wall)
    if (wall * repetitions >= burstSeconds / 4) return Math.max(1, Math.round(burstSeconds / wall))
    repetitions *= 4
  }
}

/** Starts to watch; the function it returns gives the share of all cores' time since then that went to other processes. */
export function watchOthers(): () => number {
  const busy = (): number => cpus().reduce((sum, { times: t }) => sum + t.user + t.nice + t.sys + t.irq, 0) // ms
  const start = { wall: performance.now(), busy: busy(), own: process.cpuUsage() }
  return () => {
    const { user, system } = process.cpuUsage(start.own)
    return (busy() - start.busy - (user + system) / 1000) / ((performance.now() - start.wall) * cpus().length)
  }
}
