// The pages of the interface: every type of options lists its fields, and says of each what it is.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '#root'

interface Type {
  type: string
  declaration?: Reflection
  elementType?: Type
  target?: Type | number
  types?: Type[]
}
interface Reflection {
  name: string
  kind: number
  children?: Reflection[]
  signatures?: Reflection[]
  parameters?: Reflection[]
  type?: Type
  comment?: { summary: { text: string }[]; blockTags?: { tag: string; content: { text: string }[] }[] }
}

const folder = mkdtempSync(join(tmpdir(), 'striate-docs-'))
afterAll(() => rmSync(folder, { recursive: true }))
let exported: Map<string, Reflection>

beforeAll(() => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { docs: string } }
  const json = join(folder, 'docs.json')
  const args = scripts.docs.replace('--out docs/api', '').split(/\s+/).slice(1)
  const typedoc = join(root, 'node_modules', 'typedoc', 'bin', 'typedoc')
  const { status, stdout, stderr } = spawnSync(process.execPath, [typedoc, ...args, '--json', json], {
    cwd: root,
    encoding: 'utf8',
  })
  expect(status, stdout + stderr).toBe(0)
  const modules = (JSON.parse(readFileSync(json, 'utf8')) as Reflection).children ?? []
  exported = new Map(modules.flatMap(({ name, children = [] }) => children.map((child) => [`${name}.${child.name}`, child])))
}, 300_000)

const text = ({ comment }: Reflection): string => (comment?.summary ?? []).map((part) => part.text).join('')

/** Fields of a type, at every depth, by their paths. */
function fieldsOf(type: Type | undefined, path: string): [string, Reflection][] {
  if (!type) return []
  const within = [type.declaration?.children ?? []].flatMap((children) => fields(children, path))
  const target = typeof type.target === 'object' ? fieldsOf(type.target, path) : []
  return [...within, ...fieldsOf(type.elementType, path), ...target, ...(type.types ?? []).flatMap((one) => fieldsOf(one, path))]
}
const fields = (children: readonly Reflection[], path: string): [string, Reflection][] =>
  children.flatMap((child) => [[`${path}.${child.name}`, child] as const, ...fieldsOf(child.type, `${path}.${child.name}`)]) as [
    string,
    Reflection,
  ][]
const all = (name: string): [string, Reflection][] => {
  const found = exported.get(name) as Reflection
  return [...fields(found.children ?? [], name), ...fieldsOf(found.type, name)]
}

describe('pages of the interface', () => {
  it('list the fields of every type of options', () => {
    const names = [...exported.keys()].filter((name) => /Options$/.test(name) && exported.get(name)?.kind !== 32)
    expect(names.length).toBeGreaterThan(40)
    const types = names.filter((name) => [256, 2_097_152].includes(exported.get(name)?.kind ?? 0))
    expect(types.filter((name) => all(name).length === 0)).toEqual([])
  })

  it('say what each of them is', () => {
    const recipes = ['Local', 'Filter', 'Readout', 'Supervised', 'Optimiser', 'Schedule', 'Patch', 'Whitening', 'Block']
    const data = ['OpenImages', 'Cifar', 'Idx', 'Folder', 'Shard', 'Parquet', 'Scene', 'Sample', 'Render', 'Shadow', 'Ahead']
    const others = ['Classify', 'Shadows', 'Predict', 'Transform', 'ConvNet', 'LocalNet', 'LocalBlock', 'ResNet18', 'Builder']
    for (const name of [...recipes, ...data, ...others]) {
      const found = all(`index.${name}Options`)
      expect(found.length, name).toBeGreaterThan(0)
      // That an object is of a kind needs no words.
      const silent = found.filter(([path, field]) => text(field) === '' && !path.endsWith('.kind'))
      expect(
        silent.map(([path]) => path),
        name,
      ).toEqual([])
    }
  })

  it('say what a field accepts and what it is by default', () => {
    const said = (type: string, field: string) => text(new Map(all(`index.${type}`)).get(`index.${type}.${field}`) as Reflection)
    expect(said('PredictOptions', 'batch')).toBe('images at a time; a whole number of at least 1. Default: `64`.')
    expect(said('ReadoutOptions', 'at')).toMatch(/^layer whose outputs are read; .*; text, or null\. Default: `null`\.$/)
    expect(said('LocalOptions', 'filters.units')).toMatch(/^K: filters; a whole number from 2 to \d+\.$/)
    const kinds = all('index.SupervisedOptions').filter(([path]) => path.endsWith('.optimiser.kind'))
    expect(kinds.map(([, field]) => text(field))).toEqual(expect.arrayContaining(["'sgd'.", "'adamw'."]))
  })

  it('say what is thrown by everything that takes options', () => {
    const silent = [...exported].flatMap(([name, { signatures = [] }]) =>
      signatures
        .filter(({ parameters = [] }) => parameters.some((parameter) => parameter.name === 'options'))
        .filter(({ comment }) => !comment?.blockTags?.some(({ tag }) => tag === '@throws'))
        .map(() => name),
    )
    expect(silent).toEqual([])
  })
})
