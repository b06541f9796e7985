// What every recipe tells while it runs.

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

/** Bytes as people read them: 1.50 GiB, 20.3 MiB. */
export function memoryText(bytes: number): string {
  const power = Math.min(3, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  return power === 0 ? `${bytes} bytes` : `${(bytes / 1024 ** power).toPrecision(3)} ${'KMG'[power - 1]}iB`
}
