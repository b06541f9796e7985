import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import { deviceOf } from '../device.js'
import { DataError, OptionError } from '../errors.js'
import { type Prediction, type PredictOptions, predict, predictOptions } from '../eval/index.js'
import { describeReadError } from '../io/file_errors.js'
import type { Network } from '../models/index.js'
import { parseOptions, whole } from '../options.js'
import { openNetwork } from '../run/index.js'
import { addFlags } from './flags.js'
import { shapingOf } from './run_images.js'
import { interruptSignal, output, printable, run } from './terminal.js'

interface PredictValues {
  run: string
  device: string
  json?: boolean
}

/** What is said of a file: its classes, or why it has none. */
type Answer = { file: string; prediction: Prediction } | { file: string; error: DataError }

const printing = z.strictObject({ top: whole(1).default(3).describe('classes that are named') })

/** Files that are read and decoded at a time. */
const together = 16

export function addPredict(program: Command): void {
  const command = program
    .command('predict')
    .description('classes of photographs with their probabilities, by the classifier of a run')
    .argument('<photo...>', 'image files of any size, brought to the network’s as the run’s own were')
    .requiredOption('--run <dir>', 'folder of a run')
    .option('--device <name>', 'cpu, cuda or cuda:1', 'cpu')
    .option('--json', 'one JSON object: the classes, and every file’s probabilities')
  const named = addFlags(command, printing)
  const given = addFlags(command, predictOptions, { except: ['batch'] })
  command
    .addHelpText('after', '\nExample:\n  $ striate predict --run runs/pets photo.jpg another.png')
    .action((files: string[], values: PredictValues) =>
      run(async () => {
        const { run: folder, device, json } = values
        const say = output(values)
        const { top } = parseOptions('predict', printing, named())
        const signal = interruptSignal()
        using net = await openNetwork(folder, { device: deviceOf(device) })
        const options = { ...(await shapingFor(folder, given())), ...given(), signal }
        const answers: Answer[] = []
        for (let first = 0; first < files.length; first += together) {
          const some = await Promise.all(files.slice(first, first + together).map((file) => answerFor(net, file, options)))
          for (const answer of some) {
            if ('error' in answer) console.error(printable(`striate: ${answer.error.message}`))
            else if (!json) say.line(`${answer.file}: ${likeliest(answer.prediction, net.classes, top)}`)
          }
          answers.push(...some)
        }
        say.json({ run: folder, classes: net.classes, predictions: answers.map(asJson) })
        if (answers.some((answer) => 'error' in answer)) process.exitCode = 1
      }),
    )
}

async function shapingFor(folder: string, given: PredictOptions): Promise<Pick<PredictOptions, 'fit' | 'background'>> {
  const { fit, ...rest } = await shapingOf(folder)
  if (fit !== 'tile') return { ...rest, ...(fit === undefined ? {} : { fit }) }
  if (given.fit !== undefined) return rest
  const actual = "missing, for a run that was trained on tiles (fit 'tile')"
  throw new OptionError({ op: 'predict', argument: '--fit', actual, expected: 'cover, contain or fill' })
}

/** The classes of one file; what is wrong with the file is an answer too, so that one does not keep the others from theirs. */
async function answerFor(net: Network, file: string, options: PredictOptions): Promise<Answer> {
  const bytes = await readFile(file).catch((error) => describeReadError('predict', file, error, 'an image file'))
  if (bytes instanceof DataError) return { file, error: bytes }
  try {
    return { file, prediction: await predict(net, bytes, options) }
  } catch (error) {
    if (!(error instanceof DataError) || error.argument !== 'image') throw error
    const { actual, expected } = error
    return { file, error: new DataError({ op: 'predict', argument: file, actual, expected }, { cause: error }) }
  }
}

function likeliest({ probabilities }: Prediction, classes: readonly string[], count: number): string {
  const order = [...probabilities.keys()].sort((a, b) => (probabilities[b] as number) - (probabilities[a] as number))
  const percent = (label: number) => (100 * (probabilities[label] as number)).toFixed(1)
  return order
    .slice(0, count)
    .map((label) => `${classes[label]} ${percent(label)} %`)
    .join(', ')
}

function asJson(answer: Answer): object {
  if ('error' in answer) return { file: answer.file, error: answer.error.message }
  const { file, prediction } = answer
  return { file, ...prediction, probabilities: [...prediction.probabilities] }
}
