// What a file is by its first bytes, for messages about one that is not what it should be.
import { isUtf8 } from 'node:buffer'

/** First bytes in Latin-1, what begins so, and what makes of it one that can be read. */
const kinds: readonly (readonly [begins: readonly string[], what: string, remedy?: string])[] = [
  [['CDF\x01', 'CDF\x02', 'CDF\x05'], 'a netCDF-3 file', 'nccopy -k nc4 old.nc new.nc makes it netCDF-4, which is HDF5'],
  [['\x89HDF\r\n\x1a\n'], 'an HDF5 file'],
  [['\x93NUMPY'], 'a .npy file'],
  [['PK\x03\x04', 'PK\x05\x06'], 'a zip archive, as .npz, .xlsx and .pth files are', 'take out of it what is needed'],
  [['\x1f\x8b'], 'one compressed by gzip', 'gunzip unpacks it'],
  [['BZh'], 'one compressed by bzip2', 'bunzip2 unpacks it'],
  [['\xfd7zXZ'], 'one compressed by xz', 'unxz unpacks it'],
  [['\x28\xb5\x2f\xfd'], 'one compressed by zstd', 'unzstd unpacks it'],
  [['\x80\x02', '\x80\x03', '\x80\x04', '\x80\x05'], 'a pickle of Python', 'save from Python what is needed of it'],
  [['MATLAB '], 'a MAT file'],
  [['PAR1'], 'a Parquet file'],
  [['\xff\xd8\xff', '\x89PNG', 'GIF8'], 'an image'],
  [['version https://git-lfs'], 'a pointer of Git LFS', 'git lfs pull fetches the file'],
  [['/annex/objects/'], 'a pointer of git-annex', 'git annex get fetches the file'],
  [['<!doctype html', '<html'], 'a web page', 'a download that failed leaves such'],
]

/** Bytes that {@link fileKind} looks at. */
export const kindBytes = 512

/**
 * What the bytes that begin a file say that it is, or null; the same in a message about one that is not what it should be, and the remedy as it follows
 * what was expected there, empty where there is none.
 * @param not what the file is not, such as `no MAT file`
 */
export function fileKind(bytes: Uint8Array, not: string): { what: string | null; actual: string; remedy: string } {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, kindBytes))
  const text = head.toString('latin1')
  const plain = text.trimStart().toLowerCase()
  const found = kinds.find(([begins]) => begins.some((start) => text.startsWith(start) || plain.startsWith(start)))
  const what = found ? found[1] : head.length === 0 ? 'an empty file' : isText(head) ? 'a text' : null
  return { what, actual: what ? `${not} but ${what}` : not, remedy: found?.[2] ? ` (${found[2]})` : '' }
}

const isText = (head: Buffer): boolean =>
  head.every((byte) => byte > 31 || (byte > 8 && byte < 14)) &&
  // The last character may be cut in two.
  [0, 1, 2, 3].some((cut) => isUtf8(head.subarray(0, head.length - cut)))
