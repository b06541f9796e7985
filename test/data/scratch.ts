// A folder for one test's files, and what they are filled with.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import { afterEach, beforeEach, expect } from 'vitest'
import { type Images, labelsOf } from '../../lib/data/index.js'
import { DataError } from '../../lib/errors.js'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'striate-data-'))
})
afterEach(() => rm(root, { recursive: true }))

export const at = (...parts: string[]): string => join(root, ...parts)

export async function put(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(at(path)), { recursive: true })
  await writeFile(at(path), bytes)
}

/** The one sentence that `promise` is refused with: a DataError that names `file` (within the folder, then what follows it). */
export async function refusal(promise: Promise<unknown>, file: string): Promise<string> {
  const error = await promise.then(
    () => expect.unreachable('nothing was refused'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(DataError)
  expect((error as DataError).argument).toBe(at(file))
  expect((error as DataError).message).not.toContain('\n')
  return (error as DataError).actual
}

export const labelsIn = (images: Images): Int32Array | null => labelsOf(images)?.labels ?? null
export const classesIn = (images: Images): readonly string[] => labelsOf(images)?.classes ?? []
/** The pixels of images that must be in memory. */
export function pixelsOf({ pixels }: Images): Uint8Array {
  if (!pixels) throw new Error('these images are not in memory')
  return pixels
}

export const records = 12
/** A CIFAR record whose pixels tell file, record and place. */
export function cifarBytes(file: number, labelBytes = 1): Uint8Array {
  const size = labelBytes + 3072
  return Uint8Array.from({ length: records * size }, (_, i) => {
    const [record, byte] = [Math.floor(i / size), i % size]
    return byte < labelBytes ? (record + file) % 10 : (file * 31 + record * 7 + byte) % 256
  })
}

export async function putCifar10(): Promise<void> {
  for (let i = 1; i <= 5; ++i) await put(`data_batch_${i}.bin`, cifarBytes(i))
  await put('test_batch.bin', cifarBytes(6))
  await put('batches.meta.txt', 'airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n')
}

export async function picture(
  format: 'jpeg' | 'png' | 'webp',
  width = 6,
  height = 4,
  background = { r: 200, g: 100, b: 50 },
): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background } })
    [format]({ quality: 100 })
    .toBuffer()
}

/** A picture that differs from pixel to pixel and from seed to seed. */
export async function noise(format: 'jpeg' | 'png' | 'webp', seed: number, width = 8, height = 6): Promise<Buffer> {
  const raw = Uint8Array.from({ length: width * height * 3 }, (_, i) => ((i + 1) * (i + 7) * (2 * seed + 31)) % 251)
  return sharp(raw, { raw: { width, height, channels: 3 } })
    [format]()
    .toBuffer()
}
