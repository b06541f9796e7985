// Gradients that are added up on the devices of several processes: by NCCL's stand-in on simulated GPUs, which are told apart by their addresses.
// Never NCCL itself, nor hardware.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { root } from '#root'
import { noMpi, startProcesses, writeScript } from './mpi.js'

const folder = mkdtempSync(join(tmpdir(), 'striate-sums-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const built = (name: string) => JSON.stringify(join(root, 'build', 'tests', name))
const source = (name: string) => JSON.stringify(join(root, 'dist', name))

/** A script in which `gpu(address)` opens a GPU; told `missing`, process 1 has no NCCL. */
const script = (text: string): string =>
  writeScript(
    folder,
    `import { Device } from ${source('device.js')}
import { addon } from ${source('native.js')}
import { processGroup } from ${source('run/group.js')}
import { tensorSums } from ${source('run/tensor_sums.js')}
const rank = Number(process.env.OMPI_COMM_WORLD_RANK)
const [word] = process.argv.slice(2)
process.env.STRIATE_NCCL = word === 'missing' && rank === 1 ? '/missing/libnccl.so.2' : ${built('libnccl_on_cpu.so')}
function gpu(address) {
  process.env.STRIATE_SIM_ADDRESS = address
  return new Device(new addon.Device('cuda-sim', 0, false, ${built('libstriate_cuda_sim.so')}))
}
${text}`,
  )

describe('sums of tensors', () => {
  const file = script(`const { Tensor, scale } = striate
const { createHash } = await import('node:crypto')
const group = processGroup()
const sizes = [1, 9001, 7]
const numbers = (rank, size) => Float32Array.from({ length: size }, (_, i) => Math.sin(1 + i * 0.7 + rank * 12.3) * 3 ** rank)
async function means(device) {
  const sums = await tensorSums(group, device)
  const results = []
  for (let round = 0; round < 2; round++) {
    const own = sizes.map((size) => scale(Tensor.from(numbers(rank, size), { device }), { factor: 3 }))
    results.push(...(await sums.means(own)).map((mean) => scale(mean, { factor: 0.5 })))
  }
  const data = (await Promise.all(results.map((tensor) => tensor.read()))).flatMap(({ data }) => [...data])
  return { library: sums.library, reason: sums.reason, data }
}
const [apart, together] = [await means(gpu(rank)), await means(gpu(9))]
const all = sizes.map((size) => Array.from({ length: group.size }, (_, i) => numbers(i, size)))
const exact = [...all, ...all].flatMap((parts) => Array.from(parts[0], (_, i) => {
  const three = parts.map((part) => Math.fround(3 * part[i]))
  return [three.reduce((a, b) => a + b) / 2 / group.size, three.reduce((a, b) => a + Math.abs(b), 0) / 2 / group.size]
}))
// Of P numbers P - 1 roundings, and one of the mean's factor and two of scaling, each of at most 2^-24 of what is below the sum of magnitudes.
const worst = Math.max(...apart.data.map((x, i) => Math.abs(x - exact[i][0]) / exact[i][1])) * 2 ** 24
const digest = createHash('sha256').update(JSON.stringify(apart.data)).digest('hex')
const others = new Set(await group.texts(digest))
if (rank === 0) console.log(JSON.stringify({ apart: [apart.library, apart.reason], together: [together.library, together.reason.replace(/of \\S+;/, 'of HOST;')], worst, same: apart.data.every((x, i) => x === together.data[i]), kinds: others.size }))`)

  it.skipIf(noMpi).each([2, 3])('are those of the host, in the order of the queue: %i processes', (count) => {
    const { status, stderr, stdout } = startProcesses(count, file)
    expect([status, stderr]).toEqual([0, ''])
    const { apart, together, worst, same, kinds } = JSON.parse(stdout)
    expect(apart).toEqual(['NCCL 2.99.1', ''])
    expect(together).toEqual([
      'MPI',
      'processes 0 and 1 share the GPU 0000:09:00.0 of HOST; CUDA_VISIBLE_DEVICES gives each its own',
    ])
    expect(worst).toBeLessThan(count + 2)
    expect(kinds).toBe(1)
    // Two numbers have one order.
    if (count === 2) expect(same).toBe(true)
  })
})

describe('training on several GPUs', () => {
  const training = (out: string) =>
    script(`const { labelsOf, renderSet, trainSupervised } = striate
const images = await renderSet({ count: 96, size: 12, seed: 1 })
const { classes } = labelsOf(images)
const layers = [{ kind: 'conv', units: 4, window: 3 }, { kind: 'flatten' }, { kind: 'linear', units: classes.length }]
const config = { kind: 'network', name: 'small', channels: 3, image: [12, 12], layers, heads: [{ name: 'class', loss: 'softmax', classes }] }
const device = gpu(word === 'shared' ? 9 : rank)
const controller = new AbortController()
process.on('SIGTERM', () => word !== 'deaf' && controller.abort(new Error('stopped by a signal')))
const dies = word === 'die' || word === 'deaf'
// Who hears of the signal does not ask NCCL.
if (word === 'die') addon.sums.watch = () => undefined
// Between the numbers of a minibatch, which all have given, and its gradients.
const { add } = addon.sums
let sums = 0
addon.sums.add = (...given) => {
  if (dies && rank === 1 && ++sums === 4) process.kill(process.pid, 'SIGKILL')
  add(...given)
}
const run = { device, out: ${JSON.stringify(out)}, resume: word === 'resume' || word === 'shared', checkpointSeconds: dies ? 0 : 20, signal: controller.signal }
if (rank === 0) run.onPlan = (text) => console.log(text.replace(/^.*; gradients/, 'gradients'))
try {
  const options = { epochs: 1, batch: 12, validation: 0.25, seed: 3, clip: 0.5 }
  const { net } = await trainSupervised(images, config, options, run)
  net.dispose()
} catch (error) {
  console.log(rank + ': ' + error.message)
  const later = dies && (await striate.Tensor.zeros([1], { device }).read().catch(({ message }) => message))
  if (dies) console.log('later reads: ' + (later === error.message ? 'the same' : 'others'))
  process.exit(1)
}`)
  const apart = join(folder, 'apart')
  const trained = (out: string) => readFileSync(join(out, 'model.safetensors'))
  const lost = (why: string) =>
    `0: the sums with the other processes were broken off (${why}): what is on this device is not whole; ` +
    'start all processes again, from their last checkpoint'

  it.skipIf(noMpi)(
    'says who adds up, and learns the same either way',
    () => {
      const missing = join(folder, 'missing')
      for (const [out, word, sums] of [
        [apart, 'apart', 'NCCL 2.99.1'],
        [
          missing,
          'missing',
          'MPI: process 1 has no NCCL (/missing/libnccl.so.2: cannot open shared object file: No such file or directory)',
        ],
      ] as const) {
        const { status, stderr, stdout } = startProcesses(2, training(out), word)
        expect([status, stderr, stdout]).toEqual([0, '', `gradients are added up by ${sums}\n`])
        expect(JSON.parse(readFileSync(join(out, 'run.json'), 'utf8'))).toMatchObject({ processes: 2, sums })
      }
      expect(trained(missing).equals(trained(apart))).toBe(true)
    },
    120_000,
  )

  it.skipIf(noMpi).each([
    ['die', 'this process was stopped while it waited for the others'],
    ['deaf', 'remote process exited or there was a network error'],
  ])(
    'ends when a process is killed in a sum, and goes on to the same bits: %s',
    (word, why) => {
      const parts = join(folder, word)
      const killed = startProcesses(2, training(parts), word)
      expect(killed.status).not.toBe(0)
      expect(killed.stdout.split('\n')).toEqual(['gradients are added up by NCCL 2.99.1', lost(why), 'later reads: the same', ''])
      expect(startProcesses(2, training(parts), 'shared').stdout).toContain(
        '0: resume: what adds up their gradients is MPI, whose results differ in their last bits from those of NCCL 2.99.1; ' +
          'expected what did when the run began, or allowOtherBits',
      )
      expect(startProcesses(2, training(parts), 'resume').stdout).toBe('gradients are added up by NCCL 2.99.1\n')
      expect(trained(parts).equals(trained(apart))).toBe(true)
    },
    120_000,
  )
})
