import type { Command } from 'commander'
import { type BenchOptions, benchOps, benchOptions, describeBench, formatBench, runBench } from '../bench/index.js'
import { writeAtomic } from '../io/index.js'
import { addFlags } from './flags.js'
import { interruptSignal, run } from './terminal.js'

/**
 * What every benchmark command takes.
 * @returns reads, once the command is parsed, what it asks of `runBench`
 */
export function addBenchFlags(command: Command): () => BenchOptions {
  command.argument('[op...]', `all by default; ${benchOps.join(', ')}`).option('--json', 'rows as JSON lines')
  const given = addFlags(command, benchOptions, { except: ['ops'] })
  return () => ({ ops: command.args, ...given() })
}

export function addBench(program: Command): void {
  const command = program
    .command('bench')
    .description("kernels against the machine's measured limit and, where it is installed, PyTorch, within one run")
  const request = addBenchFlags(command)
  command
    .option('--out <file>', 'also write the whole report as JSON')
    .addHelpText('after', '\nExample:\n  $ striate bench hebbian_step nnl_conv --python venv/bin/python')
    .action((_ops: string[], options: { json?: boolean; out?: string }) =>
      run(async () => {
        const report = await runBench(request(), {
          signal: interruptSignal(),
          onRow: (row) => {
            if (options.json) console.log(JSON.stringify(row))
            else if (process.stderr.isTTY) console.error(`${row.op} ${row.case}`)
          },
        })
        if (options.out) await writeAtomic(options.out, `${JSON.stringify(report, null, 1)}\n`)
        if (options.json) return
        console.log(describeBench(report).join('\n'))
        console.log(formatBench(report.rows))
      }),
    )
}
