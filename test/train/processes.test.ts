// Several processes that train one network: what one learns, whoever of them is killed, and what they are refused.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  convNet,
  labelsOf,
  loadNetwork,
  type Network,
  renderSet,
  type SupervisedOptions,
  trainSupervised,
} from '../../lib/index.js'
import { noMpi, startProcesses, writeScript } from '../run/mpi.js'

const folder = mkdtempSync(join(tmpdir(), 'striate-processes-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const set = { count: 96, size: 12, seed: 1 }
const blocks = [{ window: 3, units: 5, pool: { size: 5, stride: 5 } }]
const options: SupervisedOptions = {
  epochs: 3,
  batch: 12,
  validation: 0.25,
  seed: 3,
  clip: 0.5,
  keep: 'last',
  optimiser: { kind: 'sgd', learningRate: 0.1 },
  augment: { resizedCrop: 0.3, flip: true },
}

/** Trains in `out`; with the word `die` process 1 kills itself on its way, with `resume` they go on. */
const training = (out: string) =>
  writeScript(
    folder,
    `const { convNet, labelsOf, renderSet, trainSupervised } = striate
const images = await renderSet(${JSON.stringify(set)})
const { classes } = labelsOf(images)
const config = convNet({ channels: 3, image: [12, 12], classes, blocks: ${JSON.stringify(blocks)}, standardise: true })
const rank = Number(process.env.OMPI_COMM_WORLD_RANK)
const controller = new AbortController()
process.once('SIGTERM', () => controller.abort(new Error('stopped by a signal')))
const [word] = process.argv.slice(2)
let told = 0
const onProgress = () => {
  if (word === 'die' && rank === 1 && ++told === 9) process.kill(process.pid, 'SIGKILL')
}
const onEpoch = async (_, epoch) => ({ rank, epoch })
const run = { out: ${JSON.stringify(out)}, resume: word === 'resume', checkpointSeconds: 0, signal: controller.signal, onProgress, onEpoch }
try {
  const { net } = await trainSupervised(images, config, ${JSON.stringify(options)}, run)
  net.dispose()
} catch (error) {
  console.log(rank + ': ' + error.message)
  process.exit(1)
}`,
  )
const recordOf = (out: string) => JSON.parse(readFileSync(join(out, 'run.json'), 'utf8'))
const numbersOf = async (net: Network) => [...(await net.state())].flatMap(([, { data }]) => Array.from(data as Float32Array))

describe('processes together', () => {
  it.skipIf(noMpi)(
    'learn what one learns, and go on to the same bits when one of them was killed',
    async () => {
      const images = await renderSet(set)
      const config = convNet({
        channels: 3,
        image: [12, 12],
        classes: labelsOf(images)?.classes ?? [],
        blocks,
        standardise: true,
      })
      const alone = await trainSupervised(images, config, options)
      const expected = await numbersOf(alone.net)
      alone.net.dispose()
      const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')]
      const { status, stderr, stdout } = startProcesses(3, training(whole))
      expect([status, stderr, stdout]).toEqual([0, '', ''])
      const record = recordOf(whole)
      expect(record).toMatchObject({ processes: 3, startScores: { rank: 0, epoch: 0 } })
      for (const [i, epoch] of alone.record.curve.entries()) {
        const { trainLoss, trainError, validationLoss, validationError, scores } = record.curve[i]
        expect(trainLoss).toBeCloseTo(epoch.trainLoss, 5)
        expect(validationLoss).toBeCloseTo(epoch.validationLoss ?? 0, 5)
        expect([trainError, validationError]).toEqual([epoch.trainError, epoch.validationError])
        expect(scores).toEqual({ rank: 0, epoch: i + 1 })
      }
      using net = await loadNetwork(join(whole, 'model.safetensors'))
      for (const [i, value] of (await numbersOf(net)).entries()) expect(value).toBeCloseTo(expected[i] as number, 5)
      const killed = startProcesses(3, training(parts), 'die')
      expect(killed.status).not.toBe(0)
      expect(killed.stdout.split('\n').filter(Boolean).sort()).toEqual(['0: stopped by a signal', '2: stopped by a signal'])
      await expect(trainSupervised(images, config, options, { out: parts, resume: true })).rejects.toThrow(
        'processes is 1, whose results differ in their last bits from those of 3; expected as many as began the run',
      )
      expect(startProcesses(3, training(parts), 'resume').stdout).toBe('')
      const bytes = (out: string) => readFileSync(join(out, 'model.safetensors'))
      expect(bytes(parts).equals(bytes(whole))).toBe(true)
    },
    120_000,
  )

  it.skipIf(noMpi)(
    'hold the running statistics and the finished run of the first, and are refused other images and batches that do not divide',
    () => {
      const file = writeScript(
        folder,
        `import { createHash } from 'node:crypto'
const { labelsOf, renderSet, trainSupervised } = striate
const images = await renderSet(${JSON.stringify(set)})
const { classes } = labelsOf(images)
const rank = Number(process.env.OMPI_COMM_WORLD_RANK)
const layers = [{ kind: 'conv', units: 4, window: 3 }, { kind: 'batch_norm' }, { kind: 'flatten' }, { kind: 'linear', units: classes.length }]
const config = { kind: 'network', name: 'normed', channels: 3, image: [12, 12], layers, heads: [{ name: 'class', loss: 'softmax', classes }] }
const options = { epochs: 1, batch: 20, validation: 0.25 }
const out = ${JSON.stringify(join(folder, 'normed'))}
const { net, record } = await trainSupervised(images, config, options, { out })
const again = await trainSupervised(images, config, options, { out, resume: true })
const other = rank === 1 ? await renderSet({ ...${JSON.stringify(set)}, seed: 6 }) : images
const refusals = []
for (const [some, batch] of [[other, 20], [images, 21]])
  await trainSupervised(some, config, { ...options, batch }).catch(({ message }) => refusals.push(message))
const numbers = async (net) => [...(await net.state())].map(([, { data }]) => [...data])
const states = [await numbers(net), await numbers(again.net)].map((state) => createHash('sha256').update(JSON.stringify(state)).digest('hex'))
const [{ validationLoss }] = record.curve
console.log(JSON.stringify([refusals, states, validationLoss]))`,
      )
      const { stdout, status, stderr } = startProcesses(2, file)
      expect([status, stderr]).toEqual([0, ''])
      const [first, second] = stdout.trim().split('\n')
      expect(second).toBe(first)
      const [refusals, [state, again], validationLoss] = JSON.parse(first ?? '')
      expect(refusals).toEqual([
        'trainSupervised: images is different in process 1 and process 0; expected the same in all processes',
        'trainSupervised: batch is 21; expected a multiple of 2, for as many processes',
      ])
      expect(again).toBe(state)
      expect(validationLoss).toBeGreaterThan(0)
    },
  )
})
