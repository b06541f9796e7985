// npx tsx bench/count.ts --interpreter <folder> --images <folder> [--ptxas <log>] [--before <report>] [--name <name>] [work ...]
// counts the warp instructions, sectors and shared-memory wavefronts of the CUDA kernels in an interpreter of PTX that stands in for libcudart
// and libcuda (CONTRIBUTING.md, "Judging a kernel"), and keeps them as bench/results/<name>.json. Counts are exact and repeat; no time is measured.
// `--images` holds CIFAR-10's binary files; `--ptxas` is what `nvcc -Xptxas -v` said of the kernels: registers and spills.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { cpu, cuda, type Device } from '../lib/device.js'
import {
  batchNorm,
  type Conv2dOptions,
  competitiveLearn,
  conv2d,
  conv2dGrad,
  hebbianLearn,
  matmul,
  nnlConv,
  nnlConvGrad,
  nnlConvWithIndex,
  ojaLearn,
  passiBank,
  readoutLearn,
  unitRows,
  waveletBank,
  waveletMix,
} from '../lib/ops/index.js'
import { Tensor } from '../lib/tensor.js'
import { type CountReport, type KernelCount, markdownCounts, type WorkCount } from './count_table.js'

interface Work {
  /** What one unit of the count is. */
  per: string
  /** Units that one run does. */
  units: number
  run: (device: Device, folder: string) => unknown
}

const imageBytes = 3 * 32 * 32
/** The first `count` images of a CIFAR-10 file. */
function images(folder: string, count: number, device: Device): Tensor {
  const file = readFileSync(join(folder, 'test_batch.bin'))
  const pixels = new Uint8Array(count * imageBytes)
  for (let i = 0; i < count; i++) pixels.set(file.subarray(i * (imageBytes + 1) + 1, (i + 1) * (imageBytes + 1)), i * imageBytes)
  return Tensor.from(pixels, { shape: [count, 3, 32, 32], device })
}
/** The same as numbers from 0 to 1. */
function floatImages(folder: string, count: number, device: Device): Tensor {
  const file = readFileSync(join(folder, 'test_batch.bin'))
  const pixels = Float32Array.from({ length: count * imageBytes }, (_, i) => {
    const image = Math.floor(i / imageBytes)
    return (file[i + image + 1] as number) / 255
  })
  return Tensor.from(pixels, { shape: [count, 3, 32, 32], device })
}
/** Numbers from -1/2 to 1/2, the same in every run. */
function numbers(shape: number[], device: Device): Tensor {
  let state = 1
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 4294967296 - 0.5
  })
  return Tensor.from(data, { shape, device })
}
/** Filters that were learned for a few steps on the images, so that their maxima lie as in use. */
async function filters(folder: string, units: number, window: number, device: Device): Promise<Tensor> {
  const learned = unitRows(numbers([units, 3 * window * window], cpu()))
  hebbianLearn(images(folder, 200, cpu()), learned, { window, batch: 1000, steps: 200, totalSteps: 200, antiHebbian: 0.2 })
  const { data } = await unitRows(learned).read()
  return Tensor.from(data as Float32Array, { shape: [units, 3, window, window], device })
}

const layer = { power: 40, pool: { size: 11, stride: 2 } }
const few = 70 // images: enough that no image is split further, on 132 multiprocessors
const thousand = (run: Work['run'], count = few): Work => ({ per: '1,000 images', units: count / 1000, run })
/** Three minibatches of a rule. @param learn gives something to read */
const rule = (
  batch: number,
  window: number,
  learn: (images: Tensor, w: Tensor, course: object) => Tensor = (x, w, course) => hebbianLearn(x, w, course).wins,
): Work => ({
  per: 'minibatch',
  units: 3,
  run: async (device, folder) => {
    const w = (await filters(folder, 400, window, device)).reshape([400, 3 * window * window])
    return learn(images(folder, 200, device), w, { window, batch, steps: 3, totalSteps: 3 })
  },
})

/** A convolution of 3 x 3 that keeps the size of its map. */
const conv = (options: Conv2dOptions = {}): Work => ({
  per: 'call',
  units: 1,
  run: (d) => conv2d(numbers([8, 64, 16, 16], d), numbers([64, 64, 3, 3], d), { padding: 1, ...options }),
})

/** A block of the wavelet hierarchy, bank to norm, on one image. */
const block = (channels: number, outputs: number, side: number, position: 'odd' | 'even'): Work => ({
  per: 'image',
  units: 1,
  run: (device) =>
    waveletMix(
      numbers([1, channels, side, side], device),
      waveletBank({ ...passiBank(position), device }),
      numbers([outputs, 9 * channels], device),
      {
        subsample: position === 'odd' ? 1 : 2,
        normalise: true,
      },
    ),
})

const works: Record<string, Work> = {
  'nnl_conv u8': thousand(async (d, folder) => nnlConv(images(folder, few, d), await filters(folder, 400, 4, d), layer)),
  'nnl_conv u8, batch 2': thousand(
    async (d, folder) => nnlConv(images(folder, 2, d), await filters(folder, 400, 4, d), layer),
    2,
  ),
  'nnl_conv u8, pool 11/3+5': thousand(async (d, folder) =>
    nnlConv(images(folder, few, d), await filters(folder, 400, 4, d), { power: 40, pool: { size: 11, stride: 3, padding: 5 } }),
  ),
  'nnl_conv f32': thousand(async (d, folder) => nnlConv(floatImages(folder, few, d), await filters(folder, 400, 4, d), layer)),
  'nnl_conv_grad gw': thousand(async (d, folder) => {
    const options = { pool: layer.pool }
    // What the forward pass saved is made elsewhere, and not counted.
    const { y, index } = nnlConvWithIndex(images(folder, few, cpu()), await filters(folder, 400, 4, cpu()), options)
    const saved = { y: await y.to(d), index: await index.to(d) }
    const w = await filters(folder, 400, 4, d)
    return nnlConvGrad(images(folder, few, d), w, numbers([few, 400, 10, 10], d), { ...options, saved, of: ['gw'] }).gw
  }),
  'hebbian B=1,000 D=48': rule(1000, 4),
  'hebbian B=1,000 D=192': rule(1000, 8),
  'hebbian B=10,000 D=48': rule(10000, 4),
  'hebbian B=10,000 D=192': rule(10000, 8),
  'matmul 512 x 512 x 512': { per: 'call', units: 1, run: (d) => matmul(numbers([512, 512], d), numbers([512, 512], d)) },
  'wavelet_mix 64 to 64, odd block, 56 x 56': block(64, 64, 56, 'odd'),
  'wavelet_mix 64 to 64, even block, 56 x 56': block(64, 64, 56, 'even'),
  'wavelet_mix 128 to 256, odd block, 28 x 28': block(128, 256, 28, 'odd'),
  'conv2d 64 to 64, 3 x 3, 8 images of 16 x 16': conv(),
  'conv2d 64 to 64, 3 x 3, 8 images of 16 x 16, bfloat16': conv({ precision: 'bfloat16' }),
  'conv2d 3 to 64, 3 x 3, 8 images of 32 x 32': {
    per: 'call',
    units: 1,
    run: (d) => conv2d(numbers([8, 3, 32, 32], d), numbers([64, 3, 3, 3], d), { padding: 1 }),
  },
  'conv2d_grad gw 3 to 64, 3 x 3, 8 images of 32 x 32': {
    per: 'call',
    units: 1,
    run: (d) => {
      const gy = numbers([8, 64, 32, 32], d)
      return conv2dGrad(numbers([8, 3, 32, 32], d), numbers([64, 3, 3, 3], d), gy, { padding: 1, of: ['gw'] }).gw
    },
  },
  'batch_norm 64 channels, 32 images of 16 x 16, training': {
    per: 'call',
    units: 1,
    run: (d) => {
      const [gamma, beta, mean, variance] = [0, 1, 2, 3].map(() => numbers([64], d)) as [Tensor, Tensor, Tensor, Tensor]
      return batchNorm(numbers([32, 64, 16, 16], d), { gamma, beta, mean, variance }, { training: true }).y
    },
  },
  'readout 10 classes, 40,000 features, batch 100': {
    per: 'minibatch',
    units: 2,
    run: (d) => {
      const [w, mw, vw, b, mb, vb] = [[10, 40000], [10, 40000], [10, 40000], [10], [10], [10]].map((shape) =>
        Tensor.zeros(shape, { device: d }),
      ) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]
      const labels = Tensor.from(
        Int32Array.from({ length: 200 }, (_, i) => i % 10),
        { shape: [200], device: d },
      )
      return readoutLearn(numbers([200, 40000], d), labels, { w, b, mw, vw, mb, vb }, { steps: 2, totalSteps: 2 }).loss
    },
  },
  'SoftHebb B=1,000 D=48': rule(
    1000,
    4,
    (x, w, course) => competitiveLearn(x, w, { kind: 'softhebb', temperature: 0.02, ...course }).energy,
  ),
  'Oja B=1,000 D=48': rule(1000, 4, (x, w, course) => ojaLearn(x, w, course).energy),
}

const program = new Command('npx tsx bench/count.ts')
  .option('--interpreter <folder>', 'holds its libcudart and libcuda')
  .requiredOption('--images <folder>', "CIFAR-10's binary files")
  .option('--ptxas <log>', 'what nvcc -Xptxas -v said')
  .option('--before <report>', 'an earlier report; its counts become "before"')
  .option('--name <name>', 'of the report', 'cuda-counted')
  .option('--only <work>', 'runs one work in this process')
  .argument('[works...]')
  .parse()
const options = program.opts<{
  interpreter?: string
  images: string
  ptxas?: string
  before?: string
  name: string
  only?: string
}>()

if (options.only) {
  const made = await (works[options.only] as Work).run(cuda(), options.images)
  await (made as Tensor).read()
  process.exit(0)
}
if (!options.interpreter) throw new Error('count: interpreter is missing; expected the folder of its libcudart')

/** The name of a kernel without its arguments and namespaces. */
function plainName(mangled: string): string {
  const name = execFileSync('c++filt', [mangled], { encoding: 'utf8' }).trim()
  return name
    .replace(/^void /, '')
    .replace(/striate::cuda::|\(anonymous namespace\)::/g, '')
    .replace(/\((?:int|bool)\)/g, '')
    .replace(/\((?![a-z ]*\)::)[^()]*\)$/, '')
}

/** Names within a file carry a hash of how it was compiled. */
const unhashed = (mangled: string): string => mangled.replace(/_GLOBAL__N__[0-9a-f]{8}_(\w+?)_cu_[0-9a-f]{8}/, '$1')
/** Registers and spilled bytes of every kernel in what `nvcc -Xptxas -v` said. */
function resources(log: string): Map<string, { registers: number; spilled: number }> {
  const found = new Map<string, { registers: number; spilled: number }>()
  const entry = /entry function '(\S+)' for.*?(\d+) bytes spill stores.*?Used (\d+) registers/gs
  for (const [, name, spilled, registers] of readFileSync(log, 'utf8').matchAll(entry))
    found.set(unhashed(name as string), { registers: Number(registers), spilled: Number(spilled) })
  return found
}

function count(work: string): KernelCount[] {
  const folder = mkdtempSync(join(tmpdir(), 'striate-count-'))
  const ran = spawnSync(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(import.meta.url), '--images', options.images, '--only', work],
    {
      env: {
        ...process.env,
        LD_LIBRARY_PATH: options.interpreter,
        PTXRUN_LOG: join(folder, 'log'),
        PTXRUN_STATS: '1',
        PTXRUN_RACES: '0',
        PTXRUN_SMS: '132',
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  )
  if (ran.status !== 0) throw new Error(`count: ${work} ended with ${ran.status ?? ran.signal}; expected 0`)
  const file = readdirSync(folder).find((name) => name.endsWith('.kernels'))
  if (!file) throw new Error(`count: ${work} left no counts; expected those of the interpreter`)
  const kernels: KernelCount[] = []
  for (const line of readFileSync(join(folder, file), 'utf8').split('\n')) {
    const of = (field: string) => Number(new RegExp(` ${field} (\\d+)`).exec(line)?.[1])
    const pair = (field: string) => (new RegExp(` ${field} (\\d+)/(\\d+)`).exec(line) ?? []).slice(1).map(Number)
    if (!(of('launches') > 0)) continue
    const [sectors, idealSectors] = pair('sectors')
    const [wavefronts, idealWavefronts] = pair('shared-waves')
    kernels.push({
      kernel: line.slice(0, line.indexOf(' ')),
      launches: of('launches'),
      instructions: of('instructions'),
      mma: of('mma'),
      sectors: sectors as number,
      idealSectors: idealSectors as number,
      wavefronts: wavefronts as number,
      idealWavefronts: idealWavefronts as number,
    })
  }
  rmSync(folder, { recursive: true })
  return kernels.sort((a, b) => b.instructions - a.instructions)
}

const root = join(import.meta.dirname, '..')
const file = join(root, 'bench', 'results', `${options.name}.json`)
const wanted = program.args.length ? program.args : Object.keys(works)
const before = options.before ? (JSON.parse(readFileSync(options.before, 'utf8')) as CountReport) : null
const made = options.ptxas ? resources(options.ptxas) : null
const counts: WorkCount[] = wanted.map((name) => {
  const work = works[name]
  if (!work) throw new Error(`count: work is ${name}; expected one of ${Object.keys(works).join(', ')}`)
  process.stderr.write(`${name}\n`)
  const all = count(name)
  const total = all.reduce((sum, k) => sum + k.instructions, 0)
  const kernels = all
    .filter((k) => k.instructions > 0.01 * total)
    .map((k) => ({ ...k, ...made?.get(unhashed(k.kernel)), kernel: plainName(k.kernel) }))
  const earlier = before?.works.find((w) => w.work === name)
  return {
    work: name,
    per: work.per,
    units: work.units,
    instructions: total,
    ...(earlier ? { before: (earlier.instructions / earlier.units) * work.units } : {}),
    kernels,
  }
})
const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim()
const report: CountReport = { commit, multiprocessors: 132, clock: 1.98e9, works: counts }
writeFileSync(`${file}.part`, `${JSON.stringify(report, null, 1)}\n`)
renameSync(`${file}.part`, file)
console.log(markdownCounts(report))
