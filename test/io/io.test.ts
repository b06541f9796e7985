import { spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { DataError, OptionError, ShapeError } from '../../lib/errors.js'
import { makeFolder } from '../../lib/io/atomic.js'
import { describeFileError, describeReadError } from '../../lib/io/file_errors.js'
import {
  bf16FromFloat32,
  decodeNpy,
  encodeNpy,
  float32FromBf16,
  readNpy,
  readSafetensors,
  type Safetensor,
  writeAtomic,
  writeNpy,
  writeSafetensors,
} from '../../lib/io/index.js'
import { readStored } from '../../lib/io/stored.js'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'striate-io-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function refusal(promise: Promise<unknown>): Promise<DataError> {
  const error = await promise.then(
    () => expect.unreachable('nothing was refused'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(DataError)
  expect((error as DataError).message).not.toContain('\n')
  return error as DataError
}

describe('writeAtomic', () => {
  it('writes bytes, text and pieces, and leaves nothing else behind', async () => {
    const path = join(folder, 'atomic.bin')
    await writeAtomic(path, Uint8Array.of(1, 2, 3))
    expect([...(await readFile(path))]).toEqual([1, 2, 3])
    await writeAtomic(path, 'text')
    expect(await readFile(path, 'utf8')).toBe('text')
    await writeAtomic(path, async (sink) => {
      await sink.write(Uint8Array.of(9))
      await sink.write(Uint8Array.of(8, 7))
    })
    expect([...(await readFile(path))]).toEqual([9, 8, 7])
    expect((await readdir(folder)).filter((name) => name.includes('.tmp'))).toEqual([])
  })

  it('keeps the old file and removes the temporary one when the writer fails', async () => {
    const path = join(folder, 'kept.bin')
    await writeAtomic(path, 'old')
    const failure = new Error('the model went away')
    const broken = writeAtomic(path, async (sink) => {
      await sink.write(Uint8Array.of(1))
      throw failure
    })
    await expect(broken).rejects.toBe(failure)
    expect(await readFile(path, 'utf8')).toBe('old')
    expect((await readdir(folder)).filter((name) => name.includes('.tmp'))).toEqual([])
  })

  it('names the path when the disk is full, and cleans up', async () => {
    const path = join(folder, 'full.bin')
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' })
    const error = await refusal(writeAtomic(path, () => Promise.reject(full)))
    expect(error.message).toBe(`write: ${path} is on a full disk; expected free space for the file`)
    expect((await readdir(folder)).filter((name) => name.includes('full'))).toEqual([])
  })

  it('gives the reason of the file system, of a full disk as of a server that is gone', async () => {
    const failing = (code: string) => Object.assign(new Error(`${code}: it failed`), { code, syscall: 'write' })
    const path = join(folder, 'failing.bin')
    for (const [code, actual] of [
      ['ENOSPC', 'on a full disk'],
      ['EDQUOT', "past this user's disk quota"],
      ['EROFS', 'on a read-only file system'],
      ['EACCES', 'in a place that this user may not write'],
      ['ESTALE', 'gone from the server of its file system (stale)'],
      ['ETIMEDOUT', 'on a server that does not answer'],
      ['EMFILE', 'one more file than this process may have open'],
      ['EIO', 'on a disk that fails to write'],
      ['ENXIO', 'not writable (ENXIO)'],
    ] as const)
      expect((await refusal(writeAtomic(path, () => Promise.reject(failing(code))))).actual).toBe(actual)
    for (const [code, actual] of [
      ['EACCES', 'not readable by this user'],
      ['ESTALE', 'gone from the server of its file system (stale)'],
      ['EIO', 'on a disk that fails to read'],
      ['ENXIO', 'not readable (ENXIO)'],
    ] as const)
      expect(describeReadError('readNpy', path, failing(code)).message).toBe(
        `readNpy: ${path} is ${actual}; expected a readable file`,
      )
    // Whatever nobody described says so too, in one sentence.
    const raw = (code: string, syscall: string) => Object.assign(failing(code), { syscall, path })
    expect(describeFileError(raw('EROFS', 'open'))?.message).toBe(
      `write: ${path} is on a read-only file system; expected a writable folder`,
    )
    expect(describeFileError(raw('EACCES', 'scandir'))?.actual).toBe('not readable by this user')
    expect(describeFileError(new Error('a mistake'))).toBeNull()
  })

  it('refuses missing, unwritable and wrong places', async () => {
    expect((await refusal(writeAtomic(join(folder, 'none', 'a'), 'x'))).actual).toBe('in a folder that does not exist')
    await writeFile(join(folder, 'plain'), '')
    expect((await refusal(writeAtomic(join(folder, 'plain', 'a'), 'x'))).actual).toBe('inside something that is not a folder')
    expect((await refusal(writeAtomic(folder, 'x'))).actual).toBe('a folder')
  })

  it.skipIf(process.getuid?.() === 0)(
    'refuses a folder without write permission (not as root, who may write anywhere)',
    async () => {
      const locked = join(folder, 'locked')
      await mkdir(locked)
      await chmod(locked, 0o555)
      expect((await refusal(writeAtomic(join(locked, 'a'), 'x'))).actual).toBe('in a place that this user may not write')
    },
  )

  it.skipIf(process.platform === 'win32')('follows a link and keeps permissions', async () => {
    const target = join(folder, 'target')
    await writeFile(target, 'a', { mode: 0o600 })
    await symlink(target, join(folder, 'link'))
    await writeAtomic(join(folder, 'link'), 'b')
    expect(await readFile(target, 'utf8')).toBe('b')
    expect((await stat(target)).mode & 0o777).toBe(0o600)
  })
})

describe('npy', () => {
  it('gives back what was written, for every element type and any shape', async () => {
    const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 5 })
    const kinds = fc.constantFrom(
      [Float32Array, 'float32'] as const,
      [Float64Array, 'float64'] as const,
      [Int32Array, 'int32'] as const,
      [Uint8Array, 'uint8'] as const,
    )
    fc.assert(
      fc.property(shapes, kinds, fc.integer(), (shape, [Kind, dtype], start) => {
        const data = new Kind(shape.reduce((a, b) => a * b, 1)).map((_, i) => start + i / 2)
        const bytes = encodeNpy({ data, shape })
        expect((bytes.length - data.byteLength) % 64).toBe(0)
        expect(decodeNpy(bytes)).toEqual({ data, shape, dtype })
      }),
    )
  })

  it('writes the bytes that NumPy writes', () => {
    const expected = Buffer.concat([
      Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1'),
      Buffer.from(`${"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }".padEnd(117)}\n`),
      Buffer.from(Float32Array.of(1, -2).buffer),
    ])
    expect(Buffer.from(encodeNpy({ data: Float32Array.of(1, -2), shape: [2] }))).toEqual(expected)
  })

  it('honours the strides of an ndarray', () => {
    const data = Int32Array.of(0, 1, 2, 3, 4, 5)
    const transposed = decodeNpy(encodeNpy({ data, shape: [3, 2], stride: [1, 3], offset: 0 }))
    expect(transposed).toEqual({ data: Int32Array.of(0, 3, 1, 4, 2, 5), shape: [3, 2], dtype: 'int32' })
    const reversed = decodeNpy(encodeNpy({ data, shape: [2], stride: [-2], offset: 5 }))
    expect([...reversed.data]).toEqual([5, 3])
    expect(() => encodeNpy({ data, shape: [4, 2], stride: [1, 3], offset: 0 })).toThrow(ShapeError)
    expect(() => encodeNpy({ data, shape: [5] })).toThrow('encodeNpy: data is 6 elements; expected 5 for [5]')
  })

  const npy = (header: string, data: number | Uint8Array, version = 1) => {
    const length = Buffer.alloc(version === 1 ? 2 : 4)
    const bytes = Buffer.from(header)
    if (version === 1) length.writeUInt16LE(bytes.length)
    else length.writeUInt32LE(bytes.length)
    return Buffer.concat([
      Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\0`, 'latin1'),
      length,
      bytes,
      typeof data === 'number' ? Buffer.alloc(data) : data,
    ])
  }
  const array = (descr: string, shape: string, data: Uint8Array, fortran = false) =>
    decodeNpy(npy(`{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }`, data))
  const bytesOf = ({ buffer }: { buffer: ArrayBufferLike }) => Buffer.from(new Uint8Array(buffer))

  it('reads every type of numbers, and truth values, in either order of bytes', () => {
    const types: [code: string, name: string, raw: NodeJS.TypedArray, read: NodeJS.TypedArray][] = [
      ['b1', 'bool', Uint8Array.of(0, 1), Uint8Array.of(0, 1)],
      ['i1', 'int8', Int8Array.of(-128, 127), Int32Array.of(-128, 127)],
      ['u1', 'uint8', Uint8Array.of(0, 255), Uint8Array.of(0, 255)],
      ['i2', 'int16', Int16Array.of(-32768, 258), Int32Array.of(-32768, 258)],
      ['u2', 'uint16', Uint16Array.of(65535, 258), Int32Array.of(65535, 258)],
      ['i4', 'int32', Int32Array.of(-(2 ** 31), 66051), Int32Array.of(-(2 ** 31), 66051)],
      ['u4', 'uint32', Uint32Array.of(2 ** 32 - 1, 66051), Float64Array.of(2 ** 32 - 1, 66051)],
      ['i8', 'int64', BigInt64Array.of(-(2n ** 53n), 2n ** 62n), Float64Array.of(-(2 ** 53), 2 ** 62)],
      ['u8', 'uint64', BigUint64Array.of(2n ** 63n, 7n), Float64Array.of(2 ** 63, 7)],
      ['f2', 'float16', Uint16Array.of(0x3555, 0xfbff), Float32Array.of(1365 / 4096, -65504)],
      ['f4', 'float32', Float32Array.of(0.1, -Infinity), Float32Array.of(0.1, -Infinity)],
      ['f8', 'float64', Float64Array.of(0.1, -0), Float64Array.of(0.1, -0)],
    ]
    for (const [code, dtype, raw, data] of types) {
      const little = bytesOf(raw)
      const big = Buffer.from(little)
      for (let at = 0; at < big.length; at += raw.BYTES_PER_ELEMENT) big.subarray(at, at + raw.BYTES_PER_ELEMENT).reverse()
      const expected = { data, shape: [2], dtype }
      expect(array(`<${code}`, '(2,)', little)).toEqual(expected)
      expect(array(`>${code}`, '(2,)', big)).toEqual(expected)
      if (raw.BYTES_PER_ELEMENT === 1) expect(array(`|${code}`, '(2,)', little)).toEqual(expected)
    }
  })

  it('reads float16 at the ends of its range', () => {
    const bits = Uint16Array.of(0x0000, 0x8000, 0x0001, 0x83ff, 0x0400, 0x3c00, 0x7c00, 0xfc00, 0x7e00)
    const values = [0, -0, 2 ** -24, -1023 * 2 ** -24, 2 ** -14, 1, Infinity, -Infinity, NaN]
    expect([...array('<f2', '(9,)', bytesOf(bits)).data]).toEqual(values)
  })

  it('refuses integers that no float64 holds', () => {
    for (const value of [2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n])
      expect(() => array('<i8', '(2,)', bytesOf(BigInt64Array.of(1n, value)))).toThrow(
        'readNpy: bytes is of int64 with a value that is no float64; expected integers that a float64 holds exactly',
      )
    expect(() => array('>u8', '(1,)', Buffer.from('8000000000000001', 'hex'))).toThrow(/of uint64 with a value/)
  })

  it('gives Fortran order as C order, of arrays without elements and without axes too', () => {
    // numpy.asfortranarray([[[0, 1], [2, 3], [4, 5]], [[6, 7], [8, 9], [10, 11]]], dtype='i2')
    const columns = bytesOf(Int16Array.of(0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11))
    expect(array('<i2', '(2, 3, 2)', columns, true)).toEqual({
      data: Int32Array.from({ length: 12 }, (_, i) => i),
      shape: [2, 3, 2],
      dtype: 'int16',
    })
    expect(array('<f8', '(0, 3)', Buffer.alloc(0), true)).toEqual({ data: new Float64Array(0), shape: [0, 3], dtype: 'float64' })
    expect(array('<f8', '()', bytesOf(Float64Array.of(2.5)), true)).toEqual({
      data: Float64Array.of(2.5),
      shape: [],
      dtype: 'float64',
    })
  })

  it('refuses what is no number by its name', () => {
    const types: [descr: string, actual: string][] = [
      ["'|O'", 'of Python objects (|O)'],
      ["'<U5'", 'of text (<U5)'],
      ["'|S3'", 'of byte strings (|S3)'],
      ["'|V2'", 'of raw bytes or records (|V2)'],
      ["'<c16'", 'of complex numbers (<c16)'],
      ["'<f16'", 'of long floats (<f16)'],
      ["'<M8[ns]'", 'of dates (<M8[ns])'],
      ["'<x4'", 'of an unknown type (<x4)'],
      ["[('a', '<f4'), ('b', '<i8', (2,))]", 'of records (a structured type)'],
    ]
    for (const [descr, actual] of types) {
      const refused = () => decodeNpy(npy(`{'descr': ${descr}, 'fortran_order': False, 'shape': (1,), }`, 4))
      expect(refused).toThrow(`readNpy: bytes is ${actual}; expected numbers or truth values`)
    }
    // A name outside Latin-1 makes NumPy write version 3.
    expect(() => decodeNpy(npy("{'descr': [('\u03b1', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4, 3))).toThrow(
      /of records/,
    )
  })

  it('reads version 2, other spacing and order, and unaligned data', () => {
    const read = decodeNpy(npy(`{"shape":(1,2,) ,'fortran_order':False,"descr":'<f8'}`, 16, 2))
    expect(read).toEqual({ data: new Float64Array(2), shape: [1, 2], dtype: 'float64' })
    expect(decodeNpy(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }", 1, 3)).shape).toEqual([1])
    expect(decodeNpy(npy("{'descr': '|u1', 'fortran_order': False, 'shape': ()}", 1)).shape).toEqual([])
    expect(decodeNpy(npy("{'descr': '|u1', 'fortran_order': True, 'shape': (3, 1)}", 3)).shape).toEqual([3, 1])
  })

  it.each([
    ["{'descr': '<f4', 'fortran_order': False, 'shape': '<f4'}", 4, 'one with an unreadable header'],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", 4, 'one with an unreadable header'],
    ["{'descr': '<f4', 'fortran_order': False}", 4, 'one with an unreadable header'],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", 4, 'one with an unreadable header'],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 7, 'truncated (7 bytes of data)'],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 9, 'too long (9 bytes of data)'],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999)}", 8, 'truncated (8 bytes of data)'],
  ])('refuses %s with %i bytes', async (header, bytes, actual) => {
    const path = join(folder, 'bad.npy')
    await writeFile(path, npy(header, bytes))
    const error = await refusal(readNpy(path))
    expect(error.argument).toBe(path)
    expect(error.actual).toBe(actual)
  })

  it('refuses other files, other versions and cut headers, and any damage without another kind of error', async () => {
    const sound = encodeNpy({ data: Float32Array.of(1, 2, 3), shape: [3] })
    expect(() => decodeNpy(Buffer.from('PK\x03\x04 not npy'))).toThrow('not a .npy file')
    expect(() => decodeNpy(npy('', 0, 4))).toThrow('of version 4.0')
    for (let length = 0; length < sound.length; ++length) expect(() => decodeNpy(sound.subarray(0, length))).toThrow(DataError)
    fc.assert(
      fc.property(fc.nat(sound.length - 1), fc.nat(255), (at, value) => {
        const damaged = sound.slice()
        damaged[at] = value
        try {
          decodeNpy(damaged)
        } catch (error) {
          expect(error).toBeInstanceOf(DataError)
        }
      }),
    )
    expect((await refusal(readNpy(join(folder, 'absent.npy')))).actual).toBe('missing')
  })

  it('round-trips through a file', async () => {
    const path = join(folder, 'a.npy')
    await writeNpy(path, { data: Float64Array.of(Math.PI, -0, NaN), shape: [3] })
    expect(await readNpy(path)).toEqual({ data: Float64Array.of(Math.PI, -0, NaN), shape: [3], dtype: 'float64' })
  })
})

describe('safetensors', () => {
  const path = () => join(folder, 'a.safetensors')
  const file = async (header: unknown, dataBytes: number, headerBytes?: bigint) => {
    const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
    const prefix = Buffer.alloc(8)
    prefix.writeBigUInt64LE(headerBytes ?? BigInt(json.length))
    await writeFile(path(), Buffer.concat([prefix, json, Buffer.alloc(dataBytes)]))
    return refusal(readSafetensors(path()))
  }

  it('reads what PyTorch writes: counters of 64 bits, half precision, flags, no metadata', async () => {
    const header = JSON.stringify({
      __metadata__: null,
      num_batches_tracked: { dtype: 'I64', shape: [], data_offsets: [0, 8] },
      half: { dtype: 'F16', shape: [2], data_offsets: [8, 12] },
      flags: { dtype: 'BOOL', shape: [2], data_offsets: [12, 14] },
    })
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(header.length))
    const counter = Buffer.alloc(8)
    counter.writeBigInt64LE(-7n)
    const path = join(await mkdtemp(join(tmpdir(), 'striate-io-')), 'a.safetensors')
    await writeFile(path, Buffer.concat([length, Buffer.from(header), counter, Buffer.from([0x00, 0x3c, 0x00, 0xc0, 1, 0])]))
    const { tensors, metadata } = await readSafetensors(path)
    expect(metadata).toEqual({})
    expect(tensors.get('num_batches_tracked')?.data).toEqual(BigInt64Array.of(-7n))
    expect(tensors.get('half')?.data).toEqual(Uint16Array.of(0x3c00, 0xc000))
    expect(tensors.get('flags')?.data).toEqual(Uint8Array.of(1, 0))
  })

  it('gives back tensors of every dtype and the metadata, with aligned data', async () => {
    const tensors: Record<string, Safetensor> = {
      bytes: { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 255) },
      filters: { dtype: 'F32', shape: [2, 1, 2], data: Float32Array.of(1, -2, NaN, 1e-45) },
      half: { dtype: 'BF16', shape: [1], data: Uint16Array.of(0x3fc0) },
      '7': { dtype: 'I32', shape: [], data: Int32Array.of(-5) },
      empty: { dtype: 'F32', shape: [0, 4], data: new Float32Array(0) },
      ['__proto__']: { dtype: 'U8', shape: [1], data: Uint8Array.of(4) },
    }
    await writeSafetensors(path(), tensors, { metadata: { rule: 'equation (1)', seed: '7' } })
    const bytes = await readFile(path())
    const headerBytes = Number(bytes.readBigUInt64LE())
    expect(headerBytes % 8).toBe(0)
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes))
    expect(header.filters.data_offsets[0] % 4).toBe(0)
    const read = await readSafetensors(path())
    expect(read.metadata).toEqual({ rule: 'equation (1)', seed: '7' })
    expect([...read.tensors.keys()].sort()).toEqual(Object.keys(tensors).sort())
    for (const [name, tensor] of Object.entries(tensors)) expect(read.tensors.get(name)).toEqual(tensor)
  })

  it('writes the bytes of the format', async () => {
    const tensors: Record<string, Safetensor> = {
      b: { dtype: 'U8', shape: [2], data: Uint8Array.of(7, 8) },
      a: { dtype: 'F32', shape: [1, 1], data: Float32Array.of(1.5) },
    }
    await writeSafetensors(path(), tensors, { metadata: { k: 'v' } })
    const json =
      '{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}'
    const padded = json.padEnd(Math.ceil(json.length / 8) * 8)
    const expected = [[padded.length, 0, 0, 0, 0, 0, 0, 0], Buffer.from(padded), [0, 0, 0xc0, 0x3f], [7, 8]]
    expect(await readFile(path())).toEqual(Buffer.concat(expected.map((part) => Buffer.from(part))))
  })

  const python = process.env.STRIATE_PYTHON || 'python3'
  const peer = spawnSync(python, ['-c', 'import numpy, safetensors']).status === 0
  const why = peer ? '' : ` (skipped: ${python} has no safetensors and numpy; STRIATE_PYTHON names another)`
  it.skipIf(!peer)(`is read by the Python library, and reads what that writes${why}`, async () => {
    const tensors: Record<string, Safetensor> = {
      bytes: { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 255) },
      filters: { dtype: 'F32', shape: [2, 1, 2], data: Float32Array.of(1, -2, 0.1, 1e-45) },
      half: { dtype: 'BF16', shape: [1], data: Uint16Array.of(0x3fc0) },
      one: { dtype: 'I32', shape: [], data: Int32Array.of(-5) },
      empty: { dtype: 'F32', shape: [0, 4], data: new Float32Array(0) },
      'readout.weight \u00e9': { dtype: 'F32', shape: [1], data: Float32Array.of(3) },
    }
    const metadata = { striate: '{"kind":"local"}', rule: 'equation (1) \u2013 "p"' }
    await writeSafetensors(path(), tensors, { metadata })
    const script = `
import json, sys, numpy, safetensors
from safetensors.numpy import save_file
with safetensors.safe_open(sys.argv[1], framework="numpy") as f:
    metadata = f.metadata()
    again = {name: f.get_tensor(name) for name in f.keys() if name != "half"}
tensors = {name: [t["dtype"], t["shape"], bytes(t["data"]).hex()] for name, t in safetensors.deserialize(open(sys.argv[1], "rb").read())}
save_file(again, sys.argv[2], metadata=metadata)
print(json.dumps({"metadata": metadata, "tensors": tensors}))`
    const back = join(folder, 'back.safetensors')
    const { stdout, stderr } = spawnSync(python, ['-c', script, path(), back], { encoding: 'utf8' })
    expect(stderr).toBe('')
    const read = JSON.parse(stdout)
    expect(read.metadata).toEqual(metadata)
    const hex = ({ data }: Safetensor) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')
    expect(read.tensors).toEqual(
      Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, [tensor.dtype, [...tensor.shape], hex(tensor)]])),
    )
    const { half, ...rest } = tensors
    const ours = await readSafetensors(back)
    expect(Object.fromEntries(ours.tensors)).toEqual(rest)
    expect(ours.metadata).toEqual(metadata)
  })

  it('know by a digest what is not as it was written; files without one are read', async () => {
    const path = join(folder, 'digest.safetensors')
    const tensors = {
      '10': { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) },
      '9': { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
      empty: { dtype: 'I32', shape: [0], data: new Int32Array() },
    } as const
    await writeSafetensors(path, tensors, { metadata: { k: 'v' }, digest: true })
    const sound = await readFile(path)
    const read = await readSafetensors(path)
    expect([read.metadata, read.verified]).toEqual([{ k: 'v' }, true])
    const begin = 8 + Number(sound.readBigUInt64LE())
    for (let at = begin; at < sound.length; at++) {
      const bytes = Buffer.from(sound)
      bytes[at] = (bytes[at] as number) ^ 4
      await writeFile(path, bytes)
      await expect(readSafetensors(path)).rejects.toThrow(
        /digest\.safetensors is damaged; expected the tensors and metadata whose SHA-256/,
      )
    }
    for (const [was, is] of [
      ['"k":"v"', '"k":"w"'],
      ['"empty"', '"Empty"'],
      ['[2]', '[1]'],
      ['"I32"', '"U32"'],
    ] as const) {
      await writeFile(path, Buffer.from(sound.toString('latin1').replace(was, is), 'latin1'))
      await expect(readSafetensors(path), is).rejects.toThrow(DataError)
    }
    await writeSafetensors(path, tensors)
    expect((await readSafetensors(path)).verified).toBe(false)
  })

  it.skipIf(process.platform === 'win32')('refuse a pipe or a folder of their name at once', async () => {
    const pipe = join(folder, 'pipe.safetensors')
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0)
    await expect(readSafetensors(pipe)).rejects.toThrow(/pipe\.safetensors is not a regular file/)
    await expect(readSafetensors(folder)).rejects.toThrow(/is a folder/)
    await expect(readStored('run', pipe, z.object({}), 'a record')).rejects.toThrow(
      /^run: .*pipe\.safetensors is not a regular file; expected a record/,
    )
  })

  it('refuses headers that lie', async () => {
    const u8 = (begin: number, end: number, shape = [end - begin]) => ({ dtype: 'U8', shape, data_offsets: [begin, end] })
    const cases: [unknown, number, string][] = [
      ['not json', 0, 'one whose header is not JSON'],
      [[1], 0, 'one whose header is not an object'],
      [{ a: u8(0, 9) }, 4, 'one with tensor "a" at bytes 0 to 9'],
      [{ a: u8(4, 0, [0]) }, 4, 'one with tensor "a" at bytes 4 to 0'],
      [{ a: u8(0, 4, [5]) }, 4, 'one with tensor "a" in 4 bytes'],
      [{ a: u8(0, 4), b: u8(2, 6) }, 6, 'one with tensor "b" overlapping the tensor before it'],
      [{ a: u8(0, 2), b: u8(3, 4) }, 4, 'one with tensor "b" after a hole of 1 bytes'],
      [{ a: u8(0, 2) }, 4, 'one with 2 bytes after its last tensor'],
      [{ a: { dtype: 'F99', shape: [1], data_offsets: [0, 4] } }, 4, 'one with tensor "a" of dtype F99'],
      [{ a: { dtype: 'toString', shape: [1], data_offsets: [0, 4] } }, 4, 'one with tensor "a" of dtype toString'],
      [{ a: { dtype: 'U8', shape: [-4], data_offsets: [0, 4] } }, 4, 'one with a malformed entry for tensor "a"'],
      [{ a: { dtype: 'U8', shape: [4] } }, 4, 'one with a malformed entry for tensor "a"'],
      [{ __metadata__: { seed: 7 }, a: u8(0, 4) }, 4, 'one whose __metadata__ holds more than strings'],
    ]
    for (const [header, bytes, actual] of cases) {
      const error = await file(header, bytes)
      expect(error.actual).toBe(actual)
      expect(error.argument).toBe(path())
    }
    expect((await file('{}', 0, 1n << 62n)).actual).toContain('one with a header of')
    expect((await file('{}', 0, 3n)).actual).toContain('one with a header of 3 bytes')
    await writeFile(path(), 'short')
    expect((await refusal(readSafetensors(path()))).actual).toBe('5 bytes long')
    expect((await refusal(readSafetensors(folder))).actual).toBe('a folder')
    expect((await refusal(readSafetensors(join(folder, 'absent')))).actual).toBe('missing')
  })

  it('refuses to write what does not fit', async () => {
    const write = (tensor: unknown, name = 'w') =>
      writeSafetensors(join(folder, 'no.safetensors'), { [name]: tensor as Safetensor })
    await expect(write({ dtype: 'F32', shape: [2], data: Float32Array.of(1) })).rejects.toThrow(
      'w is 1 elements; expected 2 for [2]',
    )
    await expect(write({ dtype: 'F32', shape: [1], data: Uint8Array.of(1) })).rejects.toThrow(ShapeError)
    await expect(write({ dtype: 'U8', shape: [1], data: Uint8Array.of(1) }, '__metadata__')).rejects.toThrow('a reserved name')
    const metadata = { seed: 7 } as unknown as Record<string, string>
    await expect(writeSafetensors(join(folder, 'no.safetensors'), {}, { metadata })).rejects.toThrow(OptionError)
    expect(await readdir(folder)).not.toContain('no.safetensors')
  })

  it('rounds to bf16 to nearest even, within half a unit in the last of 8 bits', () => {
    expect([...bf16FromFloat32(Float32Array.of(1, -2, 1.00390625, 1.01171875, Infinity, 3.4e38))]).toEqual([
      0x3f80, 0xc000, 0x3f80, 0x3f82, 0x7f80, 0x7f80,
    ])
    expect(float32FromBf16(bf16FromFloat32(Float32Array.of(NaN)))[0]).toBeNaN()
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e38), max: Math.fround(1e38) }), (x) => {
        const [back] = float32FromBf16(bf16FromFloat32(Float32Array.of(x)))
        // Half a unit: 2^-8 of the value, or of the smallest normal number below it.
        expect(Math.abs((back as number) - x)).toBeLessThanOrEqual(Math.max(Math.abs(x), 2 ** -126) * 2 ** -8)
      }),
    )
  })
})

describe('makeFolder', () => {
  it('makes folders within folders, also when several do, and ends where none can be made', async () => {
    const at = join(folder, 'made', 'by', 'several')
    await Promise.all([makeFolder(at), makeFolder(at), makeFolder(join(folder, 'made', 'by'))])
    expect((await stat(at)).isDirectory()).toBe(true)
    await writeFile(join(at, 'file'), '')
    await expect(makeFolder(join(at, 'file'))).rejects.toThrow('is there already and no folder; expected a folder')
    await expect(makeFolder(join(at, 'file', 'x'))).rejects.toThrow('is inside something that is not a folder')
    // Node's own recursive mkdir tries for ever there.
    if (process.platform === 'linux') await expect(makeFolder('/proc/none/x')).rejects.toThrow(DataError)
  })
})
