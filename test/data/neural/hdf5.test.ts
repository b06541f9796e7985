import { readFile } from 'node:fs/promises'
import { describe, expect, it, vi } from 'vitest'
import { Hdf5File } from '../../../lib/data/neural/hdf5.js'
import { DataError } from '../../../lib/errors.js'
import { at, put, refusal } from '../scratch.js'
import { netcdf, putHdf5 } from './hdf5_bytes.js'

const grid = Int16Array.from({ length: 6 * 4 * 5 }, (_, i) => i)

const putSome = () =>
  putHdf5(at('x.h5'), (file) => {
    file.create_dataset({ name: 'grid', data: grid, shape: [6, 4, 5], chunks: [6, 1, 1] })
    file.create_dataset({ name: 'words', data: ['a', 'zwölf', ''], shape: [3] })
    file.create_dataset({ name: 'wide', data: BigInt64Array.of(1n, -5n), shape: [2] })
    file.create_dataset({ name: 'packed', data: Float64Array.from(grid), shape: [120], chunks: [50], compression: 'gzip' })
    file.create_dataset({ name: 'ascii', data: ['zwölf', 'elf'], dtype: 'A6' })
    file.create_group('inside').create_dataset({ name: 'byte', data: Uint8Array.of(7), shape: [1] })
  })

describe('Hdf5File', () => {
  it('reads slabs, texts and wide integers', async () => {
    await putSome()
    using file = await Hdf5File.open('test', at('x.h5'))
    expect(file.names()).toEqual(['ascii', 'grid', 'inside', 'packed', 'wide', 'words'])
    const stored = file.dataset('grid', 3)
    expect(stored.shape).toEqual([6, 4, 5])
    expect(stored.numbers([null, [1, 2], [2, 4]])).toEqual(Int16Array.from([7, 8, 27, 28, 47, 48, 67, 68, 87, 88, 107, 108]))
    expect(stored.isText).toBe(false)
    expect(file.dataset('words').texts()).toEqual(['a', 'zwölf', ''])
    expect(file.dataset('words').isText).toBe(true)
    expect(file.dataset('ascii').texts()).toEqual(['zwölf', 'elf'])
    expect(file.dataset('wide').numbers()).toEqual(Float64Array.of(1, -5))
    expect(file.dataset('packed').numbers([[49, 52]])).toEqual(Float64Array.of(49, 50, 51))
    expect(file.dataset('inside/byte').numbers()).toEqual(Uint8Array.of(7))
    expect(file.find('nothing')).toBe(null)
    expect(() => stored.numbers([[0, 7], null, null])).toThrow(RangeError)
  })

  it('unpacks by the conventions of netCDF, missing values as they are stored', async () => {
    const put = (data: Float32Array | Int16Array | BigInt64Array, attributes: Record<string, Float32Array | number | string>) =>
      putHdf5(at('cf.nc'), netcdf({ row: data.length }, { x: { over: ['row'], data, attributes } }))
    const read = async () => {
      using file = await Hdf5File.open('test', at('cf.nc'))
      return { stored: file.dataset('x').numbers(), unpacked: file.dataset('x').unpacked() }
    }
    const packed = Int16Array.of(4, -9999, 0, -1)
    await put(packed, { _FillValue: -9999, scale_factor: 0.5, add_offset: 1 })
    expect(await read()).toEqual({ stored: packed, unpacked: Float64Array.of(3, Number.NaN, 1, 0.5) })
    // A value that only looks missing once it is unpacked is none.
    await put(Int16Array.of(-1, -2), { _FillValue: -1, scale_factor: 0.5 })
    expect((await read()).unpacked).toEqual(Float64Array.of(Number.NaN, -1))
    await put(Float32Array.of(0.1, 1e20, 2), { missing_value: Float32Array.of(1e20, 2), _FillValue: 0.1 })
    expect((await read()).unpacked).toEqual(new Float64Array(3).fill(Number.NaN))
    await put(BigInt64Array.of(5n, -1n), { _FillValue: -1 })
    expect((await read()).unpacked).toEqual(Float64Array.of(5, Number.NaN))
    await put(packed, { units: 'spikes' })
    expect((await read()).unpacked).toEqual(packed)
    await put(Float32Array.of(1), { scale_factor: 'ten' })
    await expect(read()).rejects.toThrow("cf.nc is one whose 'x' has the scale_factor 'ten'; expected a number there")
  })

  it('opens a file twice at a time', async () => {
    await putSome()
    using first = await Hdf5File.open('test', at('x.h5'))
    const second = await Hdf5File.open('test', at('x.h5'))
    second.close()
    expect(first.dataset('wide').numbers()).toEqual(Float64Array.of(1, -5))
  })

  it('refuses in one sentence what is none, cut off, damaged, or without a dataset, and prints nothing', async () => {
    const print = vi.spyOn(console, 'error')
    const open = (name: string) => refusal(Hdf5File.open('test', at(name)), name)
    await putSome()
    expect(await open('nowhere.h5')).toBe('missing')
    await put('text.h5', 'nothing of the kind'.repeat(100))
    expect(await open('text.h5')).toBe('no HDF5 file but a text')
    const whole = await readFile(at('x.h5'))
    await put('cut.h5', whole.subarray(0, whole.length - 100))
    expect(await open('cut.h5')).toBe('not to be opened (truncated file)')
    using file = await Hdf5File.open('test', at('x.h5'))
    expect(() => file.dataset('nothing')).toThrow("x.h5 is without dataset 'nothing'; expected dataset 'nothing'")
    expect(() => file.dataset('inside')).toThrow(DataError)
    expect(() => file.dataset('grid', 4)).toThrow("one whose 'grid' is of shape [6,4,5]; expected dataset 'grid' of 4 axes")
    expect(() => file.dataset('words').numbers()).toThrow("one whose 'words' holds no numbers")
    expect(() => file.dataset('grid').texts()).toThrow("one whose 'grid' holds no text")

    const from = whole.indexOf(Buffer.from([0x78]), 3000)
    await put('damaged.h5', Buffer.concat([whole.subarray(0, from), Buffer.alloc(whole.length - from, 0xff)]))
    const damaged = await Hdf5File.open('test', at('damaged.h5'))
    expect(() => damaged.dataset('packed').numbers()).toThrow(DataError)
    damaged.close()
    expect(print).not.toHaveBeenCalled()
  })
})
