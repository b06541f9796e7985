// The files of a zip archive, each read where it lies.
import { promisify } from 'node:util'
import { crc32, inflateRaw } from 'node:zlib'
import { DataError } from '../errors.js'
import { fileKind, kindBytes } from '../io/file_kind.js'
import { openFile, readFully, statFile } from './files.js'

export interface ZipEntry {
  readonly name: string
  /** Of its own header. */
  readonly offset: number
  readonly method: number
  /** Bytes as they lie in the archive. */
  readonly packed: number
  readonly size: number
  readonly crc: number
}

const expected = 'a whole zip archive of stored or deflated files'
const endMark = Buffer.from('PK\x05\x06', 'latin1')
const endBytes = 22
const [stored, deflated] = [0, 8]

/**
 * Lists the regular files of a zip archive, from its directory.
 * @throws {DataError} naming the archive that is none, damaged, encrypted or larger than 4 GiB
 */
export async function listZip(op: string, path: string): Promise<ZipEntry[]> {
  const refuse = (actual: string) => new DataError({ op, argument: path, actual, expected })
  const { size } = await statFile(op, path, expected)
  const file = await openFile(op, path, expected)
  try {
    // The end record is followed by a comment of up to 64 KiB.
    const tail = Buffer.alloc(Math.min(size, endBytes + 0xffff))
    await readFully(op, path, file, tail, size - tail.length)
    const end = tail.subarray(Math.max(0, tail.lastIndexOf(endMark)))
    if (end.length < endBytes || !end.subarray(0, 4).equals(endMark)) {
      const head = Buffer.alloc(Math.min(size, kindBytes))
      await readFully(op, path, file, head, 0)
      const { what, actual } = fileKind(head, 'no zip archive')
      throw refuse(what?.startsWith('a zip') ? 'a zip archive cut off' : actual)
    }
    const [count, length, begin] = [end.readUInt16LE(10), end.readUInt32LE(12), end.readUInt32LE(16)]
    if (count === 0xffff || begin === 0xffffffff) throw refuse('one of the zip64 kind')
    if (begin + length > size) throw refuse('one whose directory is cut off')
    const directory = Buffer.alloc(length)
    await readFully(op, path, file, directory, begin)
    const entries: ZipEntry[] = []
    for (let i = 0, at = 0; i < count; ++i) {
      if (at + 46 > length || directory.readUInt32LE(at) !== 0x02014b50) throw refuse('one whose directory is damaged')
      const [flags, method] = [directory.readUInt16LE(at + 8), directory.readUInt16LE(at + 10)]
      const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => directory.readUInt16LE(at + field)) as [
        number,
        number,
        number,
      ]
      const name = directory.toString(flags & 0x800 ? 'utf8' : 'latin1', at + 46, at + 46 + nameBytes)
      if (!name.endsWith('/')) {
        if (flags & 1) throw refuse(`one with an encrypted file (${name})`)
        if (method !== stored && method !== deflated) throw refuse(`one with ${name} packed by method ${method}`)
        const [packed, whole] = [directory.readUInt32LE(at + 20), directory.readUInt32LE(at + 24)]
        entries.push({
          name,
          offset: directory.readUInt32LE(at + 42),
          method,
          packed,
          size: whole,
          crc: directory.readUInt32LE(at + 16),
        })
      }
      at += 46 + nameBytes + extraBytes + commentBytes
    }
    return entries
  } finally {
    await file.close()
  }
}

/** The bytes of one file of an archive. */
export async function readZipEntry(op: string, path: string, entry: ZipEntry): Promise<Buffer> {
  const refuse = (actual: string, cause?: unknown) =>
    new DataError({ op, argument: `${path}:${entry.name}`, actual, expected }, { cause })
  const file = await openFile(op, path, expected)
  try {
    const header = Buffer.alloc(30)
    await readFully(op, path, file, header, entry.offset)
    if (header.readUInt32LE(0) !== 0x04034b50) throw refuse('a file that does not lie where the directory says')
    const bytes = Buffer.alloc(entry.packed)
    await readFully(op, path, file, bytes, entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28))
    const unpack = () =>
      promisify(inflateRaw)(bytes, { maxOutputLength: Math.max(1, entry.size) }).catch((cause: Error) => {
        throw refuse(`damaged (${cause.message})`, cause)
      })
    const whole = entry.method === stored ? bytes : await unpack()
    if (whole.length !== entry.size || crc32(whole) !== entry.crc) throw refuse('damaged (other bytes than its checksum is of)')
    return whole
  } finally {
    await file.close()
  }
}
