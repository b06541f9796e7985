// What the commands share: results on stdout, progress on stderr; signals; and the one way to end with an error.
import { existsSync, fstatSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { inspect } from 'node:util'
import { SingleBar } from 'cli-progress'
import { StriateError } from '../errors.js'
import { describeFileError } from '../io/file_errors.js'
import { processNumber } from '../run/group.js'
import type { TrainProgress } from '../run/index.js'
import { duration } from '../run/progress.js'

export interface Output {
  /** One line for people; with --json on stderr. */
  line(text: string): void
  /** What a program reads: with --json the last of these is the only thing on stdout, once the command is done. */
  json(result: object): void
  progress(progress: TrainProgress): void
  /** Ends the progress bar, if one is drawn. */
  done(): void
}

/**
 * Text that may hold names from outside, of files, classes or columns, as one line that commands no terminal: control characters, and those that
 * turn the direction of writing, are written as escapes.
 */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const code = character.codePointAt(0) as number
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`
  })

/** What `--json` does, for help. */
export const jsonText = 'the result as one JSON object on stdout'

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
process.on('exit', stop)

/** What a program is to read of the command. */
let result: object | null = null

export function output(options: { json?: boolean }): Output {
  // Of the processes of one run the first speaks for all.
  if (processNumber() > 0)
    return { line: () => undefined, json: () => undefined, done: () => undefined, progress: () => undefined }
  const json = options.json ?? false
  const terminal = process.stderr.isTTY
  let phase = ''
  let last = 0
  let shown = ''
  return {
    line: (text) => {
      stop()
      if (json) console.error(printable(text))
      else console.log(printable(text))
    },
    json: (value) => {
      if (json) result = value
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
      if (!fresh && !end && now - last < 5000) return
      last = now
      console.error(
        `${p.phase}: ${Math.floor((100 * p.done) / p.total)} %, ${quantity(p.rate)} ${p.unit}/s, ${duration(p.remainingSeconds)} left${shown ? `, ${shown}` : ''}`,
      )
    },
  }
}

export class Interrupted extends Error {
  override name = 'Interrupted'
}

const interruption = new AbortController()
/** Whether a command has begun that ends by itself when it is interrupted. */
let isHeard = false

/**
 * Whether this process is to outlive its terminal. `nohup` has SIGHUP ignored, which Node undoes before any of its code runs: what is left to go by
 * is the name that the shell leaves in the environment, a parent that ignores SIGHUP itself, or output that goes to files alone.
 */
function outlivesTerminal(): boolean {
  if (basename(process.env._ ?? '') === 'nohup') return true
  try {
    const [, ignored = '0'] = /^SigIgn:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${process.ppid}/status`, 'utf8')) ?? []
    if (BigInt(`0x${ignored}`) & 1n) return true
  } catch {
    // No Linux.
  }
  const isFile = (descriptor: number) => {
    try {
      return fstatSync(descriptor).isFile()
    } catch {
      return false
    }
  }
  return !process.stdin.isTTY && isFile(1) && isFile(2)
}

/**
 * Listens for Ctrl-C, a termination and a terminal that is closed, from the first moment on. Before a command has begun the process ends at once, as
 * it does with a second Ctrl-C.
 */
export function listenForSignals(): void {
  const goesOn = outlivesTerminal()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      if (name === 'SIGHUP' && goesOn) return
      if (!isHeard || (interruption.signal.aborted && name !== 'SIGHUP')) process.exit(130)
      // A terminal that closes may say so twice.
      interruption.abort(new Interrupted('interrupted'))
    })
}

/** A signal that aborts when the command is interrupted; from here on it is the command that ends. */
export function interruptSignal(): AbortSignal {
  isHeard = true
  return interruption.signal
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
    if (result) console.log(JSON.stringify(result))
  } catch (error) {
    stop()
    if (error instanceof Interrupted) {
      console.error(printable(`striate: interrupted; ${kept()}`))
      process.exitCode = 130
      return
    }
    const known = error instanceof StriateError ? error : describeFileError(error)
    if (known) {
      console.error(printable(`striate: ${known.message}`))
      // A ShapeError: options that do not fit each other or the images.
      process.exitCode = known.name === 'OptionError' || known.name === 'ShapeError' ? 2 : 1
    } else {
      // A mistake in Striate itself: the trace helps whoever reports it.
      console.error(inspect(error).split('\n').map(printable).join('\n'))
      process.exitCode = 1
    }
  }
}
