// Commands of the built package, as a user gives them in a folder.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { root } from '#root'

export function striateIn(folder: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const main = join(root, 'dist', 'cli', 'main.js')
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { cwd: folder, encoding: 'utf8' })
  return { status, stdout, stderr }
}

/** Expects one sentence on stderr, without what is `not` to be there, that code, and nothing written. */
export function refusesIn(folder: string, code: number, text: RegExp, args: readonly string[], not = /\n\s+at /): void {
  const before = readdirSync(folder, { recursive: true }).length
  const { status, stderr } = striateIn(folder, ...args)
  expect(stderr).toMatch(text)
  expect(stderr).not.toMatch(not)
  expect(status, stderr).toBe(code)
  expect(readdirSync(folder, { recursive: true }).length, 'files written').toBe(before)
}
