import { describe, expect, it } from 'vitest'
import { classColumn, imagesFrom } from '../../lib/data/index.js'
import { DataError } from '../../lib/errors.js'
import { classify } from '../../lib/eval/index.js'
import { Network } from '../../lib/models/index.js'

describe('classify', () => {
  const pixels = Uint8Array.from({ length: 5 * 4 }, (_, i) => (i * 71) % 256)
  const images = (classes: readonly string[], values: readonly number[]) =>
    imagesFrom({ pixels, shape: [5, 1, 2, 2], targets: { class: classColumn(classes, values) } })

  it('scores images of some of the classes, in whatever order their set has them', async () => {
    using net = new Network({
      kind: 'network',
      name: 'linear',
      channels: 1,
      image: [2, 2],
      layers: [{ kind: 'flatten' }, { kind: 'linear', units: 3 }],
      heads: [{ name: 'class', loss: 'softmax', classes: ['ant', 'cat', 'dog'] }],
    })
    const known = await classify(net, await images(['ant', 'cat', 'dog'], [2, 1, 1, 2, 1]))
    for (const set of [await images(['cat', 'dog'], [1, 0, 0, 1, 0]), await images(['dog', 'yak', 'cat'], [0, 2, 2, 0, 2])]) {
      const { score, loss, confusion } = await classify(net, set)
      expect([score.raw, loss, confusion]).toEqual([known.score.raw, known.loss, known.confusion])
      expect(confusion.map((row) => row.reduce((a, b) => a + b, 0))).toEqual([0, 3, 2])
    }
    await expect(classify(net, await images(['cat', 'yak'], [0, 0, 1, 0, 0]))).rejects.toThrow(DataError)
  })
})
