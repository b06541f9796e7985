import { describe, expect, it } from 'vitest'
import { behaviour, type Choices, classColumn, imagesFrom, Network } from '../../lib/index.js'
import { normals } from '../../lib/random.js'
import { uniform } from '../ops/proof.js'

const [count, people] = [400, 40]
const classes = ['ant', 'bee', 'cat']

/** A network whose logits are the three pixels of an image, less a half, times 8. */
async function passing(): Promise<Network> {
  const net = new Network({
    kind: 'network',
    name: 'passing',
    channels: 3,
    image: [1, 1],
    layers: [{ kind: 'flatten' }, { kind: 'linear', name: 'out', units: 3 }],
    heads: [{ name: 'class', loss: 'softmax', classes }],
  })
  const state = await net.state()
  const weight = state.get('out.weight') as { data: Float32Array }
  weight.data.set([8, 0, 0, 0, 8, 0, 0, 0, 8])
  const bias = state.get('out.bias') as { data: Float32Array }
  bias.data.fill(-4)
  const config = net.config
  net.dispose()
  return new Network(config, { state })
}

/** Images, and people who choose by the same probabilities as the network, or by others. */
async function observed(likeNetwork: boolean) {
  const next = uniform(4)
  const pixels = Uint8Array.from({ length: 3 * count }, () => 256 * next())
  // Ants and bees look alike.
  for (let i = 0; i < count; ++i) pixels[3 * i + 1] = 0.8 * (pixels[3 * i] as number) + 0.2 * (pixels[3 * i + 1] as number)
  const noise = normals(7, 3 * count)
  const counts = new Float64Array(3 * count)
  const labels: number[] = []
  for (let i = 0; i < count; ++i) {
    const logits = [0, 1, 2].map((k) =>
      likeNetwork ? (8 * (pixels[3 * i + k] as number)) / 255 : 2 * (noise[3 * i + k] as number),
    )
    const weights = logits.map(Math.exp)
    const sum = weights.reduce((a, b) => a + b, 0)
    labels.push(logits.indexOf(Math.max(...logits)))
    for (let p = 0; p < people; ++p) {
      let rest = next() * sum
      let k = 0
      while (k < 2 && rest >= (weights[k] as number)) rest -= weights[k++] as number
      counts[3 * i + k] = (counts[3 * i + k] as number) + 1
    }
  }
  const images = await imagesFrom({ pixels, shape: [count, 3, 1, 1], targets: { class: classColumn(classes, labels) } })
  const choices: Choices = { name: 'people.npy', images: count, classes: 3, counts, sha256: 'b' }
  return { images, choices }
}

describe('behaviour', () => {
  it('finds a network that chooses as people do as near to them as they are to each other', async () => {
    using net = await passing()
    const { images, choices } = await observed(true)
    const { scores, protocol } = await behaviour(net, images, choices)
    const [entropy, uncertainty, confusions, agreement] = scores
    expect(scores.map(({ name }) => name)).toEqual(['cross-entropy', 'uncertainty', 'confusions', 'agreement'])
    // The shares of 40 people are at most (classes - 1) / (2 x 40) nats from the probabilities that they were drawn by, on average.
    const least = entropy?.ceiling?.value as number
    expect(entropy?.value).toBeGreaterThan(least)
    expect((entropy?.value as number) - least).toBeLessThan(0.04)
    expect(uncertainty?.value).toBeGreaterThan(0.9)
    expect(confusions?.value).toBeGreaterThan(0.9)
    expect(agreement?.value).toBeGreaterThan(0.85)
    for (const score of [uncertainty, confusions]) {
      expect(score?.ceiling?.value).toBeGreaterThan(0.9)
      expect(score?.ceiling?.value).toBeLessThanOrEqual(1)
      expect(score?.spread.value).toBeGreaterThan(0)
    }
    expect(protocol.people).toBe('40.0 judgements an image')
  })

  it('finds one that does not, and the mean cross-entropy as it is defined', async () => {
    using net = await passing()
    const { images, choices } = await observed(false)
    const { scores } = await behaviour(net, images, choices, { batch: 64 })
    const pixels = images.pixels as Uint8Array
    let sum = 0
    for (let i = 0; i < count; ++i) {
      const logits = [0, 1, 2].map((k) => (8 * (pixels[3 * i + k] as number)) / 255)
      const total = Math.log(logits.reduce((all, x) => all + Math.exp(x), 0))
      logits.forEach((x, k) => {
        sum -= ((choices.counts[3 * i + k] as number) / people) * (x - total)
      })
    }
    expect(scores[0]?.value).toBeCloseTo(sum / count, 5)
    // Of 400 images without a relation, rho deviates by 0.05.
    expect(Math.abs(scores[1]?.value as number)).toBeLessThan(0.2)
    expect(scores[3]?.value).toBeLessThan(0.5)
  })

  it('finds people as unsure of one class as of another', async () => {
    using net = await passing()
    const { images, choices } = await observed(true)
    const counts = choices.counts.map((_, at) => {
      const image = Math.floor(at / 3)
      return choices.counts[3 * image + ((at + image) % 3)] as number
    })
    const uncertainty = async (given: Choices) => (await behaviour(net, images, given, { splits: 2 })).scores[1]?.value
    expect(await uncertainty({ ...choices, counts })).toBe(await uncertainty(choices))
  })

  it('takes ceilings from the images that two people or more judged', async () => {
    using net = await passing()
    const { images, choices } = await observed(true)
    const judged = async (isAlone: (image: number) => boolean) => {
      const counts = choices.counts.map((value, at) => (isAlone(Math.floor(at / 3)) ? Number(at % 3 === 0) : value))
      const { scores, protocol } = await behaviour(net, images, { ...choices, counts })
      return { ceilings: scores.slice(1, 3).map(({ ceiling }) => ceiling?.value), told: protocol.ceilings }
    }
    const all = await judged(() => false)
    const most = await judged((image) => image === 7)
    expect(most.told).toContain('of 399 with two or more')
    for (const [i, ceiling] of most.ceilings.entries())
      expect(Math.abs((ceiling as number) - (all.ceilings[i] as number))).toBeLessThan(0.02)
    expect((await judged(() => true)).ceilings).toEqual([undefined, undefined])
  })

  it('takes the columns by the names of the classes, and refuses other counts', async () => {
    using net = await passing()
    const { images, choices } = await observed(true)
    const known = await behaviour(net, images, choices, { splits: 2 })
    const order = ['cat', 'ant', 'bee']
    const column = images.targets.class
    if (column?.kind !== 'class') throw new Error('no classes')
    const renamed = Array.from(column.values, (label) => order.indexOf(classes[label] as string))
    const turned = await imagesFrom({
      pixels: images.pixels as Uint8Array,
      shape: images.shape,
      targets: { class: classColumn(order, renamed) },
    })
    const counts = choices.counts.map(
      (_, at) => choices.counts[at - (at % 3) + classes.indexOf(order[at % 3] as string)] as number,
    )
    const same = await behaviour(net, turned, { ...choices, counts }, { splits: 2 })
    expect(same.scores.map(({ value }) => value)).toEqual(known.scores.map(({ value }) => value))
    await expect(behaviour(net, images, { ...choices, classes: 2 })).rejects.toThrow(
      'behaviour: people.npy is choices for 400 images among 2 classes; expected for the 400 images and 3 classes of the network',
    )
  })
})
