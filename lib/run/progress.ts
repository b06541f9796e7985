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
  /** Units a second since the phase began in this process. */
  rate: number
  /** Seconds left in this phase at that rate. */
  remainingSeconds: number
  /** Numbers worth showing: `dead`, `repelled`, `winShare` (the largest unit's share of the wins), `energy`, `validationError`. */
  values: Record<string, number>
}

export type OnProgress = (progress: TrainProgress) => void

/** Starts a phase; the function that it returns reports. */
export function startPhase(phase: string, unit: string, total: number, first: number, onProgress?: OnProgress) {
  const start = performance.now()
  return (done: number, values: Record<string, number> = {}): void => {
    const seconds = (performance.now() - start) / 1000
    const rate = seconds > 0 ? (done - first) / seconds : 0
    onProgress?.({
      phase,
      unit,
      done,
      total,
      rate,
      remainingSeconds: rate > 0 ? (total - done) / rate : Number.POSITIVE_INFINITY,
      values,
    })
  }
}
