// What a run was asked for, kept for `--resume`.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { z } from 'zod'
import { readRequest, writeRequest } from '../../lib/run/request.js'

const folder = mkdtempSync(join(tmpdir(), 'striate-request-'))
afterAll(() => rmSync(folder, { recursive: true }))
const schema = z.strictObject({ data: z.string(), epochs: z.number().default(20) })

it('comes back as its schema reads it, to the same command alone', async () => {
  await writeRequest(folder, 'train it', { data: 'images' })
  expect(await readRequest(folder, 'train it', schema)).toEqual({ data: 'images', epochs: 20 })
  const other = readRequest(folder, 'train other', schema)
  await expect(other).rejects.toThrow(
    /^train other: .*request\.json is of train it; expected the request of a run of train other$/,
  )
  const nowhere = readRequest(join(folder, 'nowhere'), 'train other', schema)
  await expect(nowhere).rejects.toThrow(
    /^train other: .*nowhere.request\.json is missing; expected the request of a run of train other$/,
  )
})

it('is refused when it is damaged', async () => {
  for (const text of [
    '',
    '{"command": "train it", "da',
    'null',
    '{"command": "train it"}',
    '{"command": "train it", "data": "a", "x": 1}',
  ]) {
    writeFileSync(join(folder, 'request.json'), text)
    await expect(readRequest(folder, 'train it', schema), text).rejects.toThrow(
      /request\.json is damaged.*; expected the request of a run of train it(, with an object as data)?$/,
    )
  }
})
