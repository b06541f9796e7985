import { describe, expect, it } from 'vitest'
import { listZip, readZipEntry } from '../../lib/data/zip_index.js'
import { at, put, refusal } from './scratch.js'
import { zipBytes } from './zip_bytes.js'

const files = { 'a.txt': Buffer.from('hello'), 'folder/': Buffer.alloc(0), 'folder/bü.bin': Buffer.alloc(5000, 'ab') }

describe('listZip and readZipEntry', () => {
  it.each([false, true])('read files, deflated: %s', async (isDeflated) => {
    await put('x.zip', zipBytes(files, { isDeflated, comment: 'made by a test' }))
    const entries = await listZip('test', at('x.zip'))
    expect(entries.map(({ name, size }) => [name, size])).toEqual([
      ['a.txt', 5],
      ['folder/bü.bin', 5000],
    ])
    for (const entry of entries)
      expect(await readZipEntry('test', at('x.zip'), entry)).toEqual(files[entry.name as keyof typeof files])
  })

  it('refuses what is none, cut off, encrypted, of another method, or damaged', async () => {
    const list = () => refusal(listZip('test', at('x.zip')), 'x.zip')
    const whole = zipBytes(files, { isDeflated: true })
    await put('x.zip', 'nothing of the kind')
    expect(await list()).toBe('no zip archive but a text')
    await put('x.zip', whole.subarray(0, whole.length - 5))
    expect(await list()).toBe('a zip archive cut off')
    await put('x.zip', zipBytes(files, { flags: 1 }))
    expect(await list()).toBe('one with an encrypted file (a.txt)')
    await put('x.zip', zipBytes(files, { method: 12 }))
    expect(await list()).toBe('one with a.txt packed by method 12')
    for (const isDeflated of [true, false]) {
      const other = zipBytes(files, { isDeflated })
      other[36] = (other[36] as number) ^ 0x10
      await put('x.zip', other)
      const [first] = await listZip('test', at('x.zip'))
      if (!first) throw new Error('nothing is listed')
      expect(await refusal(readZipEntry('test', at('x.zip'), first), 'x.zip:a.txt')).toMatch(/^damaged \(/)
    }
  })
})
