// What every recipe tells before and while it runs.
import type { Device } from '../device.js'

export interface TrainProgress {
  /** `filters`, `features`, `search` or `readout`. */
  phase: string
  /** Steps or images done in this phase. */
  done: number
  /** Of how many. */
  total: number
  /** `patches`, `images`. */
  unit: string
  /** Units a second in this process, once it has warmed up. */
  rate: number
  /** Seconds left in this phase at that rate. */
  remainingSeconds: number
  /** Numbers worth showing: `dead`, `repelled`, `winShare` (the largest unit's share of the wins), `energy`, `validationError`. */
  values: Record<string, number>
}

export type OnProgress = (progress: TrainProgress) => void

/** Starts a phase; the function that it returns reports. */
export function startPhase(phase: string, unit: string, total: number, first: number, onProgress?: OnProgress) {
  const start = { at: performance.now(), done: first }
  // Until the first report caches and pools are warmed up: what comes after it alone tells how fast the work is.
  let warm = start
  return (done: number, values: Record<string, number> = {}): void => {
    const at = performance.now()
    const since = done > warm.done ? warm : start
    const rate = at > since.at ? (1000 * (done - since.done)) / (at - since.at) : 0
    if (warm === start && done > first) warm = { at, done }
    const remainingSeconds = done >= total ? 0 : rate > 0 ? (total - done) / rate : Number.POSITIVE_INFINITY
    onProgress?.({ phase, unit, done, total, rate, remainingSeconds, values })
  }
}

/** Seconds since `performance.now()` was `began`, to the millisecond. */
export const secondsSince = (began: number): number => Math.round(performance.now() - began) / 1000

/** Bytes as people read them: 1.50 GiB, 20.3 MiB. */
export function memoryText(bytes: number): string {
  const power = Math.min(3, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  return power === 0 ? `${bytes} bytes` : `${(bytes / 1024 ** power).toPrecision(3)} ${'KMG'[power - 1]}iB`
}

/** Seconds as people read them: 8 s, 2 min 05 s, 1 h 03 min. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?'
  const s = Math.round(seconds)
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, '0')} s`
  return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, '0')} min`
}

/**
 * Seconds that some work takes on a device: it is done twice and the second time counts, since the first warms up.
 * @param work whose results are thrown away
 */
export async function trialSeconds(device: Device, work: () => void | Promise<void>): Promise<number> {
  let start = 0
  for (let time = 0; time < 2; ++time) {
    await device.sync()
    start = performance.now()
    await work()
  }
  await device.sync()
  return (performance.now() - start) / 1000
}
