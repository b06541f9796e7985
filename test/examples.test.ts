// Every example runs and prints what its last comment says.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { root } from '#root'

const folder = join(root, 'examples')
const scripts = readdirSync(folder).filter((file) => file.endsWith('.mjs'))
const work = mkdtempSync(join(tmpdir(), 'striate-examples-'))
afterAll(() => rmSync(work, { recursive: true }))

/** Files that examples leave in the folder that they are given. */
const leaves: Record<string, string[]> = {
  '1_learn_filters.mjs': ['filters.png'],
  '5_export_to_onnx.mjs': ['net.onnx', 'images.npy', 'labels.npy', 'logits.npy'],
}
/** Numbers of a machine, which say nothing on another. */
const measured = new Set(['6_time_one_kernel.mjs'])

const numbers = (text: string): number[] => [...text.matchAll(/\d+(?:\.\d+)?/g)].map(Number)
const words = (text: string): string => text.trim().replaceAll(/\d+(?:\.\d+)?/g, '#')

function compare(printed: string, expected: string, exact: boolean): void {
  expect(words(printed)).toBe(words(expected))
  if (!exact) return
  // Another instruction set rounds otherwise, so that a few images are called otherwise: within a fifth, or 3 of a small count.
  const got = numbers(printed)
  for (const [i, wanted] of numbers(expected).entries())
    expect(Math.abs((got[i] as number) - wanted), `${wanted} in ${expected}`).toBeLessThanOrEqual(Math.max(3, wanted / 5))
}

describe('examples', () => {
  it.each(scripts)('%s prints what it says', (script) => {
    const own = leaves[script]
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, script), ...(own ? [work] : [])], {
      encoding: 'utf8',
    })
    expect(status, stderr).toBe(0)
    const [, expected] = /\/\* prints[^\n]*\n([\s\S]+)\*\/\s*$/.exec(
      readFileSync(join(folder, script), 'utf8'),
    ) as RegExpExecArray
    compare(stdout, expected as string, !measured.has(script))
    for (const file of own ?? []) expect(existsSync(join(work, file)), file).toBe(true)
  })

  const python = process.env.STRIATE_PYTHON ?? 'python3'
  const hasOnnx = spawnSync(python, ['-c', 'import numpy, onnxruntime']).status === 0
  it.skipIf(!hasOnnx)('5_use_onnx.py finds the same errors (skipped where Python has no onnxruntime)', () => {
    const { status, stdout, stderr } = spawnSync(python, [join(folder, '5_use_onnx.py'), work], { encoding: 'utf8' })
    expect(status, stderr).toBe(0)
    expect(stdout).toContain("largest difference from Striate's outputs below 0.001: True")
  })

  it('are listed on their page', () => {
    const page = readFileSync(join(folder, 'README.md'), 'utf8')
    for (const script of scripts) expect(page).toContain(`(${script})`)
  })
})
