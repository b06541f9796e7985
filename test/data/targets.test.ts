import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  angleColumn,
  classColumn,
  type Images,
  imagesFrom,
  labelsAmong,
  labelsOf,
  numberColumn,
  wrapDegrees,
} from '../../lib/data/index.js'
import { OptionError } from '../../lib/errors.js'
import { trainReadout } from '../../lib/features/index.js'
import { trainLocal } from '../../lib/learn/index.js'
import { convNet, Network } from '../../lib/models/index.js'
import { trainSupervised } from '../../lib/train/index.js'

describe('labels', () => {
  const pixels = new Uint8Array(60 * 3 * 144).map((_, i) => i * 37)
  /** A set made by hand, whose labels nobody has checked. */
  async function labelled(values: readonly number[]): Promise<Images> {
    const images = await imagesFrom({ pixels, shape: [60, 3, 12, 12] })
    return { ...images, targets: { class: { kind: 'class', classes: ['a', 'b'], values: Int32Array.from(values) } } }
  }

  it('that are none of the classes are refused by every recipe before it begins', async () => {
    const net = convNet({ channels: 3, image: [12, 12], classes: ['a', 'b'], blocks: [{ units: 4, window: 3 }] })
    for (const bad of [-1, 2, 255]) {
      const images = await labelled(Array.from({ length: 60 }, (_, i) => (i === 7 ? bad : i % 2)))
      const sentence = `targets.class.values[7] is ${bad}; expected a class from 0 to 1 as label`
      const steps: unknown[] = []
      const run = { onProgress: (progress: unknown) => void steps.push(progress) }
      await expect(trainLocal(images, { filters: { units: 8, steps: 10, batch: 100, window: 3 } }, run)).rejects.toThrow(sentence)
      await expect(trainReadout(new Network(net), images, {}, run)).rejects.toThrow(sentence)
      await expect(trainSupervised(images, net, { epochs: 1, batch: 10 }, run)).rejects.toThrow(sentence)
      await expect(imagesFrom({ pixels, shape: [60, 3, 12, 12], targets: images.targets })).rejects.toThrow(sentence)
      expect(steps).toEqual([])
    }
    const short = { ...(await labelled([])), targets: { class: classColumn(['a'], [0]) } }
    expect(() => labelsOf(short)).toThrow('targets.class is 1 values; expected 60')
  })

  it('are told by the names of their classes among others', () => {
    const column = classColumn(['dog', 'cat'], [0, 1, 1, 0])
    expect(labelsAmong(column, ['ant', 'cat', 'dog'])).toEqual(Int32Array.of(2, 1, 1, 2))
    expect(labelsAmong(column, ['ant', 'cat'])).toBeNull()
    // A class that no image has may be unknown.
    expect(labelsAmong(classColumn(['dog', 'yak'], [0, 0]), ['cat', 'dog'])).toEqual(Int32Array.of(1, 1))
  })
})

describe('columns', () => {
  it('of classes refuse what is no class', () => {
    expect(classColumn(['a', 'b'], [1, 0, 1])).toEqual({ kind: 'class', classes: ['a', 'b'], values: Int32Array.of(1, 0, 1) })
    expect(() => classColumn(['a', 'b'], [0, 2])).toThrow('classColumn: values[1] is 2; expected a class from 0 to 1')
    expect(() => classColumn(['a', 'b'], [-1])).toThrow(OptionError)
    expect(() => classColumn(['a', 'b'], [0.5])).toThrow(OptionError)
    expect(() => classColumn([], [0])).toThrow('no value, as there are no classes')
    expect(() => classColumn(['a', 'a'], [0])).toThrow("classes is a list with 'a' twice")
  })

  it('of numbers know their mean and deviation', () => {
    const { values, unit, mean, deviation } = numberColumn([1, 2, 3, 6], 'years')
    expect([values, unit, mean, deviation]).toEqual([Float32Array.of(1, 2, 3, 6), 'years', 3, Math.sqrt(14 / 4)])
    expect(numberColumn([4, 4]).deviation).toBe(1)
    expect(numberColumn(new Array(1000).fill(0.1)).deviation).toBe(1)
    expect(() => numberColumn([1, Number.NaN])).toThrow('numberColumn: values[1] is NaN; expected a finite number')
    expect(() => numberColumn([1e300])).toThrow(OptionError)
  })

  it('of angles go round', () => {
    const across = angleColumn([170, -170, 180])
    expect(Math.abs(Math.abs(across.mean) - 180)).toBeLessThan(1e-4)
    expect(across.deviation).toBeCloseTo(Math.sqrt(200 / 3), 4)
    // A turn more or less changes nothing.
    const turned = angleColumn([170 + 360, -170 - 720, 180])
    expect(turned.deviation).toBeCloseTo(across.deviation, 4)
    expect(angleColumn([30, 30]).deviation).toBe(1)
    fc.assert(
      fc.property(fc.integer({ min: -5000, max: 5000 }), (angle) => {
        const wrapped = wrapDegrees(angle)
        expect(wrapped).toBeGreaterThan(-180)
        expect(wrapped).toBeLessThanOrEqual(180)
        expect(Math.abs(wrapped - angle) % 360).toBe(0)
      }),
    )
  })
})

describe('labelsOf', () => {
  it('gives a column of classes by its name, and null for any other', async () => {
    const targets = { class: classColumn(['x', 'y'], [1]), age: numberColumn([3]) }
    const images = await imagesFrom({ pixels: new Uint8Array(1), shape: [1, 1, 1, 1], targets })
    expect(labelsOf(images)).toEqual({ labels: Int32Array.of(1), classes: ['x', 'y'] })
    for (const name of ['age', 'toString', 'absent']) expect(labelsOf(images, name)).toBeNull()
  })
})
