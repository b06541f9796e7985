// A study repeats one figure or table of a paper. It is made of parts: each is run once, its result kept as a file, so that a study that was
// stopped goes on where it was, and studies that need the same network share it.
import type { Device } from '../device.js'
import type { RunOptions } from '../run/index.js'
import type { StudyData, StudyNeeds } from './data.js'

export interface PartContext {
  data: StudyData
  /** The part's own folder, which is there: models, and the checkpoints that are removed once the result is kept. */
  folder: string
  /** Folder of what parts share, such as learned filters. */
  shared: string
  device: Device
  /** The signal and the listener that training takes. */
  watch: Pick<RunOptions, 'signal' | 'onProgress'>
  /** A line for people. */
  say: (text: string) => void
}

export interface Part<Result = unknown> {
  /** Name of its folder and file: all that its result depends on besides the data. */
  name: string
  about: string
  /** Everything that the result depends on: a kept result is used again only for the same. */
  settings: object
  /** What it trains in its folder depends on images and settings alone: it is kept where nothing but what it is scored against has changed. */
  keepsNetwork?: true
  /** Data that not every run of the study is given: without them it is left out. */
  needs?: 'people'
  /** Expected minutes on two cores of a desktop processor, and bytes at its peak. */
  expected: { minutes: number; bytes: number }
  run(context: PartContext): Promise<Result>
}

/** One number of the paper beside ours. */
export interface Value {
  what: string
  unit: string
  /** As the paper prints it; null where it gives none. */
  published: number | null
  /** How the paper qualifies it: `about`, `more than`. */
  qualifier?: string
  /** Of each seed. */
  ours: number[]
  note?: string
}

export interface Chart {
  file: string
  title: string
  alt: string
  x: { label: string; scale?: 'linear' | 'log' }
  y: { label: string; min?: number; max?: number }
  series: { name: string; x: number[]; y: number[]; low?: number[]; high?: number[] }[]
  /** Levels of the paper. */
  references?: { value: number; label: string }[]
}

/** Scores of things side by side, as bars. */
export interface Bars {
  file: string
  title: string
  alt: string
  categories: string[]
  y: { label: string; min?: number; max?: number }
  series: { name: string; values: number[]; low?: number[]; high?: number[] }[]
  references?: { value: number; label: string }[]
}

export interface StudyTable {
  caption: string
  columns: string[]
  rows: (string | number)[][]
}

/** Filters [K,C,W,W] to be shown as a sheet. */
export interface StudyFilters {
  file: string
  title: string
  weights: Float32Array
  shape: readonly [number, number, number, number]
  dead: number[]
}

/** Images to be shown in rows. */
export interface StudyPictures {
  file: string
  title: string
  /** Planar bytes [N,C,H,W] of each row. */
  rows: { label: string; images: Uint8Array }[]
  shape: readonly [number, number, number, number]
}

export interface StudyReport {
  values: Value[]
  charts: Chart[]
  bars?: Bars[]
  tables: StudyTable[]
  filters?: StudyFilters[]
  pictures?: StudyPictures[]
  /** What a reader must know: choices that the paper leaves open, what failed and why. */
  notes: string[]
}

export interface Study {
  name: string
  /** What it repeats: figure 2 of ... */
  source: string
  about: string
  /** The data that it opens. */
  needs: StudyNeeds
  /** What it also compares where it is given: dissimilarities of images, choices of people. */
  takes?: readonly ('rdms' | 'people')[]
  /** Height and width that photos are brought to. Default 112, of a quick run 64. */
  size?: number
  parts(scale: Scale): Part[]
  report(results: ReadonlyMap<string, unknown>, scale: Scale, context: { folder: string; data: StudyData }): Promise<StudyReport>
}

/** How much of it is run. */
export interface Scale {
  /** Part of the data and small networks: everything works, but the numbers are not the paper's. */
  quick: boolean
  seeds: readonly number[]
}

export interface PartRecord<Result = unknown> {
  name: string
  settings: object
  data: {
    train: string
    test: string
    responses?: string[] | undefined
    rdms?: string[] | undefined
    people?: string[] | undefined
  }
  device: string
  /** Seconds of the process that finished it. */
  seconds: number
  finished: string
  result: Result
  /** Of the result as JSON. */
  sha256: string
}

/** The results of the parts whose names, without their seed, are `stem`. */
export const resultsOfStem = (all: ReadonlyMap<string, unknown>, stem: string): unknown[] =>
  [...all].filter(([name]) => name.replace(/-seed\d+$/, '') === stem).map(([, result]) => result)
