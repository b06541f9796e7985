// What one op's proof consists of. test/ops.test.ts runs every proof on every device; nothing in a proof names a device.
// The oracle is a plain float64 loop, never another back end.

export type Dtype = 'f32' | 'bf16' | 'i32' | 'u8' | 'f64'

/** A host array with its shape. `data` holds plain numbers: bf16 values are given as the numbers they stand for. */
export interface Host {
  dtype: Dtype
  shape: number[]
  data: Float64Array
}

export type Options = Record<string, number | boolean | string>

export interface Case {
  name: string
  /** In the order of the signature; null leaves an optional input out. */
  inputs: (Host | null)[]
  options?: Options
  /** Optional outputs to ask for, by name. Default: none. */
  request?: string[]
}

/** Expected results by name: outputs, and in-place inputs (`w`) as they are afterwards. An output that is absent is not compared. */
export type Expected = Record<string, Host>

/**
 * Largest allowed |result - expected| for the element at `index` of result `name`. Derive it in a comment from the sizes and the
 * arithmetic (float32 unit roundoff is 2^-24); never raise it to make a test pass. i32 results are compared exactly when it gives 0.
 */
export type Budget = (name: string, index: number, expected: Expected, testCase: Case) => number

export interface Refusal {
  name: string
  inputs: (Host | null)[]
  options?: Options
  request?: string[]
  /** Class of the error and fields that it must carry. */
  error: 'ShapeError' | 'OptionError' | 'DataError'
  argument?: string
  /** True where the fault can only be found when the queue reaches it (labels on the device): then the next read rejects. */
  late?: boolean
}

export interface Proof {
  op: string // snake_case, as in native/ops/table.h
  cases: Case[]
  reference(testCase: Case): Expected
  budget: Budget
  refusals: Refusal[]
  /** For `_grad` ops: the scalar function whose float64 finite differences confirm `reference` (checked on the case `small`). */
  finiteDifference?: { cases: Case[]; loss(testCase: Case): number; of: Record<string, number> }
  /** False only where the contract says that a second run may differ. Default true: the second run is byte-equal. */
  repeatable?: boolean
}

export function host(dtype: Dtype, shape: number[], data: ArrayLike<number>): Host {
  const count = shape.reduce((a, b) => a * b, 1)
  if (data.length !== count) throw new Error(`${data.length} numbers for the shape [${shape}]`)
  return { dtype, shape, data: Float64Array.from(data) }
}

export const f32 = (shape: number[], data: ArrayLike<number>): Host => host('f32', shape, Float32Array.from(data))
export const i32 = (shape: number[], data: ArrayLike<number>): Host => host('i32', shape, data)
export const u8 = (shape: number[], data: ArrayLike<number>): Host => host('u8', shape, data)
export const bf16 = (shape: number[], data: ArrayLike<number>): Host => host('bf16', shape, Array.from(data, roundToBf16))
/** Also a result to compare with. */
export const f64 = (shape: number[], data: ArrayLike<number>): Host => host('f64', shape, data)

/** The bf16 number nearest to x, ties to even. */
export function roundToBf16(x: number): number {
  const f = new Float32Array([x])
  const bits = new Uint32Array(f.buffer)
  if (Number.isNaN(x)) return Number.NaN
  bits[0] = ((bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) & 0xffff0000) >>> 0
  return f[0]!
}

/** A small seeded generator for test data (mulberry32): uniform numbers in [0, 1). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** `count` numbers about normal(0, 1). */
export function normals(seed: number, count: number): number[] {
  const next = uniform(seed)
  return Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()))
}

/** Unit roundoff of float32, 2^-24. */
export const U = 2 ** -24

export const size = (shape: number[]): number => shape.reduce((a, b) => a * b, 1)
