import { describe, expect, it } from 'vitest'
import { angleColumn, type Column, classColumn, imagesFrom, numberColumn } from '../../lib/data/index.js'
import { DataError } from '../../lib/errors.js'
import { transfer } from '../../lib/eval/index.js'
import { type HeadInput, Network } from '../../lib/models/index.js'

// A network whose outputs are the channels of images of one pixel, from 0 to 1, so that every prediction is known.
function channelsAsOutputs(channels: number, heads: HeadInput[]): Network {
  const weight = Float32Array.from({ length: channels ** 2 }, (_, i) => (i % (channels + 1) === 0 ? 1 : 0))
  const f32 = (shape: number[], data: Float32Array) => ({ dtype: 'F32' as const, shape, data })
  return new Network(
    {
      kind: 'network',
      name: 'pixels',
      channels,
      image: [1, 1],
      layers: [{ kind: 'linear', name: 'out', units: channels }],
      heads,
    },
    {
      state: new Map([
        ['out.weight', f32([channels, channels], weight)],
        ['out.bias', f32([channels], new Float32Array(channels))],
      ]),
    },
  )
}
const images = (rows: number[][], targets: Record<string, Column>) =>
  imagesFrom({ pixels: Uint8Array.from(rows.flat()), shape: [rows.length, (rows[0] as number[]).length, 1, 1], targets })

const classes = ['ant', 'cat', 'dog']
const classHead: HeadInput = { name: 'class', loss: 'softmax', classes }

describe('transfer', () => {
  it('scores the classes that both know, whatever their order, and counts the others', async () => {
    using net = channelsAsOutputs(3, [classHead])
    // Known to the network as ant, cat, dog. It says dog, ant, cat, ant; of cat and ant alone: ant, ant, cat, ant.
    const set = images(
      [
        [90, 10, 200],
        [200, 10, 90],
        [10, 200, 90],
        [200, 90, 10],
        [0, 0, 255],
      ],
      { class: classColumn(['cat', 'emu', 'ant'], [2, 2, 0, 0, 1]) },
    )
    const { scores, unscored } = await transfer(net, await set, { batch: 2 })
    expect(unscored).toEqual([])
    expect(scores).toHaveLength(1)
    const [score] = scores
    expect(score).toMatchObject({ head: 'class', target: 'class', name: 'accuracy', value: 0.75, shared: ['cat', 'ant'] })
    expect(score?.raw).toEqual({ right: 3, images: 4, chance: 0.5, amongAll: 0.5, leftOut: 1 })
    expect(score?.spread.value).toBeCloseTo(Math.sqrt((0.75 * 0.25) / 4), 12)
  })

  it('gives R2 and errors of numbers and angles in their units', async () => {
    const heads: HeadInput[] = [
      { name: 'distance', loss: 'mse', mean: 1, deviation: 2 },
      { name: 'turn', loss: 'mse', mean: 170, deviation: 100 },
      { name: 'slope', loss: 'mse', outputs: 2 },
      { name: 'other', loss: 'mse', mean: 0, deviation: 1 },
    ]
    using net = channelsAsOutputs(5, heads)
    const rows = [
      [0, 51, 255, 0, 0],
      [255, 0, 0, 255, 0],
      [102, 102, 255, 255, 0],
    ]
    const truth = { distance: [1.2, 2.5, 2], turn: [-175, 160, -130], slope: [80, 10, 50] }
    const set = await images(rows, {
      distance: numberColumn(truth.distance, 'm'),
      turn: angleColumn(truth.turn),
      slope: angleColumn(truth.slope),
    })
    const said = { distance: [1, 3, 1.8], turn: [190 - 360, 170, 210 - 360], slope: [90, 0, 45] }
    const { scores, unscored } = await transfer(net, set)
    expect(unscored).toEqual([
      { head: 'other', target: 'other', reason: "not among the images' targets (distance, turn, slope)" },
    ])
    for (const [i, name] of (['distance', 'turn', 'slope'] as const).entries()) {
      const errors = said[name].map((value, at) => {
        const difference = value - (truth[name][at] as number)
        return difference - 360 * Math.round(difference / 360)
      })
      const column = set.targets[name] as Exclude<Column, { kind: 'class' }>
      const off = truth[name].map((value) => {
        const difference = value - column.mean
        return name === 'distance' ? difference : difference - 360 * Math.round(difference / 360)
      })
      const squares = (values: number[]) => values.reduce((sum, value) => sum + value ** 2, 0)
      const score = scores[i]
      expect(score).toMatchObject({ head: name, name: 'r2' })
      expect(score?.value, name).toBeCloseTo(1 - squares(errors) / squares(off), 5)
      expect(score?.raw.rmse, name).toBeCloseTo(Math.sqrt(squares(errors) / 3), 4)
      expect(score?.raw.meanAbsoluteError, name).toBeCloseTo(errors.reduce((sum, e) => sum + Math.abs(e), 0) / 3, 4)
    }
  })

  it('leaves out heads that cannot be scored, with the reason, and scores the others', async () => {
    const heads: HeadInput[] = [
      classHead,
      { name: 'identity', loss: 'softmax', classes: ['cat_1', 'dog_1'] },
      { name: 'size', loss: 'softmax', classes: ['small', 'large'] },
      { name: 'distance', loss: 'mse', mean: 2, deviation: 1 },
      { name: 'turn', loss: 'mse', mean: 0, deviation: 90 },
      { name: 'scene', loss: 'mse', mean: 0, deviation: 1 },
      { name: 'begun', loss: 'mse' },
    ]
    using net = channelsAsOutputs(11, heads)
    const row = Array.from({ length: 11 }, (_, i) => 20 * i)
    const set = await images([row, row], {
      class: classColumn(['cat', 'dog'], [0, 1]),
      identity: classColumn(['cat_7', 'dog_1'], [0, 1]),
      size: numberColumn([1, 2]),
      distance: numberColumn([2.1, 2.1], 'm'),
      turn: angleColumn([-180, 180]),
      scene: classColumn(['in', 'out'], [0, 1]),
      begun: numberColumn([1, 2]),
    })
    const { scores, unscored } = await transfer(net, set)
    expect(scores.map(({ head, value }) => [head, value])).toEqual([['class', 0.5]])
    expect(unscored.map(({ head, reason }) => [head, reason])).toEqual([
      ['identity', 'the images are of one of its 2 classes alone (dog_1)'],
      ['size', 'numbers of the images, where the network gives classes'],
      ['distance', 'the same in every image (2.1 m)'],
      ['turn', 'the same in every image (-180 deg)'],
      ['scene', 'classes of the images, where the network gives numbers'],
      ['begun', expect.stringContaining('without the mean and deviation')],
    ])
  })

  it('refuses images that it cannot score, before it computes', async () => {
    using net = channelsAsOutputs(3, [classHead])
    using numbers = channelsAsOutputs(1, [{ name: 'distance', loss: 'mse' }])
    const pixel = [[1, 2, 3]]
    const refused = async (network: Network, set: ReturnType<typeof images>, text: RegExp) => {
      const found = transfer(network, await set)
      await expect(found).rejects.toThrow(text)
      await expect(found).rejects.toThrow(DataError)
    }
    const named = (names: string[]) => images(pixel, { class: classColumn(names, [0]) })
    await refused(net, named(['emu']), /scored by: class \(the images are of none of its 3 classes\); expected two classes/)
    await refused(net, named(['cat']), /the images are of one of its 3 classes alone \(cat\)/)
    await refused(
      net,
      images(pixel, { class: numberColumn([1]) }),
      /class \(numbers of the images, where the network gives classes\)/,
    )
    await refused(
      net,
      images(pixel, { size: numberColumn([1]) }),
      /of the targets size; expected at least one of the network's: class/,
    )
    await refused(net, images([[1]], { class: classColumn(['cat'], [0]) }), /of images \[1,1,1\]/)
    await refused(numbers, images([[1]], { distance: numberColumn([1]) }), /head is without the mean and deviation/)
  })
})
