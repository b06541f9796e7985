// Which part of a folder is the training and which the test split: the same rule for class folders, shards and Parquet files.
import { basename, join } from 'node:path'
import { z } from 'zod'
import { DataError, OptionError } from '../errors.js'
import { isImageName } from './decode.js'
import { type FolderEntry, listFolder, type Path, shown, statFile } from './files.js'
import { flagOf } from './flag_names.js'

export const splitOptions = {
  split: z
    .enum(['train', 'test'])
    .optional()
    .describe('which part to read where there are train and test (or val, valid, validation) ones; train by default'),
  testShare: z
    .number()
    .min(0)
    .max(0.99)
    .optional()
    .describe('share of every class that is the test split, where there is no test part; the rest is the train split'),
}

export interface SplitChoice {
  split?: 'train' | 'test' | undefined
  testShare?: number | undefined
}

const trainWords = ['train', 'training']
/** The first that is there is the test split. */
const testWords = ['test', 'testing', 'val', 'valid', 'validation']

/** What lies in a folder beside its images and is no part of it: dot files, and what macOS leaves in archives. */
export const isVisible = ({ name }: FolderEntry): boolean => !name.startsWith('.') && name !== '__MACOSX'

/** `seg_train` is `train` of `seg`; null for a name that is no part of a set. */
function partOf(name: string): { word: string; set: string } | null {
  const words = name.toLowerCase().split(/[-_. ]+/)
  const found = words.filter((word) => trainWords.includes(word) || testWords.includes(word))
  return found.length === 1 ? { word: found[0] as string, set: words.filter((word) => word !== found[0]).join('-') } : null
}

/** Whether a folder of this name is a part of a set, not a class. */
export const isPartName = (name: string): boolean => partOf(name) !== null

/** The folders that are train and test parts of one set; null where there are not both. */
export function partsIn(entries: readonly FolderEntry[]): { train: FolderEntry; tests: FolderEntry[] } | null {
  const folders = entries.filter((entry) => entry.isFolder && isVisible(entry))
  const named = folders.flatMap((entry) => {
    const part = partOf(entry.name)
    return part ? [{ entry, ...part }] : []
  })
  for (const { entry: train, set } of named.filter(({ word }) => trainWords.includes(word))) {
    const order = (word: string) => testWords.indexOf(word)
    const tests = named.filter((part) => part.set === set && order(part.word) >= 0).sort((a, b) => order(a.word) - order(b.word))
    if (tests.length > 0) return { train, tests: tests.map(({ entry }) => entry) }
  }
  return null
}

/** Labels of tiny-imagenet's validation images, which lie in one folder: lines of file name and class, between tabs. */
export const annotationFile = 'val_annotations.txt'

export interface SplitFolder {
  root: Path
  name: string
  /** What is there to see. */
  entries: FolderEntry[]
  /** Whether it is one of several splits. */
  isPart: boolean
  /** Names of folders beside the splits, which belong to none. */
  beside: readonly string[]
}

/**
 * Where a folder has a train part beside a test, val, valid or validation part (also as `Training`, `seg_train` ...), the one asked for; else the folder
 * itself. A folder around all the others, as archives have it, is passed through.
 */
export async function splitFolder(op: string, folder: string, choice: SplitChoice, expected: string): Promise<SplitFolder> {
  const list = async (path: Path) => (await listFolder(op, path, expected)).filter(isVisible)
  let here: SplitFolder = { root: folder, name: basename(folder), entries: await list(folder), isPart: false, beside: [] }
  for (;;) {
    const parts = here.isPart ? null : partsIn(here.entries)
    if (parts) {
      const chosen = choice.split === 'test' ? await labelledTest(parts.train, parts.tests, list) : parts.train
      const known = [parts.train, ...parts.tests]
      const beside = here.entries.filter((entry) => entry.isFolder && !known.includes(entry)).map(({ name }) => name)
      here = { root: chosen.path, name: `${here.name}/${chosen.name}`, entries: await list(chosen.path), isPart: true, beside }
      continue
    }
    // A folder around all the others has no images: a class of its own has some, or one folder at most.
    let inside: { path: Path; entries: FolderEntry[] } = { path: here.root, entries: here.entries }
    const foldersIn = (entries: readonly FolderEntry[]) => entries.filter((entry) => entry.isFolder)
    const isAround = () =>
      foldersIn(inside.entries).length === 1 && !inside.entries.some(({ name, isFolder }) => !isFolder && isImageName(name))
    while (isAround()) {
      const [{ path }] = foldersIn(inside.entries) as [FolderEntry]
      inside = { path, entries: await list(path) }
    }
    const isClass = inside.entries.some(({ name, isFolder }) => !isFolder && isImageName(name))
    if (inside.path === here.root || isClass || foldersIn(inside.entries).length === 0) return here
    here = { ...here, root: inside.path, entries: inside.entries }
  }
}

/** The first test part that is labelled as the training part is; the first where none can be told to be. */
async function labelledTest(
  train: FolderEntry,
  tests: readonly FolderEntry[],
  list: (path: Path) => Promise<FolderEntry[]>,
): Promise<FolderEntry> {
  if (tests.length > 1) {
    const classes = new Set((await list(train.path)).filter((entry) => entry.isFolder).map(({ name }) => name))
    for (const test of tests)
      if ((await list(test.path)).some(({ name, isFolder }) => (isFolder ? classes.has(name) : name === annotationFile)))
        return test
  }
  return tests[0] as FolderEntry
}

/**
 * Refuses the test split of what is one split by itself, and so the training one, unless a share of it is held out; and a share of what has a test part.
 * @throws {DataError}, {OptionError}
 */
export function checkSplit(op: string, path: string, isPart: boolean, { split, testShare }: SplitChoice): void {
  if (isPart && testShare !== undefined)
    throw new OptionError({ op, argument: 'testShare', actual: String(testShare), expected: `none, as ${path} has a test part` })
  if (isPart || split !== 'test' || testShare !== undefined) return
  const actual = 'a folder without a train folder beside a test, val, valid or validation folder'
  throw new DataError({
    op,
    argument: path,
    actual,
    expected: `such folders, or testShare (${flagOf('testShare')}), for split 'test'`,
  })
}

/** Paths that a pattern with ranges such as {000000..000012} stands for, in order; the path itself where it has none. */
export function expandRanges(pattern: string): string[] {
  const range = /\{(\d+)\.\.(\d+)\}/.exec(pattern)
  if (!range) return [pattern]
  const [whole, low = '', high = ''] = range
  const paths: string[] = []
  for (let i = Number(low); i <= Number(high); ++i) {
    const number = String(i).padStart(low.length, '0')
    paths.push(...expandRanges(pattern.slice(0, range.index) + number + pattern.slice(range.index + whole.length)))
  }
  return paths
}

/**
 * Files that together make one set: a file by itself, those of a pattern, or those of a folder that end in `extension`, sorted by name. Where the names
 * in a folder begin with `train` beside others with `test`, `val`, `valid` or `validation`, those of the split asked for.
 */
export async function filesOfSplit(
  op: string,
  path: string,
  extension: string,
  choice: SplitChoice,
  expected: string,
): Promise<{ paths: string[]; name: string }> {
  const stem = (file: string) => basename(file).replace(extension, '')
  const paths = expandRanges(path)
  if (paths.length !== 1 || paths[0] !== path || path.endsWith(extension)) {
    if (paths.length === 0) throw new DataError({ op, argument: path, actual: 'a range that ends before it begins', expected })
    checkSplit(op, path, false, choice)
    for (const file of paths) await statFile(op, file, expected)
    return { paths, name: stem(path) }
  }
  const { root, name, entries, isPart } = await splitFolder(op, path, choice, expected)
  const folder = shown(root)
  const files = entries.filter((entry) => !entry.isFolder && entry.name.endsWith(extension))
  if (files.length === 0) {
    const actual = entries.length === 0 ? 'an empty folder' : `a folder without *${extension} files`
    throw new DataError({ op, argument: folder, actual, expected })
  }
  const inSplit = (word: string) => files.filter((file) => new RegExp(`^${word}(?![a-z])`, 'i').test(file.name))
  const [trains = [], tests] = [trainWords, testWords].map((words) => words.map(inSplit).find((found) => found.length > 0))
  const hasParts = !isPart && trains.length > 0 && tests !== undefined
  checkSplit(op, path, isPart || hasParts, choice)
  const chosen = !hasParts ? files : choice.split === 'test' ? tests : trains
  return {
    paths: chosen.map((file) => join(folder, file.name)),
    name: hasParts ? `${name}/${choice.split ?? 'train'}` : name,
  }
}
