import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { DataError } from '../../lib/errors.js'
import { readSafetensors, type Safetensor, writeSafetensors } from '../../lib/io/index.js'
import { Network, readPyTorch, resNet18, savePyTorch } from '../../lib/models/index.js'
import { digests } from '../run/digests.js'

const folder = mkdtempSync(join(tmpdir(), 'striate-pytorch-'))
afterAll(() => rmSync(folder, { recursive: true }))

const small = { image: [16, 16], width: 4, standardise: true } as const
const net = new Network(resNet18({ ...small, outputs: 5 }), { seed: 2, init: 'fan-in' })
afterAll(() => net.dispose())
const file = join(folder, 'net.safetensors')

describe('a network in PyTorch’s names', () => {
  it('has those of torchvision’s ResNet-18, and none for what its images are standardised by', async () => {
    await savePyTorch(net, file)
    const { tensors } = await readSafetensors(file)
    const norm = (name: string) => ['weight', 'bias', 'running_mean', 'running_var'].map((part) => `${name}.${part}`)
    const blocks = [1, 2, 3, 4].flatMap((stage) =>
      [0, 1].flatMap((block) => {
        const name = `layer${stage}.${block}`
        const shortcut = stage > 1 && block === 0 ? [`${name}.downsample.0.weight`, ...norm(`${name}.downsample.1`)] : []
        return [`${name}.conv1.weight`, ...norm(`${name}.bn1`), `${name}.conv2.weight`, ...norm(`${name}.bn2`), ...shortcut]
      }),
    )
    const names = ['conv1.weight', ...norm('bn1'), ...blocks, 'fc.weight', 'fc.bias']
    expect(names).toHaveLength(102)
    expect([...tensors.keys()].sort()).toEqual(names.sort())
  })

  it('is read back to the same tensors, with ImageNet’s mean and deviation', async () => {
    const { tensors } = await readSafetensors(file)
    const counted: [string, Safetensor] = ['bn1.num_batches_tracked', { dtype: 'I64', shape: [1], data: BigInt64Array.of(7n) }]
    const path = join(folder, 'counted.safetensors')
    await writeSafetensors(path, new Map([...tensors, counted]))
    using other = new Network(net.config, { seed: 3 })
    other.adopt(await readPyTorch(other, path))
    const [own, read] = [await net.state(), await other.state()]
    expect([...((read.get('standardise.mean') as Safetensor).data as Float32Array)]).toEqual(
      [0.485, 0.456, 0.406].map(Math.fround),
    )
    expect([...((read.get('standardise.std') as Safetensor).data as Float32Array)]).toEqual(
      [0.229, 0.224, 0.225].map(Math.fround),
    )
    for (const state of [own, read]) for (const name of ['mean', 'std']) state.delete(`standardise.${name}`)
    expect(digests(read)).toEqual(digests(own))
  })

  it('says in its metadata what images are standardised by, and is read back with it', async () => {
    using own = new Network(net.config, { seed: 4 })
    own.setBuffers({ 'standardise.mean': [0.49, 0.48, 0.4 + 1e-7], 'standardise.std': [0.2, 0.25, 1 / 3] })
    const path = join(folder, 'own.safetensors')
    const by = await savePyTorch(own, path)
    expect(by).toEqual({ mean: [0.49, 0.48, expect.closeTo(0.4, 6)], std: [0.2, 0.25, expect.closeTo(1 / 3, 6)] })
    const { metadata, tensors } = await readSafetensors(path)
    expect(metadata).toEqual({ format: 'pt', mean: JSON.stringify(by.mean), std: JSON.stringify(by.std) })
    using other = new Network(net.config, { seed: 3 })
    other.adopt(await readPyTorch(other, path))
    expect(digests(await other.state())).toEqual(digests(await own.state()))
    // Begun anew, it keeps its own.
    expect((await readPyTorch(other, path, ['standardise'])).has('standardise.mean')).toBe(false)
    using plain = new Network(resNet18({ ...small, standardise: false, outputs: 5 }))
    expect(await savePyTorch(plain, path)).toEqual({ mean: [0, 0, 0], std: [1, 1, 1] })
    for (const wrong of [
      { mean: '[1,2,3]' },
      { mean: '[1,2,3]', std: '[1,0,1]' },
      { mean: '[1,2]', std: '[1,1]' },
      { mean: '1', std: '' },
    ]) {
      await writeSafetensors(path, tensors, { metadata: wrong })
      await expect(readPyTorch(net, path)).rejects.toThrow(
        /own\.safetensors is a file whose metadata have mean .*JSON lists of 3 numbers/,
      )
    }
  })

  it('leaves layers with other outputs to begin anew', async () => {
    using other = new Network(resNet18({ ...small, outputs: 3 }), { seed: 3 })
    const before = digests(await other.state())
    await expect(readPyTorch(other, file)).rejects.toThrow(/fc\.weight is F32 \[5,32\]; expected F32 \[3,32\]/)
    const adopted = other.adopt(await readPyTorch(other, file, ['fc']))
    expect(adopted).not.toContain('fc.weight')
    const after = digests(await other.state())
    expect(after['fc.weight']).toBe(before['fc.weight'])
    expect(after['conv1.weight']).toBe(digests(await net.state())['conv1.weight'])
  })

  it('is refused with a tensor missing or one too many, by its name', async () => {
    const { tensors } = await readSafetensors(file)
    const changed = async (change: (all: Map<string, Safetensor>) => void, text: RegExp) => {
      const all = new Map(tensors)
      change(all)
      const path = join(folder, 'changed.safetensors')
      await writeSafetensors(path, all)
      const found = readPyTorch(net, path)
      await expect(found).rejects.toThrow(text)
      await expect(found).rejects.toThrow(DataError)
    }
    await changed((all) => all.delete('layer2.0.bn1.running_var'), /changed\.safetensors is without layer2\.0\.bn1\.running_var/)
    await changed(
      (all) => all.set('head.weight', all.get('fc.weight') as Safetensor),
      /is a file with head\.weight; expected the tensors/,
    )
  })
})
