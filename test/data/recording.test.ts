// Folders of images with responses, and arrays of dissimilarities and of people's choices.
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { encodeNpy, type NpyData, OptionError, openRecording, readChoices, readRdms } from '../../lib/index.js'
import { at, pixelsOf, put, refusal } from './scratch.js'

const array = (path: string, data: NpyData, shape: number[]) => put(path, encodeNpy({ data, shape }))
const grey = (value: number) =>
  sharp({ create: { width: 4, height: 3, channels: 3, background: { r: value, g: value, b: value } } })
    .png()
    .toBuffer()

async function putImages(...values: number[]): Promise<void> {
  for (const value of values) await put(`v4/images/image${value}.png`, await grey(value))
}

describe('openRecording', () => {
  it('opens images in the order of their names with responses, repeats and groups', async () => {
    await putImages(30, 10, 20)
    await array('v4/responses_mean.npy', Float32Array.of(1, 2, 3, Number.NaN, 5, 6), [3, 2])
    await array('v4/responses_trials.npy', Int32Array.of(1, 1, 2, 2, 3, 3, -1, -1, 4, 6, 6, -1), [3, 2, 2])
    await array('v4/groups.npy', Int32Array.of(7, 7, 9), [3])
    const { images, responses } = await openRecording(at('v4'))
    expect([...pixelsOf(images)].filter((_, i) => i % 36 === 0)).toEqual([10, 20, 30])
    expect([...responses.mean]).toEqual([1, 2, 3, Number.NaN, 5, 6])
    expect([...(responses.trials?.data ?? [])]).toEqual([1, 1, 2, 2, 3, 3, Number.NaN, Number.NaN, 4, 6, 6, Number.NaN])
    expect([...(responses.groups ?? [])]).toEqual([7, 7, 9])
    expect([responses.name, images.name, images.shape]).toEqual(['v4', 'v4', [3, 3, 3, 4]])
  })

  it('takes the order of a list, means of repeats, and the size that is asked for', async () => {
    await putImages(30, 10, 20)
    await put('v4/images.txt', 'image20.png\nimage30.png\n')
    await array('v4/responses_trials.npy', Float64Array.of(1, 3, 5, Number.NaN), [2, 1, 2])
    const { images, responses } = await openRecording(at('v4'), { size: 2, grey: true })
    expect([...pixelsOf(images)]).toEqual([20, 20, 20, 20, 30, 30, 30, 30])
    expect([...responses.mean]).toEqual([2, 5])
    expect(images.shaping).toBe('bilinear, to 2 x 2 by fill')
  })

  it('reads pictures of one bit a pixel, and of bytes, from arrays', async () => {
    await array('v1/images-bits.npy', Uint8Array.of(0b10000001, 0b11110000), [1, 2, 1])
    await array('v1/responses_mean.npy', Float32Array.of(4), [1, 1])
    const bits = (await openRecording(at('v1'), { grey: true })).images
    const row = [255, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 0, 0, 0, 0]
    expect([...(await bits.rows([0, 0]))]).toEqual([...row, ...row])
    expect([...(await (await openRecording(at('v1'), { grey: true, crop: 2 })).images.rows([0]))]).toEqual([0, 0, 255, 0])
    const halved = (await openRecording(at('v1'), { grey: true, crop: 2, size: 1 })).images
    expect([...(await halved.rows([0]))]).toEqual([64])
    expect(halved.sha256).not.toBe(bits.sha256)

    await array('rgb/images.npy', Uint8Array.of(1, 2, 3, 4, 5, 6), [1, 1, 2, 3])
    await array('rgb/responses_mean.npy', Float32Array.of(4), [1])
    const colours = await openRecording(at('rgb'))
    expect([...(await colours.images.rows([0]))]).toEqual([1, 4, 2, 5, 3, 6])
    expect(colours.responses.targets).toBe(1)
  })

  it('refuses in one sentence what does not fit together', async () => {
    expect(await refusal(openRecording(at('nowhere')), 'nowhere')).toBe('missing')
    await putImages(10, 20)
    expect(await refusal(openRecording(at('v4')), 'v4')).toBe('without responses')
    await array('v4/responses_mean.npy', Float32Array.of(1, 2, 3), [3, 1])
    expect(await refusal(openRecording(at('v4')), 'v4/images')).toBe('of 2 images')
    await array('v4/responses_mean.npy', Float32Array.of(1, Number.POSITIVE_INFINITY), [2, 1])
    expect(await refusal(openRecording(at('v4')), 'v4/responses_mean.npy')).toBe('an array with Infinity')
    await array('v4/responses_mean.npy', Float32Array.of(1, 2), [1, 1, 2])
    expect(await refusal(openRecording(at('v4')), 'v4/responses_mean.npy')).toBe('of shape [1,1,2]')
    await array('v4/responses_mean.npy', Float32Array.of(1, 2), [2, 1])
    await array('v4/responses_trials.npy', Int32Array.of(1, 2, 3), [3, 1, 1])
    expect(await refusal(openRecording(at('v4')), 'v4/responses_trials.npy')).toBe('of 3 images and 1 targets')
    await array('v4/responses_trials.npy', Int32Array.of(1, 2), [2, 1, 1])
    await array('v4/groups.npy', Int32Array.of(1), [1])
    expect(await refusal(openRecording(at('v4')), 'v4/groups.npy')).toBe('of shape [1]')
    await array('v4/groups.npy', Int32Array.of(1, 2), [2])
    await put('v4/images.txt', 'image10.png\nimage11.png\n')
    expect(await refusal(openRecording(at('v4')), 'v4/images.txt')).toBe("a list with 'image11.png'")
    await put('v4/images.txt', 'image10.png\nimage10.png\n')
    expect(await refusal(openRecording(at('v4')), 'v4/images.txt')).toBe("a list with 'image10.png' twice")
    await expect(openRecording(at('v4'), { crop: 2 })).rejects.toThrow(OptionError)
    await array('bits/images-bits.npy', new Uint8Array(4), [4, 1])
    await array('bits/responses_mean.npy', Float32Array.of(1, 2, 3, 4), [4, 1])
    expect(await refusal(openRecording(at('bits')), 'bits/images-bits.npy')).toBe('of shape [4,1]')
  })
})

describe('readRdms', () => {
  it('reads pairs and squares, of one subject, of several, and means of several of each', async () => {
    await array('one.npy', Float64Array.of(1, 2, 3), [3])
    await array('square.npy', Float32Array.of(0, 1, 2, 1, 0, 3, 2, 3, 0), [3, 3])
    await array('two.npy', Float64Array.of(1, 2, 3, 5, 6, 7), [2, 3])
    await array('repeats.npy', Float64Array.of(1, 2, 3, 3, 4, 5), [1, 2, 3])
    const subjects = async (file: string) => (await readRdms(at(file), 3)).subjects.map((rdm) => [...rdm])
    expect(await subjects('one.npy')).toEqual([[1, 2, 3]])
    expect(await subjects('square.npy')).toEqual([[1, 2, 3]])
    expect(await subjects('two.npy')).toEqual([
      [1, 2, 3],
      [5, 6, 7],
    ])
    expect(await subjects('repeats.npy')).toEqual([[2, 3, 4]])
    expect(await refusal(readRdms(at('one.npy'), 4), 'one.npy')).toBe('of shape [3]')
    await array('skew.npy', Float32Array.of(0, 1, 2, 9, 0, 3, 2, 3, 0), [3, 3])
    expect(await refusal(readRdms(at('skew.npy'), 3), 'skew.npy')).toBe('a square that is not symmetric')
  })
})

describe('readChoices', () => {
  it('reads counts and refuses what are none', async () => {
    await array('counts.npy', Int32Array.of(3, 0, 1, 2), [2, 2])
    expect(await readChoices(at('counts.npy'))).toMatchObject({ name: 'counts.npy', images: 2, classes: 2 })
    await array('shares.npy', Float64Array.of(0.5, 0.5), [1, 2])
    expect(await refusal(readChoices(at('shares.npy')), 'shares.npy')).toBe('an array with 0.5')
    await array('crowd.npy', Float64Array.of(1, 1e12), [1, 2])
    expect(await refusal(readChoices(at('crowd.npy')), 'crowd.npy')).toBe('an array with 1000000000000')
    await array('empty.npy', Int32Array.of(1, 1, 0, 0), [2, 2])
    expect(await refusal(readChoices(at('empty.npy')), 'empty.npy')).toBe('without a choice for image 1')
  })
})
