import type { Command } from 'commander'
import { type BenchOptions, benchOps, describeBench, formatBench, runBench } from '../bench/index.js'
import { OptionError } from '../errors.js'
import { writeAtomic } from '../io/index.js'
import { wholeNumber } from './options.js'
import { interruptSignal, run } from './terminal.js'

export interface BenchCommandOptions {
  device: string
  threads: number
  rounds: number
  peers: boolean
  python?: string
  json?: boolean
}

/** What every benchmark command takes. */
export const benchOptions = (command: Command): Command =>
  command
    .argument('[op...]', `all by default; ${benchOps.join(', ')}`)
    .option('--device <name>', 'cpu or cuda', 'cpu')
    .option('--threads <n>', 'of both sides', wholeNumber(1, 1024), 1)
    .option('--rounds <n>', 'alternations of both sides', wholeNumber(3, 1000), 9)
    .option('--no-peers', 'without PyTorch and NumPy')
    .option('--python <path>', 'a Python that has PyTorch (default: STRIATE_PYTHON, python3)')
    .option('--json', 'rows as JSON lines')

/**
 * What such a command asks of `runBench`.
 * @throws {OptionError} for a device that is none
 */
export function benchRequest(ops: string[], options: BenchCommandOptions): BenchOptions {
  const { device, threads, rounds, peers, python } = options
  if (device !== 'cpu' && device !== 'cuda')
    throw new OptionError({ op: 'bench', argument: '--device', actual: `'${device}'`, expected: "'cpu' or 'cuda'" })
  return { ...(ops.length > 0 ? { ops } : {}), device, threads, rounds, peers, ...(python === undefined ? {} : { python }) }
}

export function addBench(program: Command): void {
  const command = program
    .command('bench')
    .description("kernels against the machine's measured limit and, where it is installed, PyTorch, within one run")
  benchOptions(command)
    .option('--out <file>', 'also write the whole report as JSON')
    .addHelpText('after', '\nExample:\n  $ striate bench hebbian_step nnl_conv --python venv/bin/python')
    .action((ops: string[], options: BenchCommandOptions & { out?: string }) =>
      run(async () => {
        const report = await runBench({
          ...benchRequest(ops, options),
          signal: interruptSignal(),
          onRow: (row) => {
            if (options.json) console.log(JSON.stringify(row))
            else if (process.stderr.isTTY) console.error(`${row.op} ${row.case}`)
          },
        })
        if (options.out) await writeAtomic(options.out, `${JSON.stringify(report, null, 1)}\n`)
        if (!options.json) {
          console.log(describeBench(report))
          console.log(formatBench(report.rows))
        }
      }),
    )
}
