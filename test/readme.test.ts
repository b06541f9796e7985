// The README's code runs and prints what it says; its commands and files exist.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '#root'

const readme = readFileSync(join(root, 'README.md'), 'utf8')

describe('README', () => {
  it('shows code that prints what it says', () => {
    const [, code] = /```ts\n([\s\S]+?)```/.exec(readme) as RegExpExecArray
    const [, printed] = /```\n(\d+ dead units.+)\n```/.exec(readme) as RegExpExecArray
    // Inside the package, so that 'striate' resolves to it.
    const folder = mkdtempSync(join(root, 'build', 'readme-'))
    try {
      writeFileSync(join(folder, 'snippet.mjs'), code as string)
      const { status, stdout, stderr } = spawnSync(process.execPath, ['snippet.mjs'], { cwd: folder, encoding: 'utf8' })
      expect(status, stderr).toBe(0)
      // Another instruction set rounds otherwise: the same sentence, numbers within four standard errors (1.6 points each).
      const numbers = (text: string) => [...text.matchAll(/\d+\.\d+|\d+/g)].map(Number)
      expect(stdout.trim().replaceAll(/[\d.]+/g, '#')).toBe((printed as string).replaceAll(/[\d.]+/g, '#'))
      numbers(printed as string).forEach((expected, i) => {
        expect(Math.abs((numbers(stdout)[i] as number) - expected)).toBeLessThan(6.5)
      })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('names files that exist and scripts that npm knows', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
    for (const page of ['README.md', 'CONTRIBUTING.md']) {
      const text = readFileSync(join(root, page), 'utf8')
      for (const [, link] of text.matchAll(/\]\(((?!https?:|#)[^)]+)\)/g)) {
        const [path, anchor] = (link as string).split('#') as [string, string | undefined]
        expect(existsSync(join(root, path)), `${page}: ${link}`).toBe(true)
        if (anchor === undefined) continue
        const headings = [...readFileSync(join(root, path), 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
          (heading as string)
            .toLowerCase()
            .replace(/[^\w\s-]/g, '')
            .replaceAll(' ', '-'),
        )
        expect(headings, `${page}: ${link}`).toContain(anchor)
      }
      for (const [, script] of text.matchAll(/npm run ([\w:]+)/g))
        expect(Object.keys(scripts), `${page}: ${script}`).toContain(script)
    }
  })

  it('requires as CommonJS and imports as an ES module', () => {
    const folder = mkdtempSync(join(root, 'build', 'module-'))
    try {
      writeFileSync(
        join(folder, 'a.cjs'),
        "const s = require('striate'); require('striate/plot'); require('striate/report'); require('striate/reproduce'); require('striate/bench'); console.log(s.cpu().kind, typeof require('striate/ops').nnlConv)",
      )
      writeFileSync(
        join(folder, 'b.mjs'),
        "import { cpu } from 'striate'\nimport { nnlConv } from 'striate/ops'\nimport 'striate/plot'\nimport 'striate/report'\nimport 'striate/reproduce'\nimport 'striate/bench'\nconsole.log(cpu().kind, typeof nnlConv)",
      )
      for (const file of ['a.cjs', 'b.mjs']) {
        const { stdout, stderr } = spawnSync(process.execPath, [file], { cwd: folder, encoding: 'utf8' })
        expect(stdout, stderr).toBe('cpu function\n')
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
