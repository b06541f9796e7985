// What a program may hand to the scores that the types forbid: one sentence, in one form, and nothing taken for what it is not.
import { describe, expect, it } from 'vitest'
import {
  behaviour,
  classify,
  convNet,
  encode,
  Network,
  noiseCeiling,
  pls,
  predict,
  type ResponseArrays,
  readNpy,
  renderSet,
  responseRdms,
  responsesFrom,
  rsa,
  StriateError,
  transfer,
  transform,
} from '../../lib/index.js'
import { normals } from '../../lib/random.js'

const wrong = (value: unknown): never => value as never
const others = [undefined, null, 5, 'x', {}, [], () => 1]
const images = await renderSet({ count: 12, size: 16, seed: 1 })
const net = new Network(
  convNet({ channels: 3, image: [16, 16], blocks: [{ window: 3, units: 4, pool: { size: 2, stride: 2 } }], classes: ['a', 'b'] }),
  { seed: 1 },
)
const responses = responsesFrom({ name: 'r', images: 12, targets: 2, mean: Float64Array.from(normals(1, 24)) })
const reference = await responseRdms(responses)

async function refusals(work: (other: never) => unknown, given: readonly unknown[] = others): Promise<string[]> {
  const messages: string[] = []
  for (const other of given) {
    const error: unknown = await (async () => work(wrong(other)))().then(
      () => `nothing was refused of ${String(other)}`,
      (error: unknown) => error,
    )
    expect(error).toBeInstanceOf(StriateError)
    messages.push((error as Error).message)
  }
  return [...new Set(messages.map((message) => message.replace(/ is .*; /, ' is ...; ')))]
}

describe('scores', () => {
  it('refuse what is no network, no images and no responses', async () => {
    const network = 'network is ...; expected a Network, as openNetwork and the recipes give them'
    const noImages = 'images is ...; expected images as openImages, imagesFrom or renderSet give them'
    const noResponses = 'responses is ...; expected responses as openRecordings and responsesFrom give them'
    const some = others.slice(2)
    for (const score of [encode, pls]) {
      const op = score.name
      expect(await refusals((other) => score(other, images, responses), some)).toEqual([`${op}: ${network}`])
      expect(await refusals((other) => score(net, other, responses))).toEqual([`${op}: ${noImages}`])
      expect(await refusals((other) => score(net, images, other))).toEqual([`${op}: ${noResponses}`])
    }
    expect(await refusals((other) => rsa(other, images, reference), some)).toEqual([`rsa: ${network}`])
    expect(await refusals((other) => rsa(net, other, reference))).toEqual([`rsa: ${noImages}`])
    expect(await refusals((other) => rsa(net, images, other))).toEqual([
      'rsa: reference is ...; expected dissimilarities as readRdms and responseRdms give them',
    ])
    for (const score of [noiseCeiling, responseRdms])
      expect(await refusals((other) => score(other))).toEqual([`${score.name}: ${noResponses}`])
    for (const score of [classify, transfer, predict, transform])
      expect(await refusals((other) => score(other, images))).toEqual([`${score.name}: ${network}`])
    expect(await refusals((other) => behaviour(other, images, wrong({})))).toEqual([`behaviour: ${network}`])
  })

  it('refuse paths that are none', async () => {
    expect(await refusals(readNpy, [undefined, null, {}, []])).toEqual(
      ['readNpy: undefined is ...; expected a readable file'].concat(
        ['null', '[object Object]', ''].map((path) => `readNpy: ${path} is ...; expected a readable file`),
      ),
    )
  })
})

describe('responsesFrom', () => {
  it('takes arrays of the types that it says, finite, and of whole numbers of images', async () => {
    const trials = { images: 3, targets: 1, repeats: 2, data: new Float64Array(6) }
    const mean = new Float64Array(3)
    for (const [other, message] of [
      [{ mean: [1, 2, 3] }, 'mean is of type Array; expected a Float64Array'],
      [{ mean: new Float32Array(3) }, 'mean is of type Float32Array; expected a Float64Array'],
      [{ mean: Float64Array.of(1, 2, Number.POSITIVE_INFINITY) }, 'r is an array with Infinity; expected finite numbers'],
      [{ mean, groups: [1, 2, 3] }, 'groups is of type Array; expected an Int32Array'],
      [{ mean, imageNames: 'abc' }, 'imageNames is of type String; expected an array of names'],
      [{ trials: { ...trials, images: 2 } }, 'trials is of 2 images and 1 targets; expected the 3 and 1 of the responses'],
      [{ trials: { ...trials, repeats: 0 } }, 'repeats is 0; expected a whole number of at least 1'],
      [{ mean: new Float64Array(), images: 0 }, 'images is 0; expected a whole number of at least 1'],
      [{ mean, images: 1.5, targets: 2 }, 'images is 1.5; expected a whole number of at least 1'],
    ] as const)
      expect(() => responsesFrom({ name: 'r', images: 3, targets: 1, ...(other as Partial<ResponseArrays>) })).toThrow(message)
  })
})
