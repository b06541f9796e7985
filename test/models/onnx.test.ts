import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openImages } from '../../lib/data/index.js'
import { exportOnnx, type LayerSpecInput, type LocalBlockOptions, type Network } from '../../lib/models/index.js'
import * as kinds from '../../lib/models/layers/index.js'
import { renderSet } from '../../lib/scene/index.js'
import { Tensor } from '../../lib/tensor.js'
import { normals, U, uniform } from '../ops/proof.js'
import { evaluate, type Numbers, numbers } from './float64_network.js'
import { network, networks, pictures, smallLocal, volume } from './networks.js'

let folder: string
let scenes: Awaited<ReturnType<typeof renderSet>>
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'striate-onnx-'))
  scenes = await renderSet({ count: 8, size: 32, seed: 7 })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Exports, reads the file back with onnxruntime, and runs it: the heads' outputs one after another. */
async function session(
  net: Network,
): Promise<(x: Float32Array, shape: number[]) => Promise<{ dims: number[]; data: Float32Array }>> {
  const path = join(folder, 'network.onnx')
  await exportOnnx(net, path)
  const loaded = await ort.InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 3 })
  expect(loaded.inputNames).toEqual(['images'])
  const [only] = net.heads
  const names = !only
    ? ['features']
    : net.heads.length > 1 || only.loss === 'mse'
      ? net.heads.map(({ name }) => name)
      : ['logits']
  expect(loaded.outputNames).toEqual(names)
  return async (x, shape) => {
    const results = await loaded.run({ images: new ort.Tensor('float32', x, shape) })
    const each = names.map((name) => results[name] as ort.Tensor)
    if (each.length === 1) return { dims: [...(each[0] as ort.Tensor).dims], data: (each[0] as ort.Tensor).data as Float32Array }
    const n = shape[0] as number
    const widths = each.map(({ dims }) => dims[1] as number)
    const rows = Array.from({ length: n }, (_, i) =>
      each.map(({ data }, j) => [...(data as Float32Array).subarray(i * (widths[j] as number), (i + 1) * (widths[j] as number))]),
    )
    return { dims: [n, widths.reduce((a, b) => a + b)], data: Float32Array.from(rows.flat(2)) }
  }
}

/** Largest |result - expected| in `error`s; NaN, where one is NaN, fails every comparison. */
function distance(result: ArrayLike<number>, expected: Numbers): number {
  expect(result.length).toBe(expected.y.length)
  let worst = 0
  expected.y.forEach((y, i) => {
    const off = Math.abs((result[i] as number) - y)
    if (off !== 0) worst = Math.max(worst, off / (expected.error[i] as number))
  })
  return worst
}

interface Result {
  ours: Float32Array
  theirs: Float32Array
  expected: Numbers
}

/** Runs a network three ways on images, once as a batch and once one by one. Bytes go to the network, x / 255 in float32 to onnxruntime. */
async function compare(net: Network, x: Float32Array | Uint8Array): Promise<Result> {
  const { channels, image } = net.config
  const one = [channels, ...image]
  const count = x.length / one.reduce((a, b) => a * b)
  const shape = [count, ...one]
  const input = Tensor.from(x, { shape })
  const y = await net.infer(input)
  const ours = (await y.read()).data as Float32Array

  const bytes = x instanceof Uint8Array
  const pixels = bytes ? Float32Array.from(x, (v) => v / 255) : x
  const exact = bytes ? Float64Array.from(x, (v) => v / 255) : x
  const rounded = (v: number) => (bytes ? (U * v) / Math.sqrt(3) : 0)
  const expected = evaluate(net.layers, await net.state(), numbers(shape, exact, rounded))
  expect(expected.shape).toEqual([count, ...net.output])
  const runSession = await session(net)
  const batch = await runSession(pixels, shape)
  expect(batch.dims).toEqual(expected.shape)
  const theirs = batch.data as Float32Array

  // N is free: one image by itself gives what it gives in a batch. (Another order of the sums, so that bits may differ.)
  const alone = await runSession(pixels.slice(0, pixels.length / count), [1, ...one])
  const width = theirs.length / count
  const part = { shape: [1], y: expected.y.subarray(0, width), error: expected.error.subarray(0, width) }
  expect(distance(alone.data as Float32Array, part), 'one image').toBeLessThan(10)
  for (const tensor of [input, y]) tensor.dispose()
  return { ours, theirs, expected }
}

/** All three agree, within rounding that is itself small against the results. */
function agree({ ours, theirs, expected }: Result, small = 1e-3): void {
  const largest = expected.y.reduce((a, b) => Math.max(a, Math.abs(b)), 0)
  expect(10 * Math.max(...expected.error) + Number.MIN_VALUE, 'the budget').toBeLessThan(small * largest)
  expect(distance(ours, expected), 'the network').toBeLessThan(10)
  expect(distance(theirs, expected), 'onnxruntime').toBeLessThan(10)
}

const nnl = (spec: Partial<Extract<LayerSpecInput, { kind: 'nnl_conv' }>>): LayerSpecInput => ({
  kind: 'nnl_conv',
  units: 7,
  window: 3,
  ...spec,
})

const relu: LayerSpecInput = { kind: 'relu' }
const wavelets = (bank: 'first' | 'odd' | 'even', rest: object = {}): LayerSpecInput => ({
  kind: 'wavelet_block',
  units: 5,
  bank,
  orientations: 4,
  ...rest,
})
const conv = (units: number, window: number, rest: object = {}): LayerSpecInput => ({ kind: 'conv', units, window, ...rest })

describe('a layer in onnxruntime', () => {
  const cases: Record<string, LayerSpecInput[]> = {
    'conv with a bias, stride and padding': [conv(5, 5, { stride: 2, padding: 2 })],
    'conv of 1 x 1 without a bias': [conv(5, 1, { bias: false })],
    nnl_conv: [nnl({})],
    'nnl_conv with a power and a pool': [nnl({ power: 40, pool: { size: 5, stride: 2 } })],
    'nnl_conv with a fractional power, stride and padding': [nnl({ power: 2.5, stride: 2, padding: 2 })],
    'nnl_conv with a pool over the border': [nnl({ power: 3, pool: { size: 5, stride: 2, padding: 2 } })],
    'nnl_conv with a bias': [nnl({ bias: true, power: 3, pool: { size: 2, stride: 3 } })],
    'nnl_conv, centred': [nnl({ centre: true, power: 7, pool: { size: 3, stride: 1 } })],
    'nnl_conv, centred, stride and padding': [nnl({ centre: true, stride: 3, padding: 1 })],
    'nnl_conv without normalisation': [nnl({ normalise: 'none', bias: true, pool: { size: 4, stride: 4 } })],
    'nnl_conv without normalisation, centred': [nnl({ normalise: 'none', centre: true, power: 2 })],
    'nnl_conv, signed': [nnl({ response: 'signed', bias: true }), nnl({ window: 1, power: 2 })],
    'nnl_conv, signed, centred, with a pool': [nnl({ response: 'signed', centre: true, pool: { size: 3, stride: 2 } })],
    'nnl_conv of both signs': [nnl({ response: 'both-signs', bias: true, power: 2, pool: { size: 3, stride: 2, padding: 1 } })],
    'nnl_conv of both signs on maps, without a pool': [conv(6, 3), nnl({ response: 'both-signs', window: 1, centre: true })],
    'nnl_conv with a triangle': [nnl({ response: 'triangle', power: 3, pool: { size: 3, stride: 2 } })],
    'nnl_conv with a triangle, centred, on maps': [conv(6, 3), nnl({ response: 'triangle', window: 2, centre: true })],
    'nnl_conv on maps': [conv(6, 3), relu, nnl({ window: 2, power: 5 })],
    rectified_power: [conv(4, 3, { bias: false }), { kind: 'rectified_power', power: 3 }],
    'relu and a max_pool with padding': [conv(4, 3), relu, { kind: 'max_pool', size: 3, stride: 2, padding: 1 }],
    'max_pool of numbers below zero': [conv(4, 3), { kind: 'max_pool', size: 3, stride: 2, padding: 1 }],
    avg_pool: [conv(4, 3), { kind: 'avg_pool', size: 3, stride: 2 }],
    'avg_pool with padding': [conv(4, 3), { kind: 'avg_pool', size: 3, stride: 2, padding: 1 }],
    standardise: [{ kind: 'standardise' }, conv(4, 3)],
    batch_norm: [{ kind: 'batch_norm', epsilon: 1e-3 }],
    'batch_norm behind a conv': [conv(4, 3, { bias: false }), { kind: 'batch_norm' }, relu],
    'wavelet_block of an odd map': [conv(3, 4), wavelets('odd')],
    'wavelet_block of an even map': [conv(3, 3), wavelets('even', { orientations: 8 })],
    'wavelet_block of the first block, with rectified waves': [wavelets('first', { nonlinearity: 'relu', normalise: false })],
    'wavelet_block of maps smaller than its filters': [
      { kind: 'max_pool', size: 2, stride: 2 },
      wavelets('even'),
      wavelets('odd'),
    ],
    flatten: [{ kind: 'flatten' }],
    'linear on maps': [conv(3, 4), { kind: 'linear', units: 5 }],
    'linear on numbers': [{ kind: 'flatten' }, { kind: 'linear', units: 9 }, relu, { kind: 'linear', units: 4 }],
    residual: [conv(4, 3), { kind: 'residual', body: [conv(4, 3, { padding: 1 }), relu] }, relu],
    'residual with a shortcut': [
      {
        kind: 'residual',
        body: [conv(4, 3, { padding: 1, stride: 2 }), { kind: 'batch_norm' }],
        shortcut: [conv(4, 1, { stride: 2 })],
      },
    ],
    'residual in a residual': [
      { kind: 'residual', body: [{ kind: 'residual', body: [conv(3, 3, { padding: 1 })] }, relu], shortcut: [relu] },
    ],
    parallel: [
      {
        kind: 'parallel',
        branches: [[nnl({ pool: { size: 2, stride: 2 } })], [conv(3, 5), { kind: 'flatten' }], [{ kind: 'linear', units: 3 }]],
      },
      { kind: 'linear', units: 4 },
    ],
    'parallel in a parallel': [
      {
        kind: 'parallel',
        branches: [[nnl({})], [conv(3, 5), { kind: 'parallel', branches: [[relu], [nnl({ pool: { size: 2, stride: 2 } })]] }]],
      },
    ],
  }
  it('is tried for every kind there is', () => {
    const text = JSON.stringify(cases)
    expect(Object.values(kinds).filter(({ kind }) => !text.includes(`"kind":"${kind}"`))).toEqual([])
  })
  for (const [name, layers] of Object.entries(cases))
    it(name, async () => {
      const net = await network(layers, [13, 11])
      agree(await compare(net, pictures(5, [5, 3, 13, 11])))
      net.dispose()
    })
})

describe('patch normalisation in onnxruntime', () => {
  const size: [number, number, number, number] = [1, 1, 3, 3]
  const only = async (pixel: number, spec: Partial<Extract<LayerSpecInput, { kind: 'nnl_conv' }>> = {}): Promise<Result> => {
    const net = await network([nnl({ units: 9, ...spec })], [3, 3], 1)
    const x = new Float32Array(volume(size))
    x[4] = pixel
    return compare(net, x).finally(() => net.dispose())
  }

  it('gives 0 for a zero patch, and for all that count as one', async () => {
    for (const [pixel, expected] of [
      [0, 0],
      [2 ** -63, 0],
      [2 ** -62, 1],
      [1, 1],
    ] as const) {
      const { ours, theirs } = await only(pixel)
      expect(Math.sign(Math.max(...ours)), `${pixel}`).toBe(expected)
      expect(Math.sign(Math.max(...theirs)), `${pixel} in onnxruntime`).toBe(expected)
    }
  })

  it('gives the same in any light', async () => {
    const bright = await only(1)
    for (const pixel of [0.3, 1e-6, 1e-15]) agree({ ...(await only(pixel)), expected: bright.expected })
  })

  it('gives 0 for a grey patch that is centred', async () => {
    const net = await network([nnl({ centre: true })], [9, 9])
    const { ours, theirs } = await compare(net, new Float32Array(2 * 3 * 81).fill(0.7))
    expect([...new Set(ours)]).toEqual([0])
    expect([...new Set(theirs)]).toEqual([0])
    net.dispose()
  })

  it('keeps the digits of a centred patch of little contrast', async () => {
    const net = await network([nnl({ centre: true, window: 4 })], [9, 9])
    const x = Float32Array.from(normals(3, 2 * 3 * 81), (v) => 0.9 + 1e-5 * v)
    agree(await compare(net, x), 1e-4)
    net.dispose()
  })
})

describe('a network in onnxruntime', () => {
  for (const [name, make] of Object.entries(networks)) {
    it(`${name}, on random images`, async () => {
      const net = await make()
      agree(await compare(net, pictures(11, [3, 3, 32, 32])))
      net.dispose()
    })
    it(`${name}, on the bytes of rendered scenes`, async () => {
      const net = await make()
      agree(await compare(net, scenes.pixels.subarray(0, 4 * 3 * 32 * 32)))
      net.dispose()
    })
  }

  it('takes a network of bytes that starts with no convolution', async () => {
    const net = await network(
      [
        { kind: 'max_pool', size: 2, stride: 2 },
        { kind: 'linear', units: 3 },
      ],
      [32, 32],
    )
    agree(await compare(net, scenes.pixels))
    net.dispose()
  })

  it('gives the class that the network gives', async () => {
    const net = await smallLocal()
    const input = Tensor.from(scenes.pixels, { shape: scenes.shape })
    const labels = Tensor.from(new Int32Array(8), { shape: [8] })
    const { prediction } = await net.score(input, labels)
    const { data } = await prediction.read()
    const runSession = await session(net)
    const logits = (
      await runSession(
        Float32Array.from(scenes.pixels, (v) => v / 255),
        [...scenes.shape],
      )
    ).data as Float32Array
    const best = Array.from(data, (_, i) => {
      const row = [...logits.subarray(3 * i, 3 * i + 3)]
      return row.indexOf(Math.max(...row))
    })
    expect(best).toEqual([...data])
    net.dispose()
  })
})

const cifar = process.env.STRIATE_DATA ? join(process.env.STRIATE_DATA, 'cifar-10-batches-bin') : ''
describe.skipIf(cifar === '')(`the real CIFAR-10${cifar === '' ? ' (skipped: STRIATE_DATA is not set)' : ''}`, () => {
  it('gives the same logits in onnxruntime', async () => {
    const images = await (await openImages(cifar, { split: 'test', limit: 16 })).rows(
      Int32Array.from({ length: 16 }, (_, i) => i),
    )
    // Filters that are patches of the images, steep powers: the responses of a learned network.
    const patches = (shape: readonly number[]): Float32Array => {
      const [K, C, R] = shape as [number, number, number]
      const next = uniform(3)
      const data = new Float32Array(volume(shape))
      for (let k = 0, t = 0; k < K; k++) {
        const [n, row, column] = [16, 32 - R, 32 - R].map((most) => Math.floor(next() * most)) as [number, number, number]
        const begin = t
        for (let c = 0; c < C; c++)
          for (let r = 0; r < R; r++)
            for (let s = 0; s < R; s++) data[t++] = (images[((n * C + c) * 32 + row + r) * 32 + column + s] as number) / 255
        const filter = data.subarray(begin, t)
        const length = Math.hypot(...filter)
        filter.forEach((v, i) => {
          filter[i] = v / length
        })
      }
      return data
    }
    const five = [3, 4, 5, 7, 8].map(
      (window): LocalBlockOptions => ({ window, units: 40, power: 40, pool: { size: 9, stride: 5 } }),
    )
    const some = images.subarray(0, 8 * 3072)
    for (const net of [
      await smallLocal({ blocks: five }, patches),
      ...(await Promise.all(
        ['a twin of five blocks', 'NNL-CONV trained end to end', 'ResNet-18'].map((name) => networks[name]?.()),
      )),
    ]) {
      // The random signs of these readouts cancel most of what they sum, but not its rounding.
      agree(await compare(net as Network, some), 0.02)
      net?.dispose()
    }
  })
})
