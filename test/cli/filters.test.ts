// Filters at the limits of what can be learned, from the command line.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '#root'
import { readSafetensors } from '../../lib/io/index.js'

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'striate-filters-cli-'))
  for (const [name, side, pixel] of [
    ['black', 12, () => 0],
    ['noise', 230, (i: number) => (Math.imul(i, 2_654_435_761) >>> 13) & 255],
  ] as const) {
    mkdirSync(join(folder, name))
    const raw = Uint8Array.from({ length: side * side * 3 }, (_, i) => pixel(i))
    for (const file of ['1.png', '2.png', '3.png'])
      await sharp(raw, { raw: { width: side, height: side, channels: 3 } }).toFile(join(folder, name, file))
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function learn(data: string, ...args: string[]) {
  const main = join(root, 'dist', 'cli', 'main.js')
  const all = [main, 'train', 'local', '--no-readout', '--data', data, '--labels', 'none', '--out', `runs/${data}`, ...args]
  return spawnSync(process.execPath, all, { cwd: folder, encoding: 'utf8' })
}

describe('striate train local', () => {
  it('says that every unit is dead where dead ones are pruned', () => {
    const { status, stderr } = learn('black', ...'--units 8 --steps 30 --filter-batch 100 --init normal --dead prune'.split(' '))
    expect(stderr.trim().split('\n').at(-1)).toBe(
      "striate: learnFilters: dead is 'prune', where all of the 8 units are dead; expected settings under which units live, or 'report' or 'reseed'",
    )
    expect(status).toBe(1)
    expect(existsSync(join(folder, 'runs/black/model.safetensors'))).toBe(false)
  })

  it('learns filters as large as a photograph', async () => {
    const { status, stderr } = learn('noise', ...'--units 4 --steps 4 --filter-batch 20 --window 220'.split(' '))
    expect(status, stderr).toBe(0)
    const { tensors } = await readSafetensors(join(folder, 'runs/noise/model.safetensors'))
    expect(tensors.get('blocks.0.weight')?.shape).toEqual([4, 3, 220, 220])
  })
})
