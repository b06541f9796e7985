// People's own folders, from the command line.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '#root'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'striate-photos-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function striate(...args: string[]) {
  const main = join(root, 'dist', 'cli', 'main.js')
  return spawnSync(process.execPath, [main, ...args], { cwd: folder, encoding: 'utf8' })
}
async function photo(name: string, width: number, height: number, seed = 0): Promise<void> {
  const raw = Uint8Array.from({ length: width * height * 3 }, (_, i) => ((i + seed) * (i + 7) * 31) % 251)
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  await sharp(raw, { raw: { width, height, channels: 3 } }).toFile(join(folder, name))
}
const few = ['--units', '4', '--window', '3', '--steps', '10', '--filter-batch', '20']

describe('striate train local', () => {
  it('learns filters from photographs of any sizes in one folder, and keeps the names of those it could not read', async () => {
    await photo('photos/1.jpg', 90, 70)
    await photo('photos/2.png', 33, 120)
    await photo('photos/deep/3.webp', 64, 64)
    writeFileSync(join(folder, 'photos/4.png'), 'no image')
    const args = ['train', 'local', '--data', 'photos', '--no-readout', ...few, '--labels', 'none']
    expect(striate(...args, '--out', 'refused').stderr).toContain('4.png is not an image of a known kind')
    const { status, stdout, stderr } = striate(...args, '--skip-bad', '--grey', '--out', 'filters')
    expect(status, stderr).toBe(0)
    expect(stdout).toContain('data: photos (3 images in tiles), ')
    expect(stdout).toContain('left out: 1 x not an image of a known kind, such as 4.png')
    const { data } = JSON.parse(readFileSync(join(folder, 'filters/run.json'), 'utf8'))
    expect(data.skipped).toEqual({ count: 1, files: [{ name: '4.png', reason: 'not an image of a known kind' }] })
    expect(data.shape.slice(1)).toEqual([1, 33, 33])
  })

  it('classifies by a table of labels, and is tested on the share that was held out', async () => {
    const rows = ['image,label']
    for (let i = 0; i < 24; ++i) {
      await photo(`set/${i}.png`, 8, 8, i)
      rows.push(`${i}.png,${i % 3 === 0 ? 'a' : 'b'}`)
    }
    writeFileSync(join(folder, 'labels.csv'), rows.join('\n'))
    const data = ['--data', 'set', '--label-file', 'labels.csv', '--test-share', '0.25']
    const readout = ['--pool-size', '3', '--epochs', '1', '--readout-batch', '4']
    const train = striate('train', 'local', ...data, ...few, ...readout, '--out', 'labelled')
    expect(train.status, train.stderr).toBe(0)
    expect(train.stdout).toContain('data: set/train, 18 images of 3 x 8 x 8, 2 classes')
    const tested = striate('eval', 'classify', '--run', 'labelled', ...data)
    expect(tested.status, tested.stderr).toBe(0)
    expect(tested.stdout).toContain('of 6 images')
  })
})
