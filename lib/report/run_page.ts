// The page of a run of any kind, made of what its folder holds.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError } from '../errors.js'
import type { LocalRecord } from '../learn/index.js'
import { loadNetwork } from '../models/index.js'
import { networkFile, recordFile } from '../run/index.js'
import type { SupervisedRecord } from '../train/index.js'
import { writeLocalPage } from './local_page.js'
import { writeSupervisedPage } from './supervised_page.js'

/**
 * The record of a finished run.
 * @throws {DataError} when the folder holds none
 */
export async function readRecord(folder: string): Promise<LocalRecord | SupervisedRecord> {
  const file = recordFile(folder)
  const refuse = (actual: string, cause?: unknown) =>
    new DataError({ op: 'run', argument: file, actual, expected: 'the record of a finished run' }, { cause })
  let record: Partial<LocalRecord | SupervisedRecord> | null
  try {
    record = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw refuse((cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'missing' : 'not readable', cause)
  }
  if (record?.kind !== 'local' && record?.kind !== 'supervised') throw refuse('of no kind of run')
  return record as LocalRecord | SupervisedRecord
}

/**
 * Writes the page of a run, with what was evaluated since: what `striate report` does.
 * @returns the path of the page
 * @throws {DataError} naming the file of the folder that is missing or damaged
 */
export async function writeReport(folder: string): Promise<string> {
  const record = await readRecord(folder)
  using net = await loadNetwork(networkFile(folder))
  if (record.kind === 'local') await writeLocalPage(net, record, folder)
  else await writeSupervisedPage(net, record, folder)
  return join(folder, 'report.html')
}
