import { describe, expect, it } from 'vitest'
import { readVolume } from '../../../lib/data/neural/nifti.js'
import { at, put, refusal } from '../scratch.js'
import { niftiBytes, type Written } from './nifti_bytes.js'

const shape = [2, 3, 4]
const data = Array.from({ length: 24 }, (_, i) => i - 1)

describe('readVolume', () => {
  it.each([
    { type: 'int16' },
    { type: 'int32', isLittle: false },
    { type: 'float32', isPacked: false },
    { type: 'float64', isLittle: false, isPacked: false },
  ] satisfies Written[])('reads voxels, x fastest: %o', async (written) => {
    await put('v.nii.gz', niftiBytes(shape, data, written))
    const volume = await readVolume('test', at('v.nii.gz'))
    expect(volume).toEqual({ path: at('v.nii.gz'), shape, data: Float64Array.from(data), orientation: 'RAS' })
  })

  it('applies slope and intercept, and takes a volume of a fourth axis of one', async () => {
    await put('v.nii', niftiBytes([2, 1, 1, 1], [1, 2], { type: 'uint8', slope: 0.5, intercept: 3, isPacked: false }))
    expect((await readVolume('test', at('v.nii'))).data).toEqual(Float64Array.of(3.5, 4))
  })

  it('says where the axes point', async () => {
    const orientation = async (steps: Written['steps']) => {
      await put('v.nii.gz', niftiBytes(shape, data, { steps: steps ?? null }))
      return (await readVolume('test', at('v.nii.gz'))).orientation
    }
    expect(await orientation([-1, 1, 1])).toBe('LAS')
    expect(await orientation([1, -2, -1])).toBe('RPI')
    expect(await orientation(null)).toBe(null)
  })

  it('refuses what is no volume of real numbers', async () => {
    const read = () => refusal(readVolume('test', at('v.nii.gz')), 'v.nii.gz')
    expect(await read()).toBe('missing')
    await put('v.nii.gz', 'nothing of the kind'.repeat(50))
    expect(await read()).toBe('no NIfTI file but a text')
    await put('v.nii.gz', niftiBytes([2, 3, 4, 2], [...data, ...data]))
    expect(await read()).toBe('of shape [2,3,4,2]')
    await put('v.nii.gz', niftiBytes(shape, data, { type: 'complex' }))
    expect(await read()).toBe('of type 32')
    await put('v.nii.gz', niftiBytes(shape, data.slice(0, 20), { isPacked: false }))
    expect(await read()).toBe('cut off (392 bytes for [2,3,4])')
    const packed = niftiBytes(shape, data)
    await put('v.nii.gz', packed.subarray(0, packed.length - 20))
    expect(await read()).toMatch(/^not to be unpacked \(/)
  })
})
