import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitGroups, splitTrainValidation } from '../../lib/data/index.js'
import { OptionError } from '../../lib/errors.js'

describe('splitTrainValidation', () => {
  it('parts every set exactly, evenly over the classes, the same for a seed', () => {
    const labels = fc.array(fc.nat(6), { maxLength: 200 })
    fc.assert(
      fc.property(labels, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(), (classes, fraction, seed) => {
        const split = splitTrainValidation(classes, fraction, seed)
        expect([...split.train, ...split.validation].sort((a, b) => a - b)).toEqual(classes.map((_, i) => i))
        expect(split.validation.length).toBe(Math.round(fraction * classes.length))
        for (let label = 0; label <= 6; ++label) {
          const share = fraction * classes.filter((c) => c === label).length
          const taken = split.validation.filter((i) => classes[i] === label).length
          expect(Math.abs(taken - share)).toBeLessThan(1)
        }
        expect(splitTrainValidation(classes, fraction, seed)).toEqual(split)
      }),
    )
  })

  it('draws: another seed gives another split, and every image has its chance', () => {
    const chosen = new Float64Array(100)
    for (let seed = 0; seed < 200; ++seed)
      for (const i of splitTrainValidation(100, 0.2, seed).validation) chosen[i] = (chosen[i] as number) + 1
    // Binomial(200, 0.2): mean 40, deviation 5.7; 5 deviations leave one failure in 30,000 runs of 100 images, and the seeds are fixed.
    for (const times of chosen) expect(Math.abs(times - 40)).toBeLessThan(28)
  })

  it('refuses fractions and counts out of range', () => {
    expect(() => splitTrainValidation(10, 1.5, 0)).toThrow('splitTrainValidation: fraction is 1.5; expected a number from 0 to 1')
    expect(() => splitTrainValidation(-1, 0.5, 0)).toThrow(OptionError)
    expect(() => splitTrainValidation(10, 0.5, -1)).toThrow(OptionError)
  })
})

describe('splitGroups', () => {
  it('keeps groups whole, and draws them evenly over the classes that they are of', () => {
    const groups = fc.array(fc.nat(30), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(groups, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(), (ofImage, fraction, seed) => {
        const labels = ofImage.map((group) => group % 3)
        const split = splitGroups(ofImage, labels, fraction, seed)
        expect([...split.train, ...split.validation].sort((a, b) => a - b)).toEqual(ofImage.map((_, i) => i))
        const held = new Set(Array.from(split.validation, (i) => ofImage[i] as number))
        expect(Array.from(split.train).some((i) => held.has(ofImage[i] as number))).toBe(false)
        const all = [...new Set(ofImage)]
        expect(held.size).toBe(Math.round(fraction * all.length))
        for (let label = 0; label < 3; ++label) {
          const share = fraction * all.filter((group) => group % 3 === label).length
          expect(Math.abs([...held].filter((group) => group % 3 === label).length - share)).toBeLessThan(1)
        }
        expect(splitGroups(ofImage, labels, fraction, seed)).toEqual(split)
      }),
    )
  })

  it('draws groups of several classes without them', () => {
    const [groups, labels] = [
      [7, 7, 2, 2, 9, 9],
      [0, 1, 0, 1, 0, 1],
    ]
    expect(splitGroups(groups, labels, 1 / 3, 4)).toEqual(splitGroups(groups, null, 1 / 3, 4))
    expect(splitGroups(groups, null, 1 / 3, 4).validation).toHaveLength(2)
  })
})
