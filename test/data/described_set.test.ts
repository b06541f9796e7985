// Sets that describe themselves: what is refused names the file that is wrong.
import { describe, expect, it } from 'vitest'
import { openImages } from '../../lib/data/index.js'
import { at, noise, put, refusal } from './scratch.js'

async function set(column: object, value: unknown): Promise<void> {
  await put('cat/0.png', await noise('png', 1))
  await put('scenes.json', JSON.stringify({ count: 1, metadata: 'metadata.jsonl', columns: { what: column } }))
  await put('metadata.jsonl', `${JSON.stringify({ file: 'cat/0.png', what: value })}\n`)
}

describe('a set that describes itself', () => {
  it('is refused by its file with a class that is there twice, or a number that none can hold', async () => {
    await set({ kind: 'class', classes: ['cat', 'dog'] }, 'cat')
    expect((await openImages(at())).targets.what).toMatchObject({ classes: ['cat', 'dog'] })
    await set({ kind: 'class', classes: ['cat', 'dog', 'cat'] }, 'cat')
    expect(await refusal(openImages(at()), 'scenes.json')).toBe("a file with the class 'cat' twice")
    await set({ kind: 'number', unit: 'm' }, 1e39)
    expect(await refusal(openImages(at()), 'metadata.jsonl')).toBe('with what 1e+39 in row 0')
    await set({ kind: 'number', unit: 3 }, 1)
    await expect(openImages(at())).rejects.toThrow(
      'damaged or of another kind (in it columns.what.unit is 3); expected the description of a set, with text as columns.what.unit',
    )
  })
})
