// What is said of the pixels of a network that begins with other weights.
import { describe, expect, it } from 'vitest'
import { standardisedText, startText } from '../../lib/cli/standardised.js'

const own = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.2, 1 / 3] }
const none = { mean: [0, 0, 0], std: [1, 1, 1] }

describe('pixels', () => {
  it('are said to be standardised, by whose statistics, or not though the weights expect it', () => {
    expect(standardisedText(own)).toBe('less 0.5, 0.4, 0.3, divided by 0.2, 0.2, 0.3333')
    expect(startText(own, own, false)).toBe("pixels: less 0.5, 0.4, 0.3, divided by 0.2, 0.2, 0.3333 (the start's)")
    expect(startText(own, null, false)).toMatch(/ \(ImageNet's, as the start names none\)$/)
    expect(startText(own, none, true)).toMatch(/ \(the images' own\)$/)
    expect(startText(none, none, false)).toBe("pixels: as they are (the start's)")
    expect(startText(null, null, false)).toMatch(
      /^pixels: not standardised, as weights such as torchvision's expect \(--standardise/,
    )
    expect(startText(null, own, false)).toMatch(
      /^pixels: not standardised, as the start's weights expect \(less 0\.5, .*; --standardise/,
    )
    expect(startText(null, none, false)).toBeNull()
  })
})
