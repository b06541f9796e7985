// What the file system's error codes mean, in the words of a DataError.
import { DataError } from '../errors.js'

const readReasons: Record<string, string> = {
  ERR_INVALID_ARG_TYPE: 'no path',
  ENOENT: 'missing',
  EACCES: 'not readable by this user',
  EPERM: 'not readable by this user',
  EISDIR: 'a folder',
  ENOTDIR: 'inside something that is not a folder',
  ELOOP: 'a link that leads back to itself',
  ENAMETOOLONG: 'of a longer name than this file system has',
  EIO: 'on a disk that fails to read',
  ESTALE: 'gone from the server of its file system (stale)',
  ETIMEDOUT: 'on a server that does not answer',
  EMFILE: 'one more than this process may have open',
  ENFILE: 'one more than this machine may have open',
  ENOMEM: 'larger than the memory that is left',
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
  ESTALE: ['gone from the server of its file system (stale)', 'a folder that is there (mount it again)'],
  ETIMEDOUT: ['on a server that does not answer', 'a file system that answers'],
  ELOOP: ['a link that leads back to itself', 'a file or the name of one'],
  ENAMETOOLONG: ['of a longer name than this file system has', 'a shorter name'],
  EMFILE: ['one more file than this process may have open', 'a higher limit (ulimit -n)'],
  ENFILE: ['one more file than this machine may have open', 'fewer open files'],
  EBUSY: ['in use by the system', 'a file that may be replaced'],
  ETXTBSY: ['a program that runs', 'a file that may be replaced'],
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

/** The DataError of a file system's error that nobody described; null for any other error. */
export function describeFileError(error: unknown): DataError | null {
  const { code, syscall, path } = (error ?? {}) as NodeJS.ErrnoException
  if (code === undefined || syscall === undefined || path === undefined) return null
  if (code in writeReasons && !(code in readReasons)) return describeWriteError(path, error) as DataError
  return describeReadError(syscall, path, error, 'a file or folder that this user may use')
}
