/** Sizes of one example, without N: [C,H,W] or [D]. */
export type Extent = readonly number[]

/** Numbers of one example. */
export const volume = (extent: Extent): number => extent.reduce((a, b) => a * b, 1)

/** Positions of a window along an axis. */
export const positions = (size: number, window: number, stride: number, padding: number): number =>
  Math.floor((size + 2 * padding - window) / stride) + 1
