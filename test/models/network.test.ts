import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { DataError, OptionError, ShapeError } from '../../lib/errors.js'
import type { Safetensor } from '../../lib/io/index.js'
import { headOutput, layerExtents, loadNetwork, Network, type NetworkConfigInput, resNet18 } from '../../lib/models/index.js'
import * as kinds from '../../lib/models/layers/index.js'
import { everyLayer } from '../../lib/models/names.js'
import { addon } from '../../lib/native.js'
import { softmaxCrossEntropyGrad } from '../../lib/ops/index.js'
import { normals } from '../../lib/random.js'
import { leakedTensors, scope, Tensor } from '../../lib/tensor.js'
import { moved } from './networks.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'striate-network-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(() => vi.restoreAllMocks())

/** Every kind of layer in one small network. */
const everything: NetworkConfigInput = {
  kind: 'network',
  name: 'everything',
  channels: 2,
  image: [9, 9],
  layers: [
    { kind: 'conv', units: 4, window: 3, padding: 1, bias: false },
    { kind: 'batch_norm', name: 'norm' },
    {
      kind: 'residual',
      body: [{ kind: 'conv', units: 5, window: 3, stride: 2, padding: 1, bias: false }, { kind: 'batch_norm' }],
      shortcut: [{ kind: 'conv', units: 5, window: 1, stride: 2 }],
    },
    { kind: 'residual', name: 'stage', body: [{ kind: 'conv', name: 'stage.conv', units: 5, window: 1 }] },
    {
      kind: 'parallel',
      name: 'features',
      branches: [
        [{ kind: 'max_pool', size: 3, stride: 2, padding: 1 }, { kind: 'standardise' }, { kind: 'rectified_power', power: 2 }],
        [{ kind: 'avg_pool', size: 2, stride: 1 }, { kind: 'relu' }],
        [
          { kind: 'nnl_conv', units: 5, window: 2, response: 'signed', bias: true },
          { kind: 'nnl_conv', units: 6, window: 1, power: 3 },
        ],
        [
          {
            kind: 'nnl_conv',
            name: 'side',
            units: 6,
            window: 3,
            normalise: 'none',
            bias: true,
            pool: { size: 3, stride: 2, padding: 1 },
          },
        ],
        [{ kind: 'flatten' }],
        [{ kind: 'wavelet_block', units: 4, bank: 'odd', orientations: 2 }],
        [{ kind: 'nnl_conv', units: 3, window: 2, response: 'both-signs', bias: true, power: 2, pool: { size: 2, stride: 2 } }],
        [{ kind: 'nnl_conv', units: 7, window: 2, response: 'triangle', pool: { size: 2, stride: 1, padding: 1 } }],
      ],
    },
    { kind: 'linear', units: 3 },
  ],
  heads: [{ name: 'class', loss: 'softmax', classes: ['a', 'b', 'c'] }],
}
const statistics = {
  'features.branches.0.1.mean': [0.1, -0.2, 0, 0.3, 0.1],
  'features.branches.0.1.std': [0.5, 2, 0.7, 1, 1.5],
}
const names = [
  ...['0', 'norm', '2.body.0', '2.body.1', '2.shortcut.0', '2', 'stage.conv', 'stage'],
  ...['features.branches.0.0', 'features.branches.0.1', 'features.branches.0.2', 'features.branches.1.0'],
  ...[
    'features.branches.1.1',
    'features.branches.2.0',
    'features.branches.2.1',
    'side',
    'features.branches.4.0',
    'features.branches.5.0',
    'features.branches.6.0',
    'features.branches.7.0',
    'features',
    '5',
  ],
]
const wrong = (change: Partial<NetworkConfigInput>) => () => new Network({ ...everything, ...change })
const six = () => Tensor.from(normals(7, 6 * 2 * 81), { shape: [6, 2, 9, 9] })
const labels = [0, 1, 2, 2, 1, 0]
const read = async (tensor: Tensor): Promise<Float32Array> => (await tensor.read()).data as Float32Array

/** Mean cross-entropy of the six images in float64, from outputs in float32, as in training. */
async function lossOf(network: Network, images: Tensor): Promise<number> {
  const y = scope(() => network.forward(images, { training: true }).y)
  const data = await read(y)
  y.dispose()
  let sum = 0
  for (let n = 0; n < 6; n++) {
    const row = Array.from(data.subarray(n * 3, n * 3 + 3))
    const top = Math.max(...row)
    sum += Math.log(row.reduce((a, v) => a + Math.exp(v - top), 0)) + top - (row[labels[n] as number] as number)
  }
  return sum / 6
}

/** Gradients of a network on the six images, each checked along itself by finite differences of the loss. */
async function checkedGradients(config: NetworkConfigInput, seed = 5): Promise<string[]> {
  const net = new Network(config, { seed })
  net.setBuffers(statistics)
  using images = six()
  const gradients = scope(() => {
    const { y, saved } = net.forward(images, { training: true })
    return Object.fromEntries(net.backward(saved, softmaxCrossEntropyGrad(y, Tensor.from(Int32Array.from(labels)))))
  })
  const state = await net.state()
  const nudged = async (name: string, direction: Float32Array, step: number): Promise<number> => {
    const t = state.get(name) as { data: Float32Array; shape: number[]; dtype: 'F32' }
    const data = t.data.map((v, i) => v + step * (direction[i] as number))
    using changed = new Network(config, { state: new Map([...state, [name, { ...t, data }]]) })
    return lossOf(changed, images)
  }
  for (const [name, gradient] of Object.entries(gradients)) {
    const g = await read(gradient)
    const norm = Math.hypot(...g)
    expect(norm, name).toBeGreaterThan(1e-6)
    // Along the gradient the slope is its norm; float32 logits leave about 1e-7 / 1e-3 of noise, kinks of ReLU and max a little more.
    const along = g.map((v) => v / norm)
    const step = 2e-3
    const slope = ((await nudged(name, along, step)) - (await nudged(name, along, -step))) / (2 * step)
    expect(Math.abs(slope - norm), `${name}: ${slope} against ${norm}`).toBeLessThan(0.03 * norm + 3e-4)
    gradient.dispose()
  }
  expect(Object.keys(gradients).sort()).toEqual([...net.trained.keys()].sort())
  net.dispose()
  return Object.keys(gradients)
}

describe('a network', () => {
  it('is tested with every kind of layer there is', () => {
    using net = new Network(everything)
    const used = new Set(everyLayer(net.layers).map(({ spec }) => spec.kind))
    expect([...used].sort()).toEqual(
      Object.values(kinds)
        .map(({ kind }) => kind)
        .sort(),
    )
  })

  it('has gradients that finite differences confirm, through every kind of layer', async () => {
    using net = new Network(everything)
    expect((await checkedGradients(everything)).sort()).toEqual([...net.parameters.keys()].sort())
  })

  it('knows its layers by name, and the shapes of their outputs without any tensor', () => {
    using net = new Network(everything)
    expect(net.layerNames).toEqual(names)
    expect(net.extent('stage')).toEqual([5, 5, 5])
    expect(net.extent('features')).toEqual([
      5 * 3 * 3 + 5 * 4 * 4 + 6 * 4 * 4 + 6 * 2 * 2 + 125 + 4 * 4 * 4 + 6 * 2 * 2 + 7 * 5 * 5,
    ])
    expect(() => net.extent('stge')).toThrow(/'stge', no layer; expected .*such as stage, /)
    expect([...net.parameters.keys()]).toContain('features.branches.2.0.weight')
    expect([...net.buffers.keys()]).toEqual([
      ...['norm.mean', 'norm.variance', '2.body.1.mean', '2.body.1.variance'],
      ...['features.branches.0.1.mean', 'features.branches.0.1.std'],
      ...['features.branches.5.0.mean', 'features.branches.5.0.variance'],
    ])
    const upload = vi.spyOn(addon.tensor, 'upload')
    expect([...layerExtents(everything)]).toEqual(names.map((name) => [name, net.extent(name)]))
    expect(upload).not.toHaveBeenCalled()
  })

  it('gives the same bits from both ways of computing it, and any layer as forward passes it', async () => {
    using net = await moved(everything, 3)
    using images = Tensor.from(
      Uint8Array.from(normals(2, 4 * 162), (v) => 128 + 40 * v),
      { shape: [4, 2, 9, 9] },
    )
    const seen = new Map<string, Tensor>()
    const { y } = scope(() => {
      const { y } = net.forward(images, { watch: ({ name }, output) => void seen.set(name, output) })
      return { y, kept: [...seen.values()] }
    })
    expect([...seen.keys()]).toEqual(names)
    const all = await net.features(images, { at: [...names].reverse() })
    expect(Object.keys(all).sort()).toEqual([...names].sort())
    for (const name of names) {
      const one = await net.features(images, { at: [name] })
      expect((one[name] as Tensor).shape).toEqual([4, ...net.extent(name)])
      const expected = await read(seen.get(name) as Tensor)
      expect(await read(one[name] as Tensor), name).toEqual(expected)
      expect(await read(all[name] as Tensor), name).toEqual(expected)
      one[name]?.dispose()
    }
    using inferred = await net.infer(images)
    expect(await read(inferred)).toEqual(await read(y))
    // Both of one memory, and each alive until it is let go of itself.
    all.stage?.dispose()
    expect((await read(all['features.branches.4.0'] as Tensor)).length).toBe(4 * 125)
    for (const tensor of [...Object.values(all), ...seen.values()]) tensor.dispose()
  })

  it('computes nothing beyond the last layer that was asked for', async () => {
    using net = new Network(everything)
    using images = six()
    const call = vi.spyOn(addon, 'call')
    const ops = async (...at: string[]): Promise<string[]> => {
      call.mockClear()
      for (const tensor of Object.values(await net.features(images, { at }))) tensor.dispose()
      return call.mock.calls.map(([op]) => addon.ops[op as number] as string)
    }
    expect(await ops('0')).toEqual(['conv2d'])
    expect(await ops('2.body.0', 'norm')).toEqual(['conv2d', 'batch_norm', 'conv2d'])
    expect((await ops('features.branches.0.0')).filter((op) => op === 'nnl_conv' || op === 'linear')).toEqual([])
  })

  it('gives scores by its first softmax head', async () => {
    using net = await moved(everything)
    using images = six()
    using target = Tensor.from(Int32Array.from(labels))
    const { loss, errors, prediction } = await net.score(images, target)
    using y = await net.infer(images)
    const logits = await read(y)
    const called = labels.map((_, n) => {
      const row = [...logits.subarray(3 * n, 3 * n + 3)]
      return row.indexOf(Math.max(...row))
    })
    expect([...(await prediction.read()).data]).toEqual(called)
    expect((await errors.read()).data[0]).toBe(called.filter((c, n) => c !== labels[n]).length)
    const nats = labels.map((label, n) => {
      const row = [...logits.subarray(3 * n, 3 * n + 3)]
      return Math.log(row.reduce((sum, v) => sum + Math.exp(v), 0)) - (row[label] as number)
    })
    expect(Math.abs(((await loss.read()).data[0] as number) - nats.reduce((a, b) => a + b) / 6)).toBeLessThan(1e-5)
    for (const tensor of [loss, errors, prediction]) tensor.dispose()
    using none = new Network({ ...everything, heads: [] })
    expect(none.classes).toEqual([])
    await expect(none.score(images, target)).rejects.toThrow(DataError)
  })

  it('survives a file', async () => {
    using net = await moved({ ...everything, frozen: ['stage'] }, 2)
    const path = join(folder, 'net.safetensors')
    await net.save(path)
    using again = await loadNetwork(path)
    expect(again.config).toEqual(net.config)
    using images = Tensor.from(normals(9, 2 * 162), { shape: [2, 2, 9, 9] })
    using ours = await net.infer(images)
    using theirs = await again.infer(images)
    expect(await read(theirs)).toEqual(await read(ours))
    await expect(loadNetwork(join(folder, 'none.safetensors'))).rejects.toThrow(/none\.safetensors/)
  })
})

describe('frozen layers', () => {
  /** What the calls of a backward pass ask for, by op. */
  const backwardCalls = (frozen: string[]): [string, readonly string[]][] => {
    using net = new Network({ ...everything, frozen })
    using images = six()
    const call = vi.spyOn(addon, 'call')
    scope(() => {
      const { y, saved } = net.forward(images, { training: true })
      call.mockClear()
      net.backward(saved, y)
    })
    const calls = call.mock.calls.map(([op, , , request]): [string, readonly string[]] => [
      addon.ops[op as number] as string,
      request ?? [],
    ])
    call.mockRestore()
    return calls
  }

  it.each([
    [['0']],
    [['norm', 'stage', 'side', 'features.branches.2.0']],
    [['2']],
    [['2.shortcut', '5']],
    // With the weights of seed 5, a maximum changes hands within the step: the slope meets the gradient as the step goes to 0.
    [['2.body.1'], 6],
    [['2.body', '5'], 6],
    [['features']],
    [['0', 'norm', '2', 'features.branches.1', 'side']],
  ])('%j: the others have gradients that finite differences confirm', async (frozen, seed = 5) => {
    using all = new Network(everything)
    const expected = [...all.parameters.keys()].filter((name) => !frozen.some((stem) => name.startsWith(`${stem}.`)))
    const inside = frozen.includes('features') ? expected.filter((name) => !name.startsWith('side.')) : expected
    expect((await checkedGradients({ ...everything, frozen }, seed)).sort()).toEqual(inside.sort())
  })

  it('get no gradients of their parameters computed, and below the lowest trained layer nothing is', () => {
    const weights = (calls: [string, readonly string[]][]) => calls.filter(([, of]) => of.includes('gw')).map(([op]) => op)
    expect(weights(backwardCalls([]))).toEqual([
      ...[
        'linear_grad',
        'nnl_conv_grad',
        'nnl_conv_grad',
        'nnl_conv_grad',
        'wavelet_mix_grad',
        'nnl_conv_grad',
        'nnl_conv_grad',
        'conv2d_grad',
        'conv2d_grad',
        'conv2d_grad',
        'conv2d_grad',
      ],
    ])
    expect(backwardCalls(['0', 'norm', '2', 'stage', 'features'])).toEqual([['linear_grad', ['gw', 'gb']]])
    const middle = backwardCalls(['stage', 'features', '5'])
    expect(weights(middle)).toEqual(['conv2d_grad', 'conv2d_grad', 'conv2d_grad'])
    expect(middle.filter(([op]) => op === 'nnl_conv_grad').map(([, of]) => of)).toEqual(Array(5).fill(['gx']))
    expect(middle.find(([op]) => op === 'linear_grad')?.[1]).toEqual(['gx'])
    expect(backwardCalls(['0', 'norm', '2', 'stage']).filter(([op]) => op === 'conv2d_grad')).toEqual([])
    // One branch alone is trained: nothing is computed in the others.
    const branch = backwardCalls(['0', 'norm', '2', 'stage', 'features.branches', '5'])
    expect(branch.map(([op]) => op)).toEqual(['linear_grad', 'slice_columns', 'nnl_conv_grad'])
    expect(backwardCalls(['0', 'norm', '2', 'stage', 'features', '5'])).toEqual([])
  })

  it('compute in training as when not training, and keep their running statistics', async () => {
    const frozen = ['0', 'norm', '2', 'stage', 'features']
    using net = await moved({ ...everything, frozen })
    using images = six()
    const before = await net.state()
    const { y } = scope(() => ({ y: net.forward(images, { training: true }).y }))
    using expected = await net.infer(images)
    expect(await read(y)).toEqual(await read(expected))
    expect(await net.state()).toEqual(before)
    y.dispose()
    expect([...net.trained.keys()]).toEqual(['5.weight', '5.bias'])
    using free = await moved(everything)
    scope(() => void free.forward(images, { training: true }))
    expect(await free.state()).not.toEqual(before)
  })

  it('are refused by names that are none', () => {
    expect(wrong({ frozen: ['stages'] })).toThrow(/frozen is 'stages', no layer; expected .*stage/)
    expect(wrong({ frozen: ['stage.'] })).toThrow(OptionError)
  })
})

describe('heads', () => {
  const heads: NetworkConfigInput['heads'] = [
    { name: 'class', loss: 'softmax', classes: ['a', 'b', 'c'] },
    { name: 'pose', target: 'angleDeg', loss: 'mse', outputs: 2, weight: 0.5 },
    { name: 'size', loss: 'mse' },
  ]
  const layers = [...everything.layers.slice(0, -1), { kind: 'linear' as const, units: 6 }]

  it('are slices of the last outputs, one after another', async () => {
    using net = await moved({ ...everything, layers, heads })
    expect(net.heads.map(({ name, target, start, outputs, weight }) => [name, target, start, outputs, weight])).toEqual([
      ['class', 'class', 0, 3, 1],
      ['pose', 'angleDeg', 3, 2, 0.5],
      ['size', 'size', 5, 1, 1],
    ])
    expect(net.classes).toEqual(['a', 'b', 'c'])
    using images = six()
    using y = await net.infer(images)
    const all = await read(y)
    for (const head of net.heads) {
      using part = headOutput(y, head)
      const columns = Array.from(all).filter((_, i) => i % 6 >= head.start && i % 6 < head.start + head.outputs)
      expect(Array.from(await read(part))).toEqual(columns)
    }
    expect(headOutput(y, { start: 0, outputs: 6 })).toBe(y)
  })

  it('are refused where they do not fit', () => {
    expect(wrong({ heads })).toThrow(/the last layer is of \[3\]; expected \[6\], .*class \(3\), pose \(2\), size \(1\)/)
    const one = (head: object) => wrong({ layers, heads: [head as never] })
    expect(one({ name: 'a', loss: 'softmax' })).toThrow(/head a is without classes/)
    expect(one({ name: 'a', loss: 'mse', classes: ['x'] })).toThrow(/head a is of classes and mse/)
    expect(one({ name: 'a', loss: 'softmax', classes: ['x', 'y'], outputs: 3 })).toThrow(/of 3 outputs for 2 classes/)
    expect(one({ name: 'a', loss: 'mse', wieght: 2 })).toThrow(/wieght is no option of it/)
    expect(wrong({ layers, heads: [...heads.slice(0, 1), { name: 'class', loss: 'mse', outputs: 3 }] })).toThrow(
      /head class is there twice/,
    )
    expect(wrong({ layers: everything.layers.slice(0, 3) })).toThrow(/the last layer is of \[5,5,5\]/)
  })
})

describe('buffers', () => {
  it('are set to numbers, and stay what they are in training', async () => {
    using net = new Network(everything)
    net.setBuffers(statistics)
    using images = six()
    const outputs = scope(() => {
      const seen: Record<string, Tensor> = {}
      const watch = ({ name }: { name: string }, output: Tensor) => {
        if (/branches.0.[01]$/.test(name)) seen[name] = output
      }
      net.forward(images, { training: true, watch })
      return seen
    })
    const [before, after] = (await Promise.all(Object.values(outputs).map(read))) as [Float32Array, Float32Array]
    const { 'features.branches.0.1.mean': mean, 'features.branches.0.1.std': std } = statistics
    after.forEach((v, i) => {
      const c = Math.floor(i / 9) % 5
      const expected = ((before[i] as number) - (mean[c] as number)) / (std[c] as number)
      expect(Math.abs(v - expected)).toBeLessThan(8 * 2 ** -24 * (Math.abs(expected) + 1))
    })
    const state = await net.state()
    expect([...((state.get('features.branches.0.1.std') as Safetensor).data as Float32Array)]).toEqual(std.map(Math.fround))
    for (const tensor of Object.values(outputs)) tensor.dispose()
  })

  it('are refused when they are none, or no statistics', () => {
    using net = new Network(everything)
    expect(() => net.setBuffers({ 'standardise.mean': [0] })).toThrow(
      /standardise.mean is no buffer of the network; expected one of norm.mean/,
    )
    expect(() => net.setBuffers({ 'norm.mean': [0] })).toThrow(/norm.mean is 1 numbers; expected 4/)
    expect(() => net.setBuffers({ 'norm.mean': [0, 0, Number.NaN, 0] })).toThrow(/finite/)
    expect(() => net.setBuffers({ ...statistics, 'features.branches.0.1.std': [1, 1, 0, 1, 1] })).toThrow(/above 0/)
  })
})

describe('refusals', () => {
  const layers = (...list: NetworkConfigInput['layers']) => wrong({ layers: list })

  it('name the layer that does not fit', () => {
    expect(layers({ kind: 'conv', units: 4, window: 12 })).toThrow(/layer 0 \(conv\)/)
    expect(layers({ kind: 'flatten' }, { kind: 'conv', units: 4, window: 1 })).toThrow(/layer 1 \(conv\).*\[C,H,W\]/)
    expect(layers({ kind: 'linear', units: 4 })).toThrow(/the last layer.*\[3\]/)
    expect(layers({ kind: 'residual', body: [{ kind: 'conv', units: 3, window: 1 }] })).toThrow(/layer 0 \(residual\)/)
    expect(layers({ kind: 'relu', name: 'here' }, { kind: 'conv', name: 'there', units: 1, window: 10 })).toThrow(
      /layer there \(conv\)/,
    )
    expect(layers({ kind: 'relu', name: 'a' }, { kind: 'relu', name: 'a' })).toThrow(/the name a is of two layers/)
  })

  it('name an option that a layer does not have, at any depth', () => {
    expect(layers({ kind: 'relu', power: 2 } as never)).toThrow(/layers.0.power is no option of it; expected one of kind, name/)
    expect(layers({ kind: 'residual', body: [{ kind: 'conv', units: 1, window: 1, strid: 2 } as never] })).toThrow(
      /layers.0.body.0.strid is no option of it; expected one of kind, name, units, window, stride, padding, bias/,
    )
    expect(layers({ kind: 'nnl_conv', units: 1, window: 1, pool: { sise: 2 } } as never)).toThrow(/layers.0.pool/)
    expect(layers({ kind: 'convolution' } as never)).toThrow(OptionError)
    expect(layers({ kind: 'relu', name: 'a b' })).toThrow(/layers.0.name is 'a b'/)
    expect(wrong({ classes: ['a'] } as never)).toThrow(/classes is no option of it/)
    expect(() => new Network(everything, { sed: 1 } as never)).toThrow(/sed is no option of it/)
    using net = new Network(everything)
    using images = six()
    expect(() => net.forward(images, { trainig: true } as never)).toThrow(/trainig is no option/)
  })

  it.each([
    ['a window of 12 on maps of 9 x 9', ShapeError, { kind: 'conv', units: 2, window: 12 }],
    ['a window of 2 with a padding of 2', ShapeError, { kind: 'conv', units: 2, window: 2, padding: 2 }],
    ['a pool of 7 on maps of 6 x 6', OptionError, { kind: 'nnl_conv', units: 2, window: 4, pool: { size: 7, stride: 1 } }],
    [
      'a pool of 3 with a padding of 2',
      OptionError,
      { kind: 'nnl_conv', units: 2, window: 4, pool: { size: 3, stride: 1, padding: 2 } },
    ],
    ['a power of 2', OptionError, { kind: 'nnl_conv', units: 2, window: 4, power: 2, response: 'signed' }],
    ['a triangle with a bias', OptionError, { kind: 'nnl_conv', units: 2, window: 4, bias: true, response: 'triangle' }],
    [
      "a triangle of normalise 'none'",
      OptionError,
      { kind: 'nnl_conv', units: 2, window: 4, normalise: 'none', response: 'triangle' },
    ],
    ['a pool of 12 on maps of 9 x 9', OptionError, { kind: 'max_pool', size: 12, stride: 1, padding: 1 }],
    ['a pool of 3 with a padding of 2', OptionError, { kind: 'avg_pool', size: 3, stride: 1, padding: 2 }],
  ] as const)('%s, naming the layer', (told, type, layer) => {
    const make = layers({ kind: 'relu' }, layer)
    expect(make).toThrow(type)
    expect(make).toThrow(told)
    expect(make).toThrow(`layer 1 (${layer.kind})`)
  })

  it('name a tensor that the state lacks, and let go of those that were made', async () => {
    using net = new Network(everything)
    const state = await net.state()
    state.delete('side.bias')
    expect(() => new Network(everything, { state })).toThrow(/side.bias is missing; expected F32 \[6\]/)
    state.set('side.bias', { dtype: 'F32', shape: [5], data: new Float32Array(5) })
    expect(() => new Network(everything, { state })).toThrow(DataError)
  })

  it('name layers and images that are none', async () => {
    using net = new Network(everything)
    using images = six()
    await expect(net.features(images, { at: ['featurs'] })).rejects.toThrow(/at is 'featurs', no layer; expected .*features/)
    await expect(net.features(images, { at: [] })).rejects.toThrow(/at is empty/)
    await expect(net.features(images, { at: ['0'], depth: 3 } as never)).rejects.toThrow(/depth is no option/)
    using small = Tensor.zeros([6, 2, 8, 9])
    await expect(net.infer(small)).rejects.toThrow(/images is \[6,2,8,9\]; expected \[N,2,9,9\]/)
  })
})

describe('ResNet-18', () => {
  it('has the weights and names of its authors', () => {
    using net = new Network(resNet18({ image: [64, 64], outputs: 1000 }))
    const weights = [...net.parameters.values()].reduce((sum, t) => sum + t.size, 0)
    expect(weights).toBe(11_689_512) // torchvision's resnet18
    expect(net.output).toEqual([1000])
    expect(net.heads).toEqual([])
    expect(net.layerNames.slice(0, 11)).toEqual([
      ...['conv1', 'bn1', 'relu', 'maxpool'],
      ...['layer1.0.conv1', 'layer1.0.bn1', 'layer1.0.relu1', 'layer1.0.conv2', 'layer1.0.bn2', 'layer1.0', 'layer1.0.relu'],
    ])
    expect(net.extent('layer4.0.downsample.1')).toEqual([512, 2, 2])
    expect(net.extent('avgpool')).toEqual([512, 1, 1])
    // torchvision's names, with gamma and beta for its norms' weight and bias.
    const parameters = [...net.parameters.keys()]
    expect(parameters).toHaveLength(62)
    for (const name of ['conv1.weight', 'bn1.gamma', 'layer2.0.downsample.0.weight', 'layer4.1.bn2.beta', 'fc.weight', 'fc.bias'])
      expect(parameters).toContain(name)
  })

  it('wants one of classes, heads and outputs, and takes nothing else', () => {
    const image = [32, 32] as const
    expect(() => resNet18({ image })).toThrow(/classes, heads, outputs is none or more than one/)
    expect(() => resNet18({ image, classes: ['a'], outputs: 3 })).toThrow(OptionError)
    expect(() => resNet18({ image, outputs: 3, stanardise: true } as never)).toThrow(/stanardise is no option of it/)
    expect(resNet18({ image, classes: ['a', 'b'] }).init).toBe('he')
  })
})

it('leaves no tensor to the garbage collector', () => {
  expect(leakedTensors()).toBe(0)
})
