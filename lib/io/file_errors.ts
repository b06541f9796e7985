// What the file system's error codes mean, in the words of a DataError.
import { DataError } from '../errors.js'

const readReasons: Record<string, string> = {
  ENOENT: 'missing',
  EACCES: 'not readable by this user',
  EPERM: 'not readable by this user',
  EISDIR: 'a folder',
  ENOTDIR: 'inside something that is not a folder',
  ERR_FS_FILE_TOO_LARGE: 'larger than one array can hold',
}

const writeReasons: Record<string, [actual: string, expected: string]> = {
  ENOSPC: ['on a full disk', 'free space for the file'],
  EDQUOT: ["past this user's disk quota", 'free space for the file'],
  EFBIG: ['larger than a file may be here', 'a file system and a process limit with room for it'],
  ENOENT: ['in a folder that does not exist', 'a folder that exists'],
  ENOTDIR: ['inside something that is not a folder', 'a folder that exists'],
  EACCES: ['in a place that this user may not write', 'a writable folder'],
  EPERM: ['in a place that this user may not write', 'a writable folder'],
  EROFS: ['on a read-only file system', 'a writable folder'],
  EISDIR: ['a folder', 'the name of a file'],
  EEXIST: ['there already and no folder', 'a folder'],
  EIO: ['on a disk that fails to write', 'a sound disk'],
}

/** The DataError of a failed read or listing of `path`. */
export function describeReadError(op: string, path: string, error: unknown, expected = 'a readable file'): DataError {
  const code = (error as NodeJS.ErrnoException | null)?.code
  const actual = (code !== undefined && readReasons[code]) || `not readable (${code ?? String(error)})`
  return new DataError({ op, argument: path, actual, expected }, { cause: error })
}

/** The DataError of a failed write to `path`; an error that is not the file system's comes back as it is. */
export function describeWriteError(path: string, error: unknown): unknown {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException
  if (!(error instanceof Error) || code === undefined || (syscall === undefined && !(code in writeReasons))) return error
  const [actual, expected] = writeReasons[code] ?? [`not writable (${code})`, 'a writable file']
  return new DataError({ op: 'write', argument: path, actual, expected }, { cause: error })
}
