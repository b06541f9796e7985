// Where the files of a tar archive lie in it, found without reading them.
import type { FileHandle } from 'node:fs/promises'
import type { HeaderData } from 'tar'
import { DataError } from '../errors.js'
import { openFile, readFully, statFile } from './files.js'

export interface TarEntry {
  name: string
  /** Of the first byte of its content. */
  offset: number
  size: number
}

const block = 512
/** Read at a time: a header with the small entries that follow an image. */
const windowBytes = 16 << 10

/** Reads at positions that mostly grow, a window at a time. */
class Reader {
  private window = Buffer.alloc(0)
  private at = 0

  constructor(
    private readonly op: string,
    private readonly path: string,
    private readonly file: FileHandle,
    readonly size: number,
  ) {}

  /** Bytes from `position` on; they stay as they are until the next call. */
  async bytes(position: number, length: number): Promise<Buffer> {
    if (position < this.at || position + length > this.at + this.window.length) {
      this.window = Buffer.alloc(Math.min(Math.max(length, windowBytes), this.size - position))
      this.at = position
      await readFully(this.op, this.path, this.file, this.window, position)
    }
    return this.window.subarray(position - this.at, position - this.at + length)
  }
}

/** The regular files of an archive, each with a way to read it now. */
export type TarVisit = (entry: TarEntry, read: () => Promise<Buffer>) => Promise<void>

/**
 * Visits the regular files of an uncompressed tar archive (ustar, pax and GNU names) in order.
 * @throws {DataError} naming the archive that is compressed, damaged or cut off, and where
 */
export async function visitTar(op: string, path: string, signal: AbortSignal | undefined, visit: TarVisit): Promise<void> {
  const expected = 'a whole, uncompressed tar archive'
  const { Header, Pax } = await import('tar')
  const { size } = await statFile(op, path, expected)
  const refuse = (actual: string): never => {
    throw new DataError({ op, argument: path, actual, expected })
  }
  const file = await openFile(op, path, expected)
  try {
    const reader = new Reader(op, path, file, size)
    let own: HeaderData = {}
    let all: HeaderData = {}
    for (let at = 0; ; ) {
      signal?.throwIfAborted()
      if (at + block > size) refuse(`truncated (${size} bytes, without an end mark)`)
      const bytes = await reader.bytes(at, block)
      if (at === 0 && bytes[0] === 0x1f && bytes[1] === 0x8b)
        refuse('compressed by gzip, so that its images cannot be read one by one (unpack it with gunzip)')
      const header = new Header(Buffer.from(bytes), 0, own, all)
      if (header.nullBlock) return
      if (!header.cksumValid) refuse(at === 0 ? 'not a tar archive' : `damaged at byte ${at}`)
      const length = header.size ?? 0
      const offset = at + block
      const name = header.path ?? ''
      if (offset + length > size) refuse(`truncated in ${name}`)
      const text = async () => (await reader.bytes(offset, length)).toString('utf8')
      if (header.type === 'ExtendedHeader') own = Pax.parse(await text(), own)
      else if (header.type === 'GlobalExtendedHeader') all = Pax.parse(await text(), all, true)
      else if (header.type === 'NextFileHasLongPath' || header.type === 'OldGnuLongPath')
        own = { ...own, path: (await text()).replace(/\0.*/s, '') }
      else if (header.type !== 'NextFileHasLongLinkpath') {
        own = {}
        if (header.type === 'File' || header.type === 'OldFile' || header.type === 'ContiguousFile')
          await visit({ name, offset, size: length }, () => reader.bytes(offset, length))
      }
      at = offset + Math.ceil(length / block) * block
    }
  } finally {
    await file.close()
  }
}
