// Networks of several heads, and of layers that stay as they are.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  angleColumn,
  type Column,
  classColumn,
  convNet,
  type HeadInput,
  imagesFrom,
  labelsOf,
  Network,
  type NetworkConfigInput,
  numberColumn,
  readSafetensors,
  renderSet,
  resNet18,
  type Scenes,
  type SupervisedEpoch,
  type SupervisedOptions,
  splitGroups,
  splitTrainValidation,
  Tensor,
  targetHeads,
  trainSupervised,
} from '../../lib/index.js'
import { digests } from '../run/digests.js'

let folder: string
let set: Scenes & { pixels: Uint8Array }
let classes: string[]
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'striate-heads-'))
  set = await renderSet({ count: 320, size: 20, seed: 1, ranges: { rotationDeg: [120, 300] } })
  classes = [...(labelsOf(set)?.classes ?? [])]
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const several = (weights: readonly number[] = [1, 0.5, 2, 0.25]): HeadInput[] => [
  { name: 'class', loss: 'softmax', classes, weight: weights[0] },
  { name: 'across', target: 'x', loss: 'mse', weight: weights[1] },
  { name: 'value', loss: 'mse', weight: weights[2] },
  { name: 'rotationDeg', loss: 'mse', weight: weights[3] },
]
const network = (heads: HeadInput[], units = classes.length + 3): NetworkConfigInput => ({
  kind: 'network',
  name: 'several',
  channels: 3,
  image: [20, 20],
  layers: [
    { kind: 'conv', name: 'stem.conv', units: 12, window: 5, stride: 2 },
    { kind: 'batch_norm', name: 'stem.norm' },
    { kind: 'relu', name: 'stem.relu' },
    { kind: 'conv', name: 'top.conv', units: 16, window: 3, stride: 2 },
    { kind: 'relu', name: 'top.relu' },
    { kind: 'linear', name: 'out', units },
  ],
  heads,
})
const options: SupervisedOptions = { epochs: 3, batch: 20, validation: 0.25, seed: 3 }
const unchanging: SupervisedOptions = {
  ...options,
  epochs: 1,
  optimiser: { kind: 'sgd', learningRate: 0, momentum: 0 },
  schedule: { kind: 'constant' },
}
const lastOf = (curve: readonly SupervisedEpoch[]) => curve.at(-1) as SupervisedEpoch

/** Heads of numbers, and the columns that they learn. */
const numbers = [
  ['across', 'x'],
  ['value', 'value'],
  ['rotationDeg', 'rotationDeg'],
] as const

/** Losses of the four heads on some images, the share of wrong classes and how many angles a turn brings nearer to their mean; in float64. */
async function reference(net: Network, rows: Int32Array) {
  const known = labelsOf(set)
  if (!known) throw new Error('no labels')
  using images = Tensor.from(await set.rows(rows), { shape: [rows.length, 3, 20, 20] })
  using outputs = await net.infer(images)
  const y = (await outputs.read()).data
  const losses = { class: 0, across: 0, value: 0, rotationDeg: 0 }
  let [wrong, wrapped] = [0, 0]
  for (const [n, image] of rows.entries()) {
    const row = Array.from(y.subarray(n * 11, n * 11 + 11))
    const logits = row.slice(0, 8)
    const label = known.labels[image] as number
    losses.class += Math.log(logits.reduce((sum, v) => sum + Math.exp(v - (logits[label] as number)), 0)) / rows.length
    if (logits.indexOf(Math.max(...logits)) !== label) wrong++
    for (const [i, [head, target]] of numbers.entries()) {
      const { kind, mean, deviation, values } = set.targets[target] as Exclude<Column, { kind: 'class' }>
      const difference = (values[image] as number) - mean
      const turns = kind === 'angle' ? Math.round(difference / 360) : 0
      if (turns !== 0) wrapped++
      losses[head] += ((row[8 + i] as number) - (difference - 360 * turns) / deviation) ** 2 / rows.length
    }
  }
  return { losses, error: wrong / rows.length, wrapped }
}
describe('several heads', () => {
  it('are all learned: classes, numbers and an angle', async () => {
    const { train } = splitTrainValidation(labelsOf(set)?.labels ?? 0, 0.25, 3)
    using start = new Network(network(several()), { seed: 8 })
    const optimiser = { kind: 'adam' as const, learningRate: 0.003 }
    const { net, record } = await trainSupervised(set, start, { ...options, epochs: 30, optimiser, keep: 'last' })
    const [before, after] = [await reference(start, train), await reference(net, train)]
    net.dispose()
    for (const name of ['class', 'across', 'value', 'rotationDeg'] as const)
      expect(after.losses[name], name).toBeLessThan(0.7 * before.losses[name])
    expect(after.error).toBeLessThan(0.6) // chance is 0.875
    expect(lastOf(record.curve).trainLoss).toBeLessThan(0.6 * (record.curve[0]?.trainLoss ?? 0))
    for (const epoch of record.curve) {
      expect(epoch.trainError).toBeNull()
      expect(epoch.validationError).toBeNull()
      expect(Object.keys(epoch.heads ?? {})).toEqual(['class', 'across', 'value', 'rotationDeg'])
      expect(epoch.heads?.class?.error).toBeTypeOf('number')
      expect(epoch.heads?.across?.error).toBeNull()
    }
  })

  it('have losses as their formulas say, an angle across the half turn too, and a weighted sum', async () => {
    using start = new Network(network(several()), { seed: 8 })
    const { net, record } = await trainSupervised(set, start, unchanging)
    // Its weights are those of the start, its running statistics are not.
    using end = net
    const { heads = {}, validationLoss } = lastOf(record.curve)
    const { validation } = splitTrainValidation(labelsOf(set)?.labels ?? 0, 0.25, 3)
    const { losses, error, wrapped } = await reference(end, validation)
    // Rotations from 120 to 300 degrees, whose mean is near -150.
    expect(wrapped).toBe(validation.length)
    for (const [name, loss] of Object.entries(losses)) expect(heads[name]?.loss, name).toBeCloseTo(loss, 5)
    expect(heads.class?.error).toBe(error)
    const sum = losses.class + 0.5 * losses.across + 2 * losses.value + 0.25 * losses.rotationDeg
    expect(validationLoss).toBeCloseTo(sum, 5)
  })

  it('have a gradient that is the weighted sum of theirs', async () => {
    // One step of plain descent is the gradient; what the heads weigh shows in it linearly.
    const all = splitTrainValidation(set.shape[0], 0, 3).train.length
    const once: SupervisedOptions = {
      ...unchanging,
      batch: all,
      validation: 0,
      optimiser: { kind: 'sgd', learningRate: 1, momentum: 0 },
    }
    const stepOf = async (weights: readonly number[]): Promise<Float32Array[]> => {
      using start = new Network(network(several(weights)), { seed: 8 })
      const before = await start.state()
      const { net } = await trainSupervised(set, start, once)
      const after = await net.state()
      net.dispose()
      return [...start.parameters.keys()].map((name) => {
        const [a, b] = [before.get(name)?.data as Float32Array, after.get(name)?.data as Float32Array]
        return a.map((v, i) => v - (b[i] as number))
      })
    }
    const each = await Promise.all([0, 1, 2, 3].map((head) => stepOf([0, 1, 2, 3].map((other) => (head === other ? 1 : 0)))))
    const together = await stepOf([1, 0.5, 2, 0.25])
    for (const [i, sum] of together.entries()) {
      const parts = each.map((gradients) => gradients[i] as Float32Array)
      const scale = Math.max(...sum.map(Math.abs), 1e-3)
      for (const [at, value] of sum.entries()) {
        const expected = [1, 0.5, 2, 0.25].reduce((total, weight, head) => total + weight * (parts[head]?.[at] as number), 0)
        // Weights of about 1 hide the last digits of a step, 2^-24 each time.
        expect(Math.abs(value - expected)).toBeLessThan(1e-5 * scale + 8 * 2 ** -24)
      }
    }
    for (const gradients of each) expect(Math.max(...gradients.flatMap((g) => [...g]).map(Math.abs))).toBeGreaterThan(1e-3)
  })

  it('of columns asked for by name share the weight of their target, and learn angles as sine and cosine if asked', async () => {
    const targets = { ...set.targets, placeX: set.targets.x as Column, placeY: set.targets.y as Column }
    const images = { ...set, targets }
    const heads = targetHeads(images, { targets: ['place', 'class', 'rotationDeg'], angles: 'sine-cosine' })
    expect(heads).toEqual([
      { name: 'placeX', loss: 'mse', outputs: 1, weight: 1 / 6 },
      { name: 'placeY', loss: 'mse', outputs: 1, weight: 1 / 6 },
      { name: 'class', loss: 'softmax', classes, weight: 1 / 3 },
      { name: 'rotationDeg', loss: 'mse', outputs: 2, weight: 1 / 3 },
    ])
    using start = new Network(network(heads, 12), { seed: 8 })
    const { net, record } = await trainSupervised(images, start, unchanging)
    using end = net
    const { mean, deviation } = set.targets.x as Exclude<Column, { kind: 'class' }>
    expect(end.heads.map((head) => [head.name, head.mean, head.deviation])).toEqual([
      ['placeX', mean, deviation],
      ['placeY', (set.targets.y as { mean: number }).mean, (set.targets.y as { deviation: number }).deviation],
      ['class', undefined, undefined],
      ['rotationDeg', undefined, undefined],
    ])
    const { validation } = splitTrainValidation(labelsOf(set)?.labels ?? 0, 0.25, 3)
    using pixels = Tensor.from(await set.rows(validation), { shape: [validation.length, 3, 20, 20] })
    using outputs = await end.infer(pixels)
    const y = (await outputs.read()).data
    let [across, turn] = [0, 0]
    for (const [n, row] of validation.entries()) {
      const radians = ((set.targets.rotationDeg?.values[row] as number) * Math.PI) / 180
      const wanted = ((set.targets.x?.values[row] as number) - mean) / deviation
      across += ((y[n * 12] as number) - wanted) ** 2 / validation.length
      // The mean over both numbers.
      for (const [i, value] of [Math.sin(radians), Math.cos(radians)].entries())
        turn += ((y[n * 12 + 10 + i] as number) - value) ** 2 / (2 * validation.length)
    }
    const losses = lastOf(record.curve).heads
    expect(losses?.placeX?.loss).toBeCloseTo(across, 5)
    expect(losses?.rotationDeg?.loss).toBeCloseTo(turn, 5)
    for (const [asked, text] of [
      [['colour'], /targets is 'colour'; expected targets of .*: class, x, y/],
      [['class', 'class'], /of which two stand for class; expected each once/],
    ] as const)
      expect(() => targetHeads(set, { targets: [...asked] })).toThrow(text)
  })

  it('give the bits of one where only one is there and weighs 1', async () => {
    const blocks = [{ window: 4, units: 6, pool: { size: 7, stride: 5 } }]
    const twin = convNet({ channels: 3, image: [20, 20], classes, blocks })
    const one = await trainSupervised(set, twin, options)
    const named = await trainSupervised(
      set,
      { ...twin, heads: [{ name: 'shape', target: 'class', loss: 'softmax', classes }] },
      options,
    )
    expect(digests(await named.net.state())).toEqual(digests(await one.net.state()))
    expect(named.record.curve.map(({ validationError }) => validationError)).toEqual(
      one.record.curve.map(({ validationError }) => validationError),
    )
    for (const { net } of [one, named]) net.dispose()
  })

  it('can be validated on objects that training never shows', async () => {
    const { pixels, shape, targets } = set
    const labels = labelsOf(set)?.labels as Int32Array
    // Four objects of each class, one of them kept.
    const objects = Array.from(labels, (label, i) => 4 * label + (i % 4))
    const names = Array.from({ length: 4 * classes.length }, (_, i) => `object ${i}`)
    const images = await imagesFrom({
      pixels,
      shape,
      targets: { ...targets, object: classColumn(names, objects) },
      name: 'objects',
    })
    const { validation } = splitGroups(objects, labels, 0.25, 3)
    using start = new Network(network(several()), { seed: 8 })
    const { net, record } = await trainSupervised(images, start, { ...unchanging, validationBy: 'object' })
    using end = net
    expect(record.config.validationBy).toBe('object')
    expect(record.images.validation).toBe(validation.length)
    const { losses, error } = await reference(end, validation)
    expect(lastOf(record.curve).heads?.class?.error).toBe(error)
    expect(lastOf(record.curve).heads?.value?.loss).toBeCloseTo(losses.value, 5)
    const refuse = (asked: SupervisedOptions, text: RegExp) =>
      expect(trainSupervised(images, network(several()), { ...options, ...asked })).rejects.toThrow(text)
    await refuse({ validationBy: 'y' }, /validationBy is 'y'; expected image or object/)
    await refuse({ validationBy: 'class' }, /validationBy is 'class', which is learned; expected image or object/)
    await refuse(
      { validationBy: 'object', validation: 0.01 },
      /validation is 0.01 of 32 classes of object, which is none of them/,
    )
  })

  it('are refused by name where the images do not have what they learn', async () => {
    const { pixels, shape, targets } = set
    const labels = labelsOf(set)?.labels as Int32Array
    const refuse = async (changed: Record<string, Column>, text: RegExp, heads = several()) => {
      const images = await imagesFrom({ pixels, shape, targets: changed, name: 'others' })
      await expect(trainSupervised(images, network(heads), options)).rejects.toThrow(text)
    }
    const { class: shapes, x, value, rotationDeg } = targets as Record<string, Column>
    if (!shapes || !x || !value || !rotationDeg) throw new Error('no such columns')
    await refuse(
      { class: shapes, value, rotationDeg },
      /others is without a column 'x'; expected targets: class, value, rotationDeg/,
    )
    await refuse({ x, value, rotationDeg }, /others is without labels; expected labelled images/)
    await refuse({ class: x, x, value, rotationDeg }, /others is of numbers in 'class'; expected classes/)
    await refuse({ class: shapes, x: shapes, value, rotationDeg }, /others is of classes in 'x'; expected numbers or angles/)
    const renamed = classColumn([...classes].reverse(), labels)
    await refuse({ class: renamed, x, value, rotationDeg }, /others is of the classes bar, .*; expected the network's: disc/)
    const wide: HeadInput[] = [
      { name: 'class', loss: 'softmax', classes },
      { name: 'across', target: 'x', loss: 'mse', outputs: 3 },
    ]
    await refuse({ class: shapes, x }, /head across is of 3 outputs; expected 1/, wide)
    await expect(trainSupervised(set, network(several(), 9), options)).rejects.toThrow(/of \[9\]; expected \[11\]/)
    const missing = { class: shapes, x, rotationDeg }
    const monitor = await imagesFrom({ pixels, shape, targets: missing, name: 'monitored' })
    await expect(trainSupervised(set, network(several()), options, { monitor })).rejects.toThrow(/monitored is without a column/)
  })

  it('fit angles about the half turn as they fit others', async () => {
    // One number a picture, told by its brightness: angles on both sides of 180 degrees.
    const levels = Uint8Array.from({ length: 120 }, (_, i) => 2 * i)
    const pixels = Uint8Array.from({ length: 120 * 16 }, (_, i) => levels[Math.floor(i / 16)] as number)
    const angles = Array.from(levels, (level) => 120 + level / 2)
    const targets = {
      around: angleColumn(angles),
      aside: angleColumn(angles.map((angle) => angle - 180)),
      plain: numberColumn(angles),
    }
    const images = await imagesFrom({ pixels, shape: [120, 1, 4, 4], targets })
    const losses = await Promise.all(
      ['around', 'aside', 'plain'].map(async (name) => {
        const config: NetworkConfigInput = {
          kind: 'network',
          name: 'angle',
          channels: 1,
          image: [4, 4],
          layers: [{ kind: 'flatten' }, { kind: 'linear', units: 1 }],
          heads: [{ name, loss: 'mse' }],
        }
        const optimiser = { kind: 'adam' as const, learningRate: 0.05 }
        const { net, record } = await trainSupervised(images, config, { epochs: 40, batch: 20, optimiser, seed: 1 })
        net.dispose()
        return lastOf(record.curve).validationLoss as number
      }),
    )
    for (const loss of losses) expect(loss).toBeLessThan(0.01)
  })

  it('go on from a checkpoint to the same bytes', async () => {
    const out = join(folder, 'whole')
    ;(await trainSupervised(set, network(several()), options, { out })).net.dispose()
    const parts = join(folder, 'parts')
    const controller = new AbortController()
    const reason = new Error('enough')
    let steps = 0
    const stopped = trainSupervised(set, network(several()), options, {
      out: parts,
      signal: controller.signal,
      onProgress: () => ++steps === 17 && controller.abort(reason),
    })
    await expect(stopped).rejects.toBe(reason)
    ;(await trainSupervised(set, network(several()), options, { out: parts, resume: true })).net.dispose()
    const model = (name: string) => readFileSync(join(folder, name, 'model.safetensors'))
    expect(model('parts').equals(model('whole'))).toBe(true)
    const heads = (name: string) =>
      JSON.parse(readFileSync(join(folder, name, 'run.json'), 'utf8')).curve.map((epoch: SupervisedEpoch) => epoch.heads)
    expect(heads('parts')).toEqual(heads('whole'))
  })
})

describe('frozen layers', () => {
  const partly = (): NetworkConfigInput => ({ ...network(several()), frozen: ['stem'] })

  it('keep their bits, running statistics too, while the others change', async () => {
    using start = new Network(partly(), { seed: 8 })
    const before = digests(await start.state())
    const { net } = await trainSupervised(set, start, options)
    const after = digests(await net.state())
    expect(Object.keys(after).filter((name) => name.startsWith('stem.'))).toEqual([
      'stem.conv.weight',
      'stem.conv.bias',
      'stem.norm.gamma',
      'stem.norm.beta',
      'stem.norm.mean',
      'stem.norm.variance',
    ])
    for (const [name, digest] of Object.entries(after)) {
      if (name.startsWith('stem.')) expect(digest, name).toBe(before[name])
      else expect(digest, name).not.toBe(before[name])
    }
    net.dispose()
  })

  it('have no moments in the checkpoint, which a run goes on from to the same bytes', async () => {
    const run = (name: string) => join(folder, name)
    ;(await trainSupervised(set, partly(), options, { out: run('frozen') })).net.dispose()
    const controller = new AbortController()
    const reason = new Error('enough')
    let steps = 0
    const stopped = trainSupervised(set, partly(), options, {
      out: run('frozen-parts'),
      signal: controller.signal,
      onProgress: () => ++steps === 20 && controller.abort(reason),
    })
    await expect(stopped).rejects.toBe(reason)
    const { tensors } = await readSafetensors(join(run('frozen-parts'), 'supervised.checkpoint.safetensors'))
    const moments = [...tensors.keys()].filter((name) => name.startsWith('optimiser.'))
    expect(moments.sort()).toEqual(
      ['out', 'top.conv']
        .flatMap((layer) =>
          ['weight', 'bias'].flatMap((part) => ['m', 'v'].map((moment) => `optimiser.${moment}.${layer}.${part}`)),
        )
        .sort(),
    )
    ;(await trainSupervised(set, partly(), options, { out: run('frozen-parts'), resume: true })).net.dispose()
    const model = (name: string) => readFileSync(join(run(name), 'model.safetensors'))
    expect(model('frozen-parts').equals(model('frozen'))).toBe(true)
    // Frozen by name is part of what a run is.
    const thawed = trainSupervised(set, network(several()), options, { out: run('frozen-parts'), resume: true })
    await expect(thawed).rejects.toThrow(/of a run with network.frozen/)
  })

  it('may stand above trained ones, and among those of a residual network', async () => {
    using start = new Network({ ...network(several()), frozen: ['top', 'out'] }, { seed: 8 })
    const before = digests(await start.state())
    const { net } = await trainSupervised(set, start, options)
    const after = digests(await net.state())
    net.dispose()
    for (const [name, digest] of Object.entries(after))
      if (name.startsWith('stem.')) expect(digest, name).not.toBe(before[name])
      else expect(digest, name).toBe(before[name])

    const config = { ...resNet18({ image: [20, 20], classes }), frozen: ['conv1', 'bn1', 'layer1', 'layer2.0', 'layer4.1.bn2'] }
    using large = new Network(config, { seed: 8 })
    const then = digests(await large.state())
    const trained = await trainSupervised(set, large, { epochs: 1, batch: 80, validation: 0.25, seed: 3 })
    const now = digests(await trained.net.state())
    trained.net.dispose()
    const frozen = (name: string) => config.frozen.some((stem) => name.startsWith(`${stem}.`))
    const changed = Object.keys(now).filter((name) => now[name] !== then[name])
    expect(changed).toEqual(Object.keys(now).filter((name) => !frozen(name)))
  })
})
