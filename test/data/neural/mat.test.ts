import { describe, expect, it } from 'vitest'
import { readMat } from '../../../lib/data/neural/mat.js'
import { at, put, refusal } from '../scratch.js'
import { type MatSource, matBytes } from './mat_bytes.js'

const arrays: MatSource[] = [
  { name: 'note', shape: [1, 2], data: [104, 105], storage: 'uint16', kind: 4 },
  { name: 'a', shape: [2, 3], data: [1, 2, 3, 4, 5, 6.5] },
  { name: 'small', shape: [1, 2], data: [300, 7], storage: 'uint16' },
  { name: 'b', shape: [1, 3], data: [-1, 0, 100_000], storage: 'int32', kind: 12 },
  { name: 'z', shape: [1, 1], data: [1], isComplex: true },
]

describe('readMat', () => {
  it.each([
    { isLittle: true, isCompressed: false },
    { isLittle: true, isCompressed: true },
    { isLittle: false, isCompressed: false },
    { isLittle: false, isCompressed: true },
  ])('reads numbers of every storage, $isLittle $isCompressed', async (written) => {
    await put('x.mat', matBytes(arrays, written))
    const { a, b, small } = await readMat('test', at('x.mat'), ['a', 'b', 'small'])
    expect(a).toEqual({ shape: [2, 3], data: Float64Array.of(1, 2, 3, 4, 5, 6.5) })
    expect(b).toEqual({ shape: [1, 3], data: Float64Array.of(-1, 0, 100_000) })
    expect(small).toEqual({ shape: [1, 2], data: Float64Array.of(300, 7) })
  })

  it('refuses what is none, and arrays that are not there or hold no real numbers', async () => {
    const read = (name: string) => refusal(readMat('test', at('x.mat'), [name]), 'x.mat')
    await put('x.mat', matBytes(arrays))
    expect(await read('c')).toBe("without an array of real numbers called 'c'")
    expect(await read('note')).toBe("without an array of real numbers called 'note'")
    expect(await read('z')).toBe("without an array of real numbers called 'z'")
    await put('x.mat', 'MATLAB 7.3 MAT-file, Platform: GLNXA64'.padEnd(600))
    expect(await read('a')).toBe('a MAT file of version 7.3, which is HDF5')
    await put('x.mat', 'nothing of the kind')
    expect(await read('a')).toBe('no MAT file but a text')
    for (const isCompressed of [false, true]) {
      const whole = matBytes(arrays.slice(1, 2), { isCompressed })
      await put('x.mat', whole.subarray(0, whole.length - 12))
      expect(await read('a')).toMatch(/^damaged \(cut off in an element of \d+ bytes\)$/)
    }
    const damaged = matBytes(arrays.slice(1, 2), { isCompressed: true })
    damaged.fill(0xff, 140, 150)
    await put('x.mat', damaged)
    expect(await read('a')).toMatch(/^damaged \(/)
    await put('x.mat', matBytes([{ name: 'a', shape: [2, 2], data: [1, 2, 3] }]))
    expect(await read('a')).toBe("damaged ('a' of 3 numbers for [2,2])")
  })
})
