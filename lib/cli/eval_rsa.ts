import { basename, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { readRdms, recordingOptionKinds } from '../data/index.js'
import { OptionError } from '../errors.js'
import { type ResponseDistance, responseDistances, responseRdms, rsaOptions } from '../eval/index.js'
import { namedLayers } from '../eval/layer_features.js'
import { rsaScoring } from '../eval/rsa.js'
import type { Network } from '../models/index.js'
import { parseOptions } from '../options.js'
import type { LayerRecord } from '../report/index.js'
import { addFlags, nameOf } from './flags.js'
import {
  addLayerFlags,
  addShapingFlags,
  committedLine,
  type LayerValues,
  openPicturesFor,
  type Prepared,
  preparedRecordings,
  recordingLine,
  refuseWithoutTrials,
  runLayerScores,
  shapingFor,
} from './layer_scores.js'
import { addResponsesFlags } from './responses_flags.js'
import type { Output } from './terminal.js'

interface RsaValues extends LayerValues {
  images?: string
  rdm?: string
  responses?: string[]
  responseDistance?: ResponseDistance
}

export function addEvalRsa(evaluate: Command): void {
  const command = evaluate
    .command('rsa')
    .description('whether the layers of a run’s network find the same images alike as brains or people do')
  addLayerFlags(command)
  command.option(
    '--rdm <file>',
    '.npy of dissimilarities of --images, a folder, in the order of their names: pairs i < j [pairs], or [subjects, pairs], or squares of them; instead of --responses',
  )
  const responses = addResponsesFlags(command, false)
  command.addOption(
    new Option(
      '--response-distance <name>',
      'of the responses to two images: as --distance, or crossnobis, of repeats against each other (default: that of --distance)',
    ).choices(responseDistances),
  )
  const own = addFlags(command, rsaOptions)
  const given = addShapingFlags(command)
  const refuse = (argument: string, actual: string, expected: string) =>
    new OptionError({ op: nameOf(command), argument, actual, expected })

  const ofRdm = async (
    net: Network,
    { run, images, rdm, responseDistance }: RsaValues & { rdm: string },
    signal: AbortSignal,
  ): Promise<Prepared> => {
    if (images === undefined) throw refuse('--images', 'missing', 'the folder of the images of --rdm')
    if (responseDistance !== undefined) throw refuse('--response-distance', 'given with --rdm', 'it only with --responses')
    const [other] = Object.keys({ ...responses.given(), ...given() }).filter(
      (name) => name === 'crop' || (name !== 'images' && name in recordingOptionKinds),
    )
    if (other !== undefined) throw refuse(other, 'given with --rdm', 'it only with --responses')
    const pictures = await openPicturesFor(net, run, images, given(), signal)
    const reference = await readRdms(rdm, pictures.shape[0])
    return { name: basename(resolve(rdm)).replace(/\.npy$/, ''), score: rsaScoring(net, pictures, reference, own()) }
  }
  const ofResponses = async (net: Network, values: RsaValues, signal: AbortSignal): Promise<Prepared> => {
    const { run, responses: paths = [], responseDistance } = values
    const options = parseOptions('rsa', rsaOptions, own())
    namedLayers('rsa', net, options.layers)
    const distance = responseDistance ?? options.distance
    const sources = await responses.open(paths, { ...(await shapingFor(net, run, given())), signal })
    return preparedRecordings(sources, signal, {
      ready: async ({ images, responses }) =>
        rsaScoring(net, images, await responseRdms(responses, { distance, device: net.device }), own()),
      check: () => {
        if (distance === 'crossnobis') refuseWithoutTrials(command, '--response-distance crossnobis', responses.given())
      },
    })
  }
  command
    .addHelpText(
      'after',
      `
Examples: dissimilarities of brains or people that are there already; those of neurons' responses, in two sessions:
  $ striate eval rsa --run runs/wavelet --images brain92/images --rdm brain92/human_IT_rdm.npy
  $ striate eval rsa --run runs/wavelet --responses it/210325 it/190923 --response-distance crossnobis`,
    )
    .action((values: RsaValues) =>
      runLayerScores(
        values,
        'rsa',
        async (net, signal) => {
          const { rdm } = values
          if ((rdm === undefined) === (values.responses === undefined))
            throw refuse('--rdm, --responses', rdm === undefined ? 'missing' : 'both given', 'one of them')
          return rdm === undefined ? ofResponses(net, values, signal) : ofRdm(net, { ...values, rdm }, signal)
        },
        showRsa,
      ),
    )
}

function showRsa({ scores, committed, ceiling, recordings = [] }: LayerRecord, say: Output): void {
  const [first] = scores as [LayerRecord['scores'][number]]
  const width = Math.max(5, ...scores.map(({ layer }) => layer.length))
  say.line(`${'layer'.padEnd(width)}  score     +-`)
  for (const { layer, value, spread } of scores)
    say.line(`${layer.padEnd(width)}  ${value.toFixed(3).padStart(5)}  ${spread.value.toFixed(3)}`)
  if (committed) say.line(committedLine(committed))
  for (const { name, scores, committed } of recordings) say.line(recordingLine(name, scores, committed ?? null))
  if (ceiling) say.line(`ceiling: ${ceiling.lower.toFixed(3)} to ${ceiling.upper.toFixed(3)} (${ceiling.formula})`)
  else if (first.ceiling) say.line(`ceiling: ${first.ceiling.value.toFixed(3)} (${first.ceiling.formula})`)
  const { raw } = first
  say.line(`${raw.images} images, ${raw.pairs} pairs (left out: ${raw.unknownPairs} not known)`)
  for (const [name, text] of Object.entries(first.protocol))
    if (text !== null) say.line(`${name}: ${Array.isArray(text) ? text.join(' x ') : text}`)
}
