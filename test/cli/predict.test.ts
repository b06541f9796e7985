// A run put to use on photographs that it never saw, from the command line.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '#root'
import { loadFolder } from '../../lib/data/index.js'
import { predict, transform } from '../../lib/eval/index.js'
import { readNpy, readSafetensors } from '../../lib/io/index.js'
import { loadNetwork } from '../../lib/models/index.js'

let folder: string
const file = (name: string) => join(folder, name)
const net = () => loadNetwork(file('run/model.safetensors'))

function striate(...args: string[]) {
  const main = join(root, 'dist', 'cli', 'main.js')
  return spawnSync(process.execPath, [main, ...args], { cwd: folder, encoding: 'utf8' })
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'striate-predict-cli-'))
  const train = ['--units', '6', '--window', '3', '--steps', '20', '--filter-batch', '50', '--pool-size', '5', '--epochs', '2']
  const size = ['--size', '12', '--fit', 'contain', '--background', '#336699']
  for (const args of [
    ['render', '--out', 'scenes', '--count', '80', '--size', '20', '--no-page'],
    ['train', 'local', '--data', 'scenes', ...size, '--out', 'run', ...train, '--readout-batch', '10'],
  ]) {
    const { status, stderr } = striate(...args)
    expect(status, stderr).toBe(0)
  }
  const raw = Uint8Array.from({ length: 90 * 40 * 3 }, (_, i) => (i * 13) % 256)
  for (const name of ['photo.jpg', 'wide photo.png'])
    await sharp(raw, { raw: { width: 90, height: 40, channels: 3 } }).toFile(file(name))
  writeFileSync(file('broken.jpg'), readFileSync(file('photo.jpg')).subarray(0, 900))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('striate predict', () => {
  it('names the likeliest classes of photographs, brought to the size as those of the run were', async () => {
    using network = await net()
    const { status, stdout, stderr } = striate('predict', '--run', 'run', 'photo.jpg', 'wide photo.png', '--json')
    expect(status, stderr).toBe(0)
    const { classes, predictions } = JSON.parse(stdout)
    expect(classes).toEqual(network.classes)
    const shaping = { fit: 'contain', background: '#336699' } as const
    for (const [i, name] of ['photo.jpg', 'wide photo.png'].entries()) {
      const { probabilities, ...known } = await predict(network, readFileSync(file(name)), shaping)
      expect(predictions[i]).toEqual({ file: name, ...known, probabilities: [...probabilities] })
    }
    const told = striate('predict', '--run', 'run', 'photo.jpg', '--top', '2')
    expect(told.stderr).toBe('')
    expect(told.stdout).toMatch(/^photo\.jpg: \w+ [\d.]+ %, \w+ [\d.]+ %\n$/)
    expect(told.stdout).toContain(`photo.jpg: ${predictions[0].class} ${(100 * predictions[0].probability).toFixed(1)} %`)
  })

  it('goes on after a file that is none, and ends with 1', () => {
    const { status, stdout, stderr } = striate('predict', '--run', 'run', 'broken.jpg', 'missing.jpg', 'scenes', 'photo.jpg')
    expect(status).toBe(1)
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/^striate: predict: broken\.jpg is a corrupt JPEG file/),
      'striate: predict: missing.jpg is missing; expected an image file',
      'striate: predict: scenes is a folder; expected an image file',
    ])
    expect(stdout).toMatch(/^photo\.jpg: .+\n$/)
    const json = striate('predict', '--run', 'run', 'broken.jpg', 'photo.jpg', '--json')
    expect(json.status).toBe(1)
    expect(JSON.parse(json.stdout).predictions).toMatchObject([
      { file: 'broken.jpg', error: expect.stringContaining('corrupt') },
      { file: 'photo.jpg', class: expect.any(String) },
    ])
  })

  it('refuses wrong usage in one sentence', () => {
    for (const [code, text, ...args] of [
      [2, /missing required argument 'photo'/, '--run', 'run'],
      [2, /--top <n>' argument '0' is invalid/, '--run', 'run', 'photo.jpg', '--top', '0'],
      [2, /head is 'size'; expected class/, '--run', 'run', 'photo.jpg', '--head', 'size'],
      [1, /model\.safetensors is missing/, '--run', 'nowhere', 'photo.jpg'],
    ] as const) {
      const { status, stderr } = striate('predict', ...args)
      expect(stderr).toMatch(text)
      expect(stderr).not.toMatch(/\n\s+at /)
      expect(status, stderr).toBe(code)
    }
  })
})

describe('striate features', () => {
  it('writes the outputs of a layer for a folder of images of another size', async () => {
    using network = await net()
    const set = await loadFolder(file('scenes'), { size: 12, fit: 'contain', background: '#336699' })
    const data = ['--run', 'run', '--data', 'scenes']
    const npy = striate('features', ...data, '--at', 'blocks.0', '--out', 'f.npy', '--batch', '7')
    expect(npy.status, npy.stderr).toBe(0)
    const known = await transform(network, set, { at: 'blocks.0' })
    expect(npy.stdout).toContain(`written: f.npy, [${known.shape}] of the layer blocks.0`)
    expect(await readNpy(file('f.npy'))).toEqual({ ...known, dtype: 'float32' })

    const safe = striate('features', ...data, '--out', 'f.safetensors', '--json')
    expect(safe.status, safe.stderr).toBe(0)
    expect(JSON.parse(safe.stdout)).toMatchObject({ out: 'f.safetensors', at: 'features' })
    const { tensors, metadata } = await readSafetensors(file('f.safetensors'))
    expect(tensors.get('features')?.data).toEqual((await transform(network, set)).data)
    expect(tensors.get('target.class')?.data).toEqual(set.targets.class?.values)
    expect(metadata).toMatchObject({ at: 'features', sha256: set.sha256 })
  })

  it('refuses in one sentence and writes nothing', () => {
    const before = readdirSync(folder).length
    for (const [text, ...args] of [
      [/at is 'block\.0', no layer; expected .* such as blocks\.0/, '--out', 'x.npy', '--at', 'block.0'],
      [/'x\.csv'; expected a name that ends with \.npy or \.safetensors/, '--out', 'x.csv'],
    ] as const) {
      const { status, stderr } = striate('features', '--run', 'run', '--data', 'scenes', ...args)
      expect(stderr).toMatch(text)
      expect(stderr.trim().split('\n')).toHaveLength(1)
      expect(status, stderr).toBe(2)
    }
    expect(readdirSync(folder)).toHaveLength(before)
  })
})
