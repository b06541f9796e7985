// A network that learns latent variables of scenes which no one has written, from the command line.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadNetwork, openScenes, readSafetensors, transfer } from '../../lib/index.js'
import { refusesIn, striateIn } from './command.js'

let folder: string
const file = (name: string) => join(folder, name)
const write = (name: string, options: object) => writeFileSync(file(name), JSON.stringify(options))
const network = ['--network', 'resnet-18', '--width', '4', '--standardise']

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'striate-latents-'))
  write('train.json', { scene: 'solid', count: 60, size: 32, categories: ['bottle', 'mug', 'vase'], instances: [0, 1] })
  write('others.json', { scene: 'solid', count: 20, size: 32, categories: ['vase', 'teapot', 'bottle'], instances: [4], seed: 5 })
  const { status, stderr } = striateIn(
    folder,
    ...['train', 'supervised', '--data', 'train.json', ...network, '--targets', 'class,distance,rotation', '--epochs', '1'],
    ...['--batch', '10', '--out', 'run'],
  )
  expect(status, stderr).toBe(0)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('scenes that a file describes', () => {
  it('train a network of several heads, which is tried on others', async () => {
    const { status, stdout, stderr } = striateIn(folder, 'eval', 'transfer', '--run', 'run', '--data', 'others.json', '--json')
    expect(status, stderr).toBe(0)
    const found = JSON.parse(stdout)
    using net = await loadNetwork(file('run/model.safetensors'))
    expect(net.heads.map(({ name, weight }) => [name, weight])).toEqual([
      ['class', 1 / 3],
      ['distance', 1 / 3],
      ['rotationX', 1 / 9],
      ['rotationY', 1 / 9],
      ['rotationZ', 1 / 9],
    ])
    const others = await openScenes(file('others.json'))
    const scores = await transfer(net, others)
    others[Symbol.dispose]?.()
    expect(found).toMatchObject(JSON.parse(JSON.stringify(scores)))
    expect(found.scores[0].shared).toEqual(['bottle', 'vase'])
    expect(JSON.parse(readFileSync(file('run/transfer-others-test.json'), 'utf8'))).toEqual(found)
    expect(striateIn(folder, 'report', 'run').status).toBe(0)
    expect(readFileSync(file('run/report.html'), 'utf8')).toContain('Other images')
  })

  it('go on where another network stands, by PyTorch’s names too', async () => {
    const exported = striateIn(folder, 'export', '--run', 'run', '--format', 'pytorch', '--out', 'torch.safetensors')
    expect(exported.status, exported.stderr).toBe(0)
    expect(exported.stdout).toMatch(/its images: channels from 0 to 1, less 0\.\d+, 0\.\d+, 0\.\d+, divided by 0\.\d+/)
    const again = [
      'train',
      'supervised',
      '--data',
      'train.json',
      ...network,
      '--targets',
      'distance',
      '--epochs',
      '1',
      '--batch',
      '10',
    ]
    const { status, stdout, stderr } = striateIn(
      folder,
      ...[...again, '--start', 'torch.safetensors', '--fresh', 'fc', '--learning-rate', '1e-12', '--out', 'second'],
    )
    expect(status, stderr).toBe(0)
    expect(stdout).toMatch(/^pixels: less 0\..*, divided by 0\..* \(the start's\)$/m)
    using begun = await loadNetwork(file('run/model.safetensors'))
    using went = await loadNetwork(file('second/model.safetensors'))
    for (const name of ['standardise.mean', 'standardise.std'])
      expect((await went.buffers.get(name)?.read())?.data).toEqual((await begun.buffers.get(name)?.read())?.data)
    const [first, second] = await Promise.all(
      ['torch.safetensors', 'second/model.safetensors'].map((name) => readSafetensors(file(name))),
    )
    // So small a rate moves nothing.
    expect(second?.tensors.get('conv1.weight')?.data).toEqual(first?.tensors.get('conv1.weight')?.data)
    refusesIn(folder, 1, /fc\.weight is F32 \[7,32\]; expected F32 \[1,32\]/, [
      ...again,
      '--start',
      'torch.safetensors',
      '--out',
      'x',
    ])
    for (const other of ['train.json', 'weights.pth'])
      refusesIn(
        folder,
        other === 'train.json' ? 2 : 1,
        /--start .* is (a file of another kind|missing); expected the folder of a run, or a \.safetensors/,
        [...again, ...['--start', other, '--out', 'x']],
      )
    refusesIn(folder, 2, /--fresh is 'top', no layer/, [...again, '--start', 'run', '--fresh', 'top', '--out', 'x'])
  })

  it('are refused in a sentence where the file is none, and beside flags of images', () => {
    const train = (data: string, ...more: string[]) => ['train', 'supervised', '--data', data, '--out', 'x', ...network, ...more]
    write('wrong.json', { scene: 'solid', count: 5, sise: 32 })
    refusesIn(folder, 1, /wrong\.json is damaged or of another kind \(in it sise/, train('wrong.json'))
    write('empty.json', { scene: 'solid', count: 0, size: 32 })
    refusesIn(folder, 1, /\(in it count is 0\); .*, with a whole number of at least 1 as count/, train('empty.json'))
    write('twice.json', { scene: 'solid', count: 5, categories: ['mug', 'mug'] })
    refusesIn(folder, 1, /with at least one name, each once as categories/, train('twice.json'))
    refusesIn(folder, 1, /none\.json is missing/, train('none.json'))
    refusesIn(folder, 2, /--split is given for .*train\.json; expected none for scenes/, train('train.json', '--split', 'test'))
    refusesIn(folder, 2, /--split is given for .*others\.json; expected none/, [
      ...['eval', 'transfer', '--run', 'run', '--data', 'others.json', '--split', 'train'],
    ])
    refusesIn(folder, 2, /--size is given for .*train\.json; expected none for scenes/, train('train.json', '--size', '16'))
    refusesIn(
      folder,
      2,
      /targets is 'depth'; expected targets of .*: class, identity, distance/,
      train('train.json', '--targets', 'depth'),
    )
    refusesIn(folder, 2, /--angles is given without targets/, train('train.json', '--angles', 'sine-cosine'))
  })
})
