// Scores on images that are given for tests, all others being trained on.
import { beforeAll, describe, expect, it } from 'vitest'
import { foldsOf, givenSplit } from '../../lib/eval/folds.js'
import {
  encode,
  type Images,
  imagesFrom,
  noiseCeiling,
  OptionError,
  pls,
  responsesFrom,
  selectResponses,
} from '../../lib/index.js'
import { normals } from '../../lib/random.js'
import { uniform } from '../ops/proof.js'

const [count, targets] = [40, 3]
const imageNames = Array.from({ length: count }, (_, i) => `image${i}.png`)
let images: Images
/** Means of pixels, with noise in every trial. */
const signal = new Float64Array(count * targets)
const noise = normals(4, count * targets * 4)
beforeAll(async () => {
  const next = uniform(12)
  const pixels = Uint8Array.from({ length: count * 12 }, () => 256 * next())
  images = await imagesFrom({ pixels, shape: [count, 3, 2, 2], name: 'noise' })
  for (let i = 0; i < count; ++i)
    for (let t = 0; t < targets; ++t)
      signal[i * targets + t] = ((pixels[i * 12 + t] as number) - (pixels[i * 12 + 5] as number)) / 128
})
const recorded = () =>
  responsesFrom({
    name: 'v4',
    images: count,
    targets,
    trials: {
      images: count,
      targets,
      repeats: 4,
      data: Float64Array.from(noise, (v, i) => (signal[Math.floor(i / 4)] as number) + v),
    },
    imageNames,
  })

describe('givenSplit', () => {
  const of = { name: 'v4', images: 6, imageNames: null, groups: null }
  const refused = (about: Parameters<typeof givenSplit>[1], test: readonly (number | string)[]): string => {
    try {
      givenSplit('encode', about, test)
    } catch (error) {
      expect(error).toBeInstanceOf(OptionError)
      return (error as Error).message
    }
    return expect.unreachable('nothing was refused')
  }

  it('takes rows, and digits as rows', () => {
    const split = { train: Int32Array.of(0, 2, 3, 5), test: Int32Array.of(1, 4) }
    expect(givenSplit('encode', of, [4, 1])).toEqual(split)
    expect(givenSplit('encode', of, ['4', '1'])).toEqual(split)
  })

  it('takes names, all images of one, and digits as rows only where no name is digits', () => {
    const named = { ...of, imageNames: ['a', 'b', 'c', 'a', 'd', 'e'] }
    expect(givenSplit('encode', named, ['a', '5']).test).toEqual(Int32Array.of(0, 3, 5))
    const numbered = { ...of, imageNames: ['9', '5', '72', '4', '1', '8'] }
    expect(givenSplit('encode', numbered, ['5', '1']).test).toEqual(Int32Array.of(1, 4))
    expect(givenSplit('encode', numbered, [5, 1]).test).toEqual(Int32Array.of(1, 5))
    expect(refused(numbered, ['5', '0'])).toBe("encode: test is '0'; expected names of images of v4, such as '9'")
    expect(refused(named, ['a', 'f'])).toBe(
      "encode: test is 'f'; expected names of images of v4, such as 'a', or numbers from 0 to 5",
    )
  })

  it('refuses what is out of range, repeated, none, all, or parts a group', () => {
    expect(refused(of, [0, 6])).toBe('encode: test is 6; expected images of v4, which have no names, or numbers from 0 to 5')
    expect(refused(of, ['a', 1])).toContain("test is 'a'; expected images of v4, which have no names")
    expect(refused(of, [2, 3, 2])).toBe('encode: test is 2 twice; expected each image once')
    expect(refused({ ...of, imageNames: ['a', 'b', 'c', 'd', 'e', 'f'] }, ['c', 2])).toContain('2 twice')
    for (const test of [[], [1], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5]])
      expect(refused(of, test)).toBe(
        `encode: test is ${test.length} of the 6 images of v4; expected at least two of them, and two others to learn from`,
      )
    const groups = Int32Array.of(7, 7, 8, 8, 9, 9)
    expect(givenSplit('encode', { ...of, groups }, [4, 5]).train).toEqual(Int32Array.of(0, 1, 2, 3))
    expect(refused({ ...of, groups }, [4, 5, 2])).toBe(
      'encode: test is a part of group 8; expected all images of a group, or none',
    )
  })
})

describe.each([
  ['encode', encode],
  ['pls', pls],
] as const)('%s of a given split', (name, score) => {
  const scored = async (options: object) => {
    const { scores } = await score(null, images, recorded(), { layers: ['pixels'], ...options })
    return scores[0] as NonNullable<(typeof scores)[0]>
  }

  it('has the scores of the folds that are such splits', async () => {
    const [a, b] = foldsOf(name, count, 2, 0, null)
    const folds = await scored({ folds: 2, repeats: 1 })
    const given = [await scored({ test: [...(a?.test ?? [])] }), await scored({ test: [...(b?.test ?? [])].reverse() })]
    folds.perTarget.forEach((r, t) => {
      expect(((given[0]?.perTarget[t] as number) + (given[1]?.perTarget[t] as number)) / 2).toBeCloseTo(r, 12)
    })
  })

  it('says what it is of: counts, spread, ceiling of the images tested, protocol', async () => {
    const test = [3, 30, 5, 21, 8, 9, 11, 1, 39, 17, 14, 26]
    const found = await scored({ test, normalise: 'root-ceiling' })
    expect(found).toEqual(await scored({ test: test.map((i) => imageNames[i]), normalise: 'root-ceiling' }))
    expect(found.raw).toMatchObject({ images: count, tested: 12, folds: 1, targets })
    expect(found.protocol.folds).toMatch(
      /^one split, given: 12 images tested \(1, 3, 5 \.\.\. 39; their numbers' SHA-256 begins [0-9a-f]{12}\), the other 28 trained on$/,
    )
    expect(found.protocol.aggregation).toBe("Pearson's r per target, median over 3 targets")
    const middle = found.perTarget.toSorted((x, y) => x - y)[1] as number
    expect(found.value).toBe(middle)
    const mean = found.perTarget.reduce((sum, r) => sum + r, 0) / targets
    const variance = found.perTarget.reduce((sum, r) => sum + (r - mean) ** 2, 0) / (targets - 1)
    expect(found.spread.over).toBe('3 targets (standard error)')
    expect(found.spread.value).toBeCloseTo(Math.sqrt(variance / targets), 12)
    const ceiling = noiseCeiling(selectResponses(recorded(), Int32Array.from(test).sort()))
    expect(found.ceiling).toEqual(ceiling.score.ceiling)
    expect(found.ceiling?.value).not.toBe(noiseCeiling(recorded()).score.ceiling?.value)
  })

  it('counts targets that cannot be scored on those images, and gives no ceiling where these have no repeats', async () => {
    const { mean } = recorded()
    const test = [0, 1, 2, 3, 4, 5]
    const changed = Float64Array.from(mean)
    for (const i of test) changed[i * targets] = 4
    for (const i of test.slice(1)) changed[i * targets + 1] = Number.NaN
    const trials = { images: count, targets, repeats: 2, data: new Float64Array(count * targets * 2).fill(Number.NaN) }
    const responses = responsesFrom({ name: 'v4', images: count, targets, mean: changed, trials })
    const { scores } = await score(null, images, responses, { layers: ['pixels'], test })
    expect(scores[0]?.raw).toMatchObject({ targets: 1, constant: 1, unmeasured: 1, incomplete: 0 })
    expect(scores[0]?.perTarget.map(Number.isNaN)).toEqual([true, true, false])
    expect(scores[0]?.ceiling).toBe(null)
  })

  it('refuses, before it reads an image, images that there are not, and folds beside them', async () => {
    const unread = { ...images, rows: () => Promise.reject(new Error('read')), pixels: null }
    const refuses = (options: object) => expect(score(null, unread, recorded(), { layers: ['pixels'], ...options })).rejects
    await refuses({ test: [0, 40] }).toThrow(
      `${name}: test is 40; expected names of images of v4, such as 'image0.png', or numbers from 0 to 39`,
    )
    await refuses({ test: [] }).toThrow(`${name}: test is []; expected a list of at least 1`)
    await refuses({ test: [0, 1], folds: 5 }).toThrow(
      `${name}: folds is 5 beside test; expected one of them: a given split is one`,
    )
    await refuses({ test: [0, 1], repeats: 1 }).toThrow('repeats is 1 beside test')
  })
})
