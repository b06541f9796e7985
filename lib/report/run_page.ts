// The page of a run of any kind, made of what its folder holds.
import { join } from 'node:path'
import { z } from 'zod'
import { readStored } from '../io/stored.js'
import { type ComponentRecord, componentRecord } from '../learn/index.js'
import { type LocalRecord, localRecord } from '../learn/local_record.js'
import { openNetwork, recordFile } from '../run/index.js'
import { type SupervisedRecord, supervisedRecord } from '../train/supervised.js'
import { writeLocalPage } from './local_page.js'
import { writeSupervisedPage } from './supervised_page.js'
import { writeWaveletPage } from './wavelet_page.js'

/**
 * The record of a finished run.
 * @throws {DataError} when the folder holds none, or a damaged one
 */
export async function readRecord(folder: string): Promise<LocalRecord | SupervisedRecord | ComponentRecord> {
  return readStored(
    'run',
    recordFile(folder),
    z.union([localRecord, supervisedRecord, componentRecord]),
    'the record of a finished run',
  )
}

/**
 * Writes the page of a run, with what was evaluated since: what `striate report` does.
 * @returns the path of the page
 * @throws {DataError} naming the file of the folder that is missing or damaged
 */
export async function writeReport(folder: string): Promise<string> {
  const record = await readRecord(folder)
  using net = await openNetwork(folder)
  if (record.kind === 'local') await writeLocalPage(net, record, folder)
  else if (record.kind === 'wavelet') await writeWaveletPage(net, record, folder)
  else await writeSupervisedPage(net, record, folder)
  return join(folder, 'report.html')
}
