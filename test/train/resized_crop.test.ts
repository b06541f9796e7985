// Random resized crops: where their parts lie, and that they are what the bilinear filter makes of such a part alone.
import { describe, expect, it } from 'vitest'
import { resizeBilinear } from '../../lib/data/resize.js'
import { words } from '../../lib/random.js'
import { cropBox, resizedCrop } from '../../lib/train/resized_crop.js'

const key = words(5, 'seed')
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length
const range = (values: number[]) => [Math.min(...values), Math.max(...values)] as const

describe('random resized crops', () => {
  it('lie anywhere in the image, of the areas and aspects that are wanted', () => {
    const extent = { height: 200, width: 240 }
    const boxes = Array.from({ length: 2000 }, (_, row) => cropBox(extent, 0.1, row, 3, key))
    for (const { top, left, height, width } of boxes) {
      expect([top, left, height, width].every((v) => Number.isInteger(v) && v >= 0)).toBe(true)
      expect(top + height <= extent.height && left + width <= extent.width).toBe(true)
    }
    const [smallest, largest] = range(boxes.map(({ height, width }) => (height * width) / (200 * 240)))
    expect(smallest).toBeCloseTo(0.1, 2)
    expect(largest).toBeGreaterThan(0.9)
    const [tallest, widest] = range(boxes.map(({ height, width }) => width / height))
    // Whole pixels: sides of at least 60 are rounded by half of one.
    expect(Math.abs(tallest - 3 / 4)).toBeLessThan(0.02)
    expect(Math.abs(widest - 4 / 3)).toBeLessThan(0.02)
    const small = boxes.filter(({ height, width }) => height * width < 0.4 * 200 * 240)
    const logs = small.map(({ height, width }) => Math.log(width / height))
    expect(Math.abs(mean(logs))).toBeLessThan(0.03)
    const [above, below] = [small.map(({ top }) => top), small.map(({ top, height }) => 200 - height - top)]
    expect(Math.abs(mean(above) - mean(below))).toBeLessThan(8)
    expect(Math.min(...above) + Math.min(...below)).toBe(0)
    // An image of an epoch has one part, and another in the next.
    expect(cropBox(extent, 0.1, 7, 3, key)).toEqual(boxes[7])
    expect(cropBox(extent, 0.1, 7, 4, key)).not.toEqual(boxes[7])
  })

  it('are the largest in the middle where no part of such an area and aspect fits in', () => {
    expect(cropBox({ height: 30, width: 100 }, 1, 0, 0, key)).toEqual({ top: 0, left: 30, height: 30, width: 40 })
    expect(cropBox({ height: 100, width: 30 }, 1, 0, 0, key)).toEqual({ top: 30, left: 0, height: 40, width: 30 })
    expect(cropBox({ height: 1, width: 1 }, 0.01, 0, 0, key)).toEqual({ top: 0, left: 0, height: 1, width: 1 })
  })

  it('are resized to the whole image, and nothing beside them shows', () => {
    const [planes, extent, box] = [3, { height: 9, width: 11 }, { top: 2, left: 3, height: 5, width: 4 }]
    const image = Uint8Array.from({ length: planes * 99 }, (_, i) => (i * i * 37 + i * 11) % 256)
    const found = resizedCrop(image, extent, box)
    for (let plane = 0; plane < planes; ++plane) {
      const part = Uint8Array.from({ length: 20 }, (_, i) => {
        const [y, x] = [box.top + Math.floor(i / 4), box.left + (i % 4)]
        return image[plane * 99 + y * 11 + x] as number
      })
      expect(found.subarray(plane * 99, (plane + 1) * 99)).toEqual(resizeBilinear(part, box, extent))
    }
  })
})
