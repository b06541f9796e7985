/** A result is never a bare number. */
export interface Score {
  /** What was measured: `error`, the share of wrong images. */
  name: string
  /** The number, in `unit`; empty for shares from 0 to 1. */
  value: number
  unit: string
  /** Numbers behind it. */
  raw: Record<string, number>
  /** The best that could be had, and how it was found; null where there is no such thing. */
  ceiling: { value: number; formula: string } | null
  /** Standard error, and over what. */
  spread: { value: number; over: string }
  seed: number | null
  /** Identity of model and data. */
  model: string
  data: { name: string; sha256: string }
}
