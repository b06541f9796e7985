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
  const refused = /^train other: --resume is '.*', without a readable request.json of such a run; expected the folder of a run$/
  await expect(readRequest(folder, 'train other', schema)).rejects.toThrow(refused)
  await expect(readRequest(join(folder, 'nowhere'), 'train other', schema)).rejects.toThrow(refused)
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
    await expect(readRequest(folder, 'train it', schema), text).rejects.toThrow(/without a readable request.json/)
  }
})
