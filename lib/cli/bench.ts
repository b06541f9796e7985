import type { Command } from 'commander'
import {
  type BenchOptions,
  benchOps,
  benchOptions,
  describeBench,
  describeJob,
  formatBench,
  formatJob,
  type JobOptions,
  jobOptions,
  runBench,
  runJob,
} from '../bench/index.js'
import { openImages } from '../data/index.js'
import { OptionError } from '../errors.js'
import { writeAtomic } from '../io/index.js'
import { addFlags } from './flags.js'
import { interruptSignal, output, run } from './terminal.js'

/**
 * What every benchmark command takes.
 * @returns reads, once the command is parsed, what it asks of `runBench`
 */
export function addBenchFlags(command: Command): () => BenchOptions {
  command.argument('[op...]', `all by default; ${benchOps.join(', ')}`).option('--json', 'rows as JSON lines')
  const given = addFlags(command, benchOptions, { except: ['ops'] })
  return () => ({ ops: command.args, ...given() })
}

interface BenchValues {
  json?: boolean
  out?: string
  job?: boolean
  data?: string
}

/** A report, kept in a file where one is named: the file is begun before, so that a place that cannot be written is refused before it is measured. */
async function kept<Report>(out: string | undefined, measure: () => Promise<Report>): Promise<Report> {
  if (out === undefined) return measure()
  let report: Report | undefined
  await writeAtomic(out, async (sink) => {
    report = await measure()
    await sink.write(Buffer.from(`${JSON.stringify(report, null, 1)}\n`))
  })
  return report as Report
}

/** The whole job beside PyTorch. */
async function benchJob(path: string, options: JobOptions, values: BenchValues): Promise<void> {
  const say = output(values)
  const signal = interruptSignal()
  const [train, test] = [await openImages(path, { split: 'train', signal }), await openImages(path, { split: 'test', signal })]
  const report = await kept(values.out, () =>
    runJob(train, test, options, {
      signal,
      onProgress: say.progress,
      onSide: (side) => {
        say.done()
        say.line(side === 'striate' ? 'striate:' : 'PyTorch: as long as it takes')
      },
    }),
  )
  say.done()
  say.json(report)
  for (const line of [...describeJob(report), ...formatJob(report).split('\n')]) say.line(line)
}

export function addBench(program: Command): void {
  const command = program
    .command('bench')
    .description("kernels against the machine's measured limit and, where it is installed, PyTorch, within one run")
  const request = addBenchFlags(command)
  command.option('--out <file>', 'also write the whole report as JSON')
  const job = { group: 'The whole job:' }
  command
    .optionsGroup(job.group)
    .option('--job', 'in place of kernels: filters, features, readout and test of the single block, each beside PyTorch')
    .option('--data <path>', 'its labelled images, of which there are a train and a test split')
  const jobFlags = addFlags(command, jobOptions, { ...job, only: ['units', 'steps', 'epochs'] })
  command
    .addHelpText(
      'after',
      '\nExamples:\n  $ striate bench hebbian_step nnl_conv --python venv/bin/python' +
        '\n  $ striate bench --job --data cifar-10-batches-bin --python venv/bin/python --threads 2',
    )
    .action((ops: string[], options: BenchValues) =>
      run(async () => {
        const own = jobFlags()
        const refuse = (argument: string, actual: string, expected: string) =>
          new OptionError({ op: 'bench', argument, actual, expected })
        if (options.job) {
          const { ops: _ops, rounds, ...sides } = request()
          if (ops.length > 0) throw refuse('job', `given with ${ops[0]}`, 'one of them')
          if (rounds !== undefined) throw refuse('job', 'given with --rounds', 'one run')
          if (!options.data) throw refuse('data', 'left out', 'the images of the job')
          return benchJob(options.data, { ...sides, ...own }, options)
        }
        const [stray] = [...Object.keys(own), ...(options.data ? ['data'] : [])]
        if (stray) throw refuse(stray, 'given without --job', 'it only with --job')
        const report = await kept(options.out, () =>
          runBench(request(), {
            signal: interruptSignal(),
            onRow: (row) => {
              if (options.json) console.log(JSON.stringify(row))
              else if (process.stderr.isTTY) console.error(`${row.op} ${row.case}`)
            },
          }),
        )
        if (options.json) return
        console.log(describeBench(report).join('\n'))
        console.log(formatBench(report.rows))
      }),
    )
}
