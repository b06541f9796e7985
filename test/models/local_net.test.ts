// Local networks: that a configuration computes what their ops, called one after another, compute; and how one is made from another.
import { describe, expect, it } from 'vitest'
import { OptionError, ShapeError } from '../../lib/errors.js'
import {
  convNet,
  cutAt,
  describeBlocks,
  featureBlocks,
  type LocalNetOptions,
  layerExtents,
  localBlocks,
  localNet,
  Network,
  networkShapes,
  patchPreparation,
  poolText,
  readoutInput,
  resNet18,
  whiteningLayer,
  withPools,
  withReadout,
} from '../../lib/models/index.js'
import { copyColumns, maxPool, nnlConv, readoutScore, rectifiedPower, scale, subtractRow, triangle } from '../../lib/ops/index.js'
import { renderSet } from '../../lib/scene/index.js'
import { leakedTensors, scope, Tensor } from '../../lib/tensor.js'
import { smallLocal } from './networks.js'

const pool = { size: 5, stride: 3 }
const on = { channels: 3, image: [32, 32] } as const
const forms: Record<string, Partial<LocalNetOptions>> = {
  'one block': {},
  'five blocks': { blocks: [3, 4, 5, 7, 8].map((window) => ({ window, units: 6, power: 9, pool: { ...pool, padding: 2 } })) },
  'a whitened block': { blocks: [{ window: 5, units: 11, power: 2, pool, whiten: { after: 'norm', components: 6 } }] },
  'a block whitened as it is': { blocks: [{ window: 5, units: 11, power: 2, pool, whiten: { after: 'none', components: 6 } }] },
  'a whitened block of both signs': {
    blocks: [{ window: 5, units: 11, power: 2, pool, response: 'both-signs', whiten: { after: 'norm', components: 6 } }],
  },
  'a block of triangles beside another': {
    blocks: [
      { window: 4, units: 11, power: 2, pool, response: 'triangle' },
      { window: 3, units: 5, power: 3, pool },
    ],
  },
  'blocks on a trunk': {
    trunk: [
      { window: 3, units: 10, power: 2, centre: true, pool: { size: 2, stride: 2 } },
      { window: 2, units: 8, power: 3, pool: { size: 2, stride: 1 } },
    ],
    blocks: [
      { window: 3, units: 9, power: 3, pool },
      { window: 4, units: 7, power: 2, pool, whiten: { after: 'centred-norm', components: 5 } },
      { window: 2, units: 5, power: 1, normalise: 'none', pool: { size: 5, stride: 5 } },
    ],
  },
  'blocks on images and on parts of a trunk': {
    trunk: [
      { window: 3, units: 10, power: 2, pool: { size: 2, stride: 2 } },
      { window: 2, units: 8, power: 3, pool: { size: 2, stride: 1 }, whiten: { after: 'norm', components: 7 } },
      { window: 2, units: 6, power: 1, pool: { size: 2, stride: 2 } },
    ],
    blocks: [
      { window: 3, units: 9, power: 3, pool, on: 0 },
      { window: 4, units: 7, power: 2, pool, whiten: { after: 'centred-norm', components: 5 }, on: 0 },
      { window: 3, units: 6, power: 2, pool, response: 'both-signs', on: 2 },
      { window: 2, units: 5, power: 1, pool: { size: 3, stride: 2 } },
      { window: 1, units: 4, power: 2, pool: { size: 2, stride: 2 } },
    ],
  },
}
const bytes = async (tensor: Tensor): Promise<Buffer> => {
  const { data } = await tensor.read()
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

/** The features by hand: each block by its ops, their pooled maps beside each other. */
function features(net: Network, images: Tensor, store: 'f32' | 'bf16' = 'f32'): Tensor {
  return scope(() => {
    const { trunk, blocks } = localBlocks(net.config)
    const of = (name: string) => net.parameters.get(name) as Tensor
    const respond = (x: Tensor, block: (typeof blocks)[number], store: 'f32' | 'bf16'): Tensor => {
      const { name, power, normalise, centre, pool, response, whiten } = block
      const projection = whiteningLayer(name)
      const bias = whiten ? of(`${projection}.bias`) : null
      const prepared = whiten && patchPreparation(whiten.after)
      const map = prepared ? nnlConv(x, of(`${projection}.weight`), { ...prepared, rectify: false, bias }) : x
      const filters = of(`${name}.weight`)
      if (response === 'triangle') {
        const code = maxPool(triangle(nnlConv(map, filters, { normalise, centre, rectify: false })), pool)
        const y = rectifiedPower(code, { power })
        const d = y.size / (y.shape[0] as number)
        return subtractRow(y.reshape([y.shape[0] as number, d]), Tensor.zeros([d]), { store })
      }
      const y = nnlConv(map, filters, { power, normalise, centre, pool, store })
      if (response === 'rectified') return y
      const negatives = nnlConv(map, scale(filters, { factor: -1 }), { power, normalise, centre, pool, store })
      const [n, k, p, q] = y.shape as [number, number, number, number]
      const both = Tensor.zeros([n, 2 * k * p * q], { dtype: store })
      copyColumns(y.reshape([n, k * p * q]), both)
      copyColumns(negatives.reshape([n, k * p * q]), both, { at: k * p * q })
      return both.reshape([n, 2 * k, p, q])
    }
    const under = [images]
    for (const block of trunk) under.push(respond(under.at(-1) as Tensor, block, 'f32'))
    const maps = blocks.map((block) => respond(under[block.on ?? trunk.length] as Tensor, block, store))
    const n = images.shape[0] as number
    const widths = maps.map(({ size }) => size / n)
    const all = Tensor.zeros([n, widths.reduce((a, b) => a + b)], { dtype: store })
    let at = 0
    for (const [i, y] of maps.entries()) {
      const width = widths[i] as number
      copyColumns(y.reshape([n, width]), all, { at })
      at += width
    }
    return all
  })
}

describe('a local network', () => {
  it.each(Object.entries(forms))('of %s has the features, the score and the bits of its ops', async (_, form) => {
    using net = await smallLocal(form)
    const set = await renderSet({ count: 20, size: 32, seed: 7 })
    using images = Tensor.from(set.pixels, { shape: set.shape })
    using labels = Tensor.from(Int32Array.from({ length: 20 }, (_, i) => i % 3))
    using expected = features(net, images)
    const { features: ours } = await net.features(images, { at: ['features'] })
    expect((await bytes(ours as Tensor)).equals(await bytes(expected))).toBe(true)

    const score = await net.score(images, labels)
    const readout = { w: net.parameters.get('readout.weight') as Tensor, b: net.parameters.get('readout.bias') as Tensor }
    const wanted = readoutScore(expected, labels, readout)
    for (const name of ['loss', 'errors', 'prediction'] as const)
      expect((await bytes(score[name])).equals(await bytes(wanted[name])), name).toBe(true)

    // Half the memory: features rounded afterwards are those that the op rounds itself.
    using none = Tensor.zeros([expected.shape[1] as number])
    using rounded = subtractRow(ours as Tensor, none, { store: 'bf16' })
    using half = features(net, images, 'bf16')
    expect((await bytes(rounded)).equals(await bytes(half))).toBe(true)
    for (const tensor of [ours as Tensor, ...Object.values(score), ...Object.values(wanted)]) tensor.dispose()
  })

  it('has the names of its parts', () => {
    const names = (form: string, classes: string[]) => [
      ...layerExtents(localNet({ ...on, blocks: [{ window: 4, units: 3, power: 2, pool }], ...forms[form], classes })).keys(),
    ]
    expect(names('one block', ['a', 'b'])).toEqual(['blocks.0', 'features', 'readout'])
    expect(names('a whitened block', [])).toEqual(['blocks.0.whiten', 'blocks.0', 'features'])
    expect(names('blocks on a trunk', ['a'])).toEqual([
      ...['trunk.0', 'trunk.1', 'blocks.0', 'blocks.1.whiten', 'blocks.1', 'blocks.2', 'features', 'readout'],
    ])
    const inBranches = /^features\./
    expect(names('blocks on images and on parts of a trunk', []).filter((name) => !inBranches.test(name))).toEqual([
      ...[
        'blocks.0',
        'blocks.1.whiten',
        'blocks.1',
        'trunk.0',
        'trunk.1.whiten',
        'trunk.1',
        'blocks.2',
        'trunk.2',
        'blocks.3',
        'blocks.4',
      ],
      'features',
    ])
  })

  it('is read back as blocks', () => {
    for (const form of Object.values(forms)) {
      const options = { ...on, blocks: [{ window: 4, units: 3, power: 2, pool }], ...form }
      const { trunk, blocks } = localBlocks(localNet(options))
      const filled = (list: LocalNetOptions['blocks'], part: string) =>
        list.map((block, i) => ({
          name: `${part}.${i}`,
          normalise: 'patch',
          centre: false,
          response: 'rectified',
          ...block,
          pool: { padding: 0, ...block.pool },
        }))
      expect(blocks).toEqual(filled(options.blocks, 'blocks'))
      expect(trunk).toEqual(filled(options.trunk ?? [], 'trunk'))
    }
    expect(localBlocks(resNet18({ image: [32, 32], outputs: 2 }))).toEqual({ trunk: [], blocks: [] })
    const twin = convNet({ ...on, classes: ['a', 'b'], blocks: [{ window: 4, units: 3, pool }] })
    expect(localBlocks(twin).blocks).toMatchObject([{ name: 'blocks.0', window: 4, power: 1, normalise: 'none' }])
  })

  it('says what it is', async () => {
    using net = await smallLocal({ blocks: [{ window: 4, units: 12, power: 12, pool: { ...pool, padding: 2 } }] })
    expect(net.describe()).toBe('local-net: 12 filters of 4 x 4, power 12, pool 5/3+2; 4,179 weights')
    expect(poolText({ size: 3, stride: 2, padding: 0 })).toBe('pool 3/2')
    expect(describeBlocks(localNet({ ...on, blocks: [], ...forms['blocks on a trunk'] }))).toMatch(
      /^10 filters of 3 x 3.*; then 8 filters of 2 x 2.*; then 3 blocks: .*7 filters of 4 x 4, whitened to 5 after centred-norm, power 2, pool 5\/3;/,
    )
    const { 'blocks on images and on parts of a trunk': beside } = forms
    expect(describeBlocks(localNet({ ...on, blocks: [], ...beside }))?.replaceAll(/ of \d x \d.*?, pool \d\/\d/g, '')).toBe(
      '2 blocks: 9 filters; 7 filters; beside that 10 filters; then 8 filters; then 6 filters; beside that 6 filters; then 2 blocks: 5 filters; 4 filters',
    )
    using plain = new Network(resNet18({ image: [32, 32], outputs: 1000 }), { init: 'fan-in' })
    expect(plain.describe()).toBe('resnet-18: 11,689,512 weights')
  })

  it('gives the shape that its blocks read', () => {
    expect(networkShapes(on)).toEqual([3, 32, 32])
    expect(networkShapes({ ...on, trunk: forms['blocks on a trunk']?.trunk })).toEqual([8, 13, 13])
  })

  it('is refused where it does not fit, and by its misspelt options', () => {
    const make =
      (block: object, rest: object = {}) =>
      () =>
        localNet({ ...on, blocks: [{ window: 4, units: 3, power: 2, pool, ...block }], ...rest })
    expect(make({ pool: { size: 30, stride: 2 } })).toThrow(/layer blocks.0 \(nnl_conv\) is a pool of 30 on maps of 29 x 29/)
    expect(make({ pool: { size: 30, stride: 2 } })).toThrow(OptionError)
    expect(make({ window: 33 })).toThrow(ShapeError)
    expect(make({ pool: { sise: 3, stride: 2 } })).toThrow(/localNet: blocks.0.pool/)
    expect(make({ powr: 3 })).toThrow(/blocks.0.powr is no option of it; expected one of window, units, power/)
    expect(make({ power: 201 })).toThrow(/blocks.0.power is 201; expected a number from 1 to 200/)
    expect(make({}, { blocks: [] })).toThrow(/blocks/)
    const trunk = [{ window: 3, units: 4, power: 1, pool: { size: 1, stride: 1 } }]
    const depths = (...on: (number | undefined)[]) =>
      make(
        {},
        {
          trunk,
          blocks: on.map((depth) => ({ window: 4, units: 3, power: 2, pool, ...(depth === undefined ? {} : { on: depth }) })),
        },
      )
    expect(depths(0, 1)).not.toThrow()
    expect(depths(2)).toThrow(/blocks.0.on is 2; expected 0 to 1/)
    expect(depths(undefined, 0)).toThrow(/blocks.1.on is 0; expected 1: blocks on less of the trunk first/)
    expect(depths(0)).toThrow(/trunk is 1 deep; expected 0: no block is on more of it/)
    expect(make({}, { trunk: [{ ...trunk[0], on: 0 }] })).toThrow(/trunk.0.on is no option of it/)
    expect(() => convNet({ ...on, classes: ['a'], blocks: [{ window: 3, units: 2, pool }], standardize: true } as never)).toThrow(
      /standardize is no option of it/,
    )
  })
})

describe('a network made from another', () => {
  const config = localNet({ ...on, ...forms['blocks on a trunk'], blocks: forms['blocks on a trunk']?.blocks ?? [] })

  it('is cut off with the same bits', async () => {
    using net = await smallLocal(forms['blocks on a trunk'])
    const state = await net.state()
    using part = new Network(cutAt(net.config, 'trunk.1'), { state })
    expect([part.output, part.heads, part.layerNames]).toEqual([[8, 13, 13], [], ['trunk.0', 'trunk.1']])
    using images = Tensor.from(
      new Uint8Array(2 * 3072).map((_, i) => i % 251),
      { shape: [2, 3, 32, 32] },
    )
    using y = await part.infer(images)
    const { 'trunk.1': expected } = await net.features(images, { at: ['trunk.1'] })
    expect((await bytes(y)).equals(await bytes(expected as Tensor))).toBe(true)
    expected?.dispose()
    const frozen = { ...net.config, frozen: ['trunk', 'readout'] }
    expect(cutAt(frozen, 'trunk.0').frozen).toEqual(['trunk'])
    expect(() => cutAt(config, 'trunk.2')).toThrow(/name is 'trunk.2', no layer; expected .*trunk.0/)
    expect(() => cutAt(config, 'blocks.0')).toThrow(OptionError)
  })

  it('has a readout of its features, or of its maps', () => {
    expect(withReadout(config, ['a', 'b'])).toEqual(
      localNet({ ...on, ...forms['blocks on a trunk'], blocks: forms['blocks on a trunk']?.blocks ?? [], classes: ['a', 'b'] }),
    )
    const maps = withReadout(cutAt(resNet18({ image: [32, 32], outputs: 7 }), 'layer2.1.relu'), ['a', 'b', 'c'])
    expect([...layerExtents(maps)].slice(-3)).toEqual([
      ['layer2.1.relu', [128, 4, 4]],
      ['features', [2048]],
      ['readout', [3]],
    ])
    expect(maps.heads).toMatchObject([{ name: 'class', target: 'class', loss: 'softmax', classes: ['a', 'b', 'c'], outputs: 3 }])
    expect(() => withReadout(withReadout(config, ['a']), ['b'])).toThrow(/the name readout is of two layers/)
  })

  it('is read where a readout would read it', () => {
    expect(readoutInput(config)).toBe('features')
    expect(readoutInput(resNet18({ image: [32, 32], outputs: 7 }))).toBe('flatten')
    expect(readoutInput(cutAt(config, 'trunk.1'))).toBe('trunk.1')
  })

  it('has other powers and pools in the blocks of its features alone', () => {
    expect(featureBlocks(config).map(({ name }) => name)).toEqual(['blocks.0', 'blocks.1', 'blocks.2'])
    const changed = withPools(config, { power: 11, poolStride: 4 })
    expect(localBlocks(changed).trunk).toEqual(localBlocks(config).trunk)
    expect(localBlocks(changed).blocks.map(({ power, pool }) => [power, pool.size, pool.stride])).toEqual([
      [11, 5, 4],
      [11, 5, 4],
      [11, 5, 4],
    ])
    expect(withPools(config, {})).toEqual(config)
    const one = localNet({ ...on, blocks: [{ window: 4, units: 3, power: 2, pool }], classes: ['a', 'b'] })
    expect(localBlocks(withPools(one, { poolSize: 7 })).blocks[0]?.pool).toEqual({ size: 7, stride: 3, padding: 0 })
    expect(() => withPools(one, { poolSize: 30 })).toThrow(/layer blocks.0 \(nnl_conv\) is a pool of 30/)
    expect(() => withPools(resNet18({ image: [32, 32], outputs: 7 }), { power: 2 })).toThrow(/without NNL-CONV layers/)
    const bare = { ...one, layers: one.layers.map((spec) => (spec.kind === 'nnl_conv' ? { ...spec, pool: null } : spec)) }
    expect(() => withPools(bare, { poolSize: 3 })).toThrow(/without pools/)
  })
})

it('leaves no tensor to the garbage collector', () => {
  expect(leakedTensors()).toBe(0)
})
