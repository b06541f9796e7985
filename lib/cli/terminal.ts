// What the commands share: progress on a terminal, in a pipe or as JSON lines; Ctrl-C; and the one way to end with an error.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { SingleBar } from 'cli-progress'
import { StriateError } from '../errors.js'
import type { TrainProgress } from '../run/index.js'

export interface Output {
  /** One line for people; left out with --json. */
  line(text: string): void
  /** One JSON line; left out without --json. */
  json(event: object): void
  progress(progress: TrainProgress): void
  /** Ends the progress bar, if one is drawn. */
  done(): void
}

/** Seconds as people read them: 8 s, 2 min 05 s, 1 h 03 min. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?'
  const s = Math.round(seconds)
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, '0')} s`
  return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, '0')} min`
}

/** Names with their descriptions, folded to 100 columns. */
export function folded(entries: readonly { name: string; text: string }[]): string {
  const indent = 22
  return entries
    .map(({ name, text }) => {
      const lines = ['']
      for (const word of text.split(' ')) {
        const last = lines.at(-1) as string
        if (last.length + 1 + word.length > 100 - indent) lines.push(word)
        else lines[lines.length - 1] = last ? `${last} ${word}` : word
      }
      return `  ${name.padEnd(indent - 2)}${lines.join(`\n${' '.repeat(indent)}`)}`
    })
    .join('\n')
}

/** 1234567 as 1.23 M. */
export function quantity(x: number): string {
  for (const [factor, unit] of [
    [1e9, ' G'],
    [1e6, ' M'],
    [1e3, ' k'],
  ] as const)
    if (Math.abs(x) >= factor) return `${(x / factor).toPrecision(3)}${unit}`
  return Number.isInteger(x) ? String(x) : x.toPrecision(3)
}

function values(progress: TrainProgress): string {
  return Object.entries(progress.values)
    .map(([name, x]) => (/(?:Error|Share)$/.test(name) ? `${name} ${(100 * x).toFixed(2)} %` : `${name} ${quantity(x)}`))
    .join('  ')
}

/** The bar on the terminal, of which there is one: its timer keeps the process alive and its cursor hidden until it is stopped. */
let bar: SingleBar | null = null

function stop(): void {
  bar?.stop()
  bar = null
}

export function output(options: { json?: boolean }): Output {
  const json = options.json ?? false
  const terminal = !json && process.stderr.isTTY
  let phase = ''
  let last = 0
  let shown = ''
  return {
    line: (text) => {
      if (json) return
      stop()
      console.log(text)
    },
    json: (event) => {
      if (json) console.log(JSON.stringify(event))
    },
    done: stop,
    progress: (p) => {
      const fresh = p.phase !== phase
      phase = p.phase
      if (Object.keys(p.values).length > 0 || fresh) shown = values(p)
      const end = p.done >= p.total
      if (terminal) {
        const payload = { phase: p.phase, rate: `${quantity(p.rate)} ${p.unit}/s`, left: duration(p.remainingSeconds), shown }
        if (fresh || !bar) {
          stop()
          bar = new SingleBar({
            format: '{phase} [{bar}] {percentage}%  {rate}  {left} left  {shown}',
            hideCursor: true,
            stopOnComplete: false,
            // Ctrl-C ends the run first; the bar stops with it.
            gracefulExit: false,
          })
          bar.start(p.total, p.done, payload)
        }
        bar.update(p.done, payload)
        if (end) stop()
        return
      }
      // In a pipe: a line at the start of a phase, at its end, and every few seconds between.
      const now = performance.now()
      if (!fresh && !end && now - last < (json ? 1000 : 5000)) return
      last = now
      if (json)
        console.log(
          JSON.stringify({
            event: 'progress',
            ...p,
            remainingSeconds: Number.isFinite(p.remainingSeconds) ? p.remainingSeconds : null,
          }),
        )
      else
        console.log(
          `${p.phase}: ${Math.floor((100 * p.done) / p.total)} %, ${quantity(p.rate)} ${p.unit}/s, ${duration(p.remainingSeconds)} left${shown ? `, ${shown}` : ''}`,
        )
    },
  }
}

export class Interrupted extends Error {
  override name = 'Interrupted'
}

/** A signal that Ctrl-C or a termination aborts; a second Ctrl-C ends the process at once. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (controller.signal.aborted) {
        stop()
        process.exit(130)
      }
      controller.abort(new Interrupted('interrupted'))
    })
  return controller.signal
}

/** What an interruption leaves of a run in a folder: nothing, until its request is written there. */
export const keptRun = (folder: string): string =>
  existsSync(join(folder, 'request.json')) ? `what was done is kept, go on with --resume ${folder}` : 'nothing was written'

/**
 * Runs a command's action; ends the process with one sentence on stderr and a code: 1 failed, 2 wrong usage, 130 interrupted.
 * @param kept what an interruption leaves, in words
 */
export async function run(action: () => Promise<void>, kept: () => string = () => 'nothing was written'): Promise<void> {
  try {
    await action()
  } catch (error) {
    stop()
    if (error instanceof Interrupted) {
      console.error(`striate: interrupted; ${kept()}`)
      process.exitCode = 130
    } else if (error instanceof StriateError) {
      console.error(`striate: ${error.message}`)
      // A ShapeError: options that do not fit each other or the images.
      process.exitCode = error.name === 'OptionError' || error.name === 'ShapeError' ? 2 : 1
    } else {
      // A mistake in Striate itself: the trace helps whoever reports it.
      console.error(error)
      process.exitCode = 1
    }
  }
}
