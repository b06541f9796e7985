// What a case of `striate bench` is: sizes, the call, the work counted by formula, and the goals.
import type { Device } from '../device.js'

/** A goal: times the speed of the best peer, and share of the machine's limit. */
export interface Goal {
  ratio?: number
  share?: number
}

export interface BenchCase {
  op: string
  name: string
  /** Also what the peer gets. */
  sizes: Record<string, number>
  /** What is counted a second. */
  unit: string
  /** Units of one repetition. */
  units: number
  /** The limit that binds, and what one repetition asks of it: floating-point operations, or bytes moved. */
  limit: { kind: 'fma' | 'read' | 'copy'; amount: number }
  /** False where no peer does the same work. */
  peer: boolean
  must?: Goal
  reach?: Goal
  /** Largest difference from the float64 result, as a share of its largest element. */
  tolerance: number
  open(device: Device): OpenCase
}

/** A case with its data on the device. */
export interface OpenCase {
  /** Queues so many repetitions, or does them where the host waits for parts of the work. */
  run(repetitions: number): void | Promise<void>
  /** The result that the peer's float64 form has too. */
  result?(): Promise<ArrayLike<number>>
  dispose(): void
}
