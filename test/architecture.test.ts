// The import direction of lib, and the rules that keep one place for one thing.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '#root'
import { addon } from '../lib/native.js'

// From the outside in; a folder may import from itself and from what stands after it. Files of lib itself are the core.
const layers = [
  'cli',
  'report',
  'reproduce',
  'bench',
  'eval',
  'train',
  'learn',
  'features',
  'run',
  'scene',
  'light',
  'data',
  'models',
  'io',
  'ops',
  'core',
]
// plot takes plain numbers: it imports from nobody but the core, and only report and cli import from it.
const plotUsers = new Set(['report', 'cli'])

const files = (folder: string, pattern: RegExp): string[] =>
  readdirSync(join(root, folder), { recursive: true })
    .map(String)
    .filter((file) => pattern.test(file))

const layerOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] as string) : 'core')

describe('lib', () => {
  const sources = files('lib', /\.ts$/)

  it('imports in one direction', () => {
    const wrong: string[] = []
    for (const file of sources) {
      if (file === 'index.ts') continue
      const text = readFileSync(join(root, 'lib', file), 'utf8')
      for (const [, target] of text.matchAll(/from '(\.[^']+)'/g)) {
        const to = layerOf(join(file, '..', target as string))
        const from = layerOf(file)
        if (from === to) continue
        const allowed =
          from === 'plot' ? to === 'core' : to === 'plot' ? plotUsers.has(from) : layers.indexOf(from) < layers.indexOf(to)
        if (!allowed) wrong.push(`${file} -> ${target}`)
      }
    }
    expect(wrong).toEqual([])
  })

  it('has no circle of files', () => {
    const imports = new Map(
      sources.map((file) => {
        const text = readFileSync(join(root, 'lib', file), 'utf8')
        const targets = [...text.matchAll(/from '(\.[^']+)'/g)].map(([, target]) => join(file, '..', target as string))
        return [file, targets.map((target) => target.replace(/\.js$/, '.ts'))] as const
      }),
    )
    const done = new Set<string>()
    const circles: string[] = []
    const visit = (file: string, path: string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
      if (done.has(file) || path.includes(file)) return
      for (const target of imports.get(file) ?? []) visit(target, [...path, file])
      done.add(file)
    }
    for (const file of sources) visit(file, [])
    expect(circles).toEqual([])
  })

  it('touches the addon in native.ts, device.ts and tensor.ts only', () => {
    const users = sources.filter((file) => /from '(\.\.?\/)+native\.js'/.test(readFileSync(join(root, 'lib', file), 'utf8')))
    expect(users.sort()).toEqual(['device.ts', 'tensor.ts'])
  })

  it('has a wrapper for every op, and calls no op that does not exist', () => {
    const called = new Set<string>()
    for (const file of sources)
      for (const [, op] of readFileSync(join(root, 'lib', file), 'utf8').matchAll(/(?:callOp|one)\(\s*'([a-z0-9_]+)'/g))
        called.add(op as string)
    expect([...called].sort()).toEqual(
      addon
        .describe()
        .map((row) => row.name)
        .sort(),
    )
  })
})

describe('native', () => {
  it('has the same families in ops, cpu and cuda', () => {
    const stems = (folder: string, ending: RegExp) => files(folder, ending).map((file) => file.replace(ending, ''))
    const families = stems('native/ops', /\.h$/).filter(
      (stem) => !['contract', 'minibatches', 'rule_loops', 'table'].includes(stem),
    )
    for (const family of families) {
      expect(stems('native/cpu', /\.cpp$/), `native/cpu/${family}.cpp`).toContain(family)
      expect(stems('native/cuda', /\.cu$/), `native/cuda/${family}.cu`).toContain(family)
      expect(stems('test/ops', /\.ts$/), `test/ops/${family}.ts`).toContain(family)
    }
  })
})
