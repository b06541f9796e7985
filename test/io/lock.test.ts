// Locks of folders: one holder at a time, also when several processes find at once that the last one has died.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '#root'
import { DataError } from '../../lib/errors.js'
import { Locked, takeLock } from '../../lib/io/lock.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'striate-lock-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A process that takes a lock; it says `held` or `refused`, and waits to be killed. */
function taker(place: string): { said: Promise<string>; kill: () => Promise<void> } {
  const code = `import { takeLock } from ${JSON.stringify(join(root, 'lib', 'io', 'lock.ts'))}
await takeLock(${JSON.stringify(place)}, 'test').then(() => console.log('held'), (error) => console.log(error.name))
setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  return {
    said: new Promise((resolve) => child.stdout.once('data', (text) => resolve(String(text).trim()))),
    kill: () => {
      child.kill('SIGKILL')
      return ended
    },
  }
}

describe('takeLock', () => {
  it('is held by one until it is given back, and leaves nothing behind', async () => {
    const place = join(folder, 'new', 'a')
    const release = await takeLock(place, 'test')
    const refused = takeLock(place, 'test')
    await expect(refused).rejects.toThrow(Locked)
    await expect(refused).rejects.toThrow(DataError)
    await expect(takeLock(place, 'test')).rejects.toThrow(
      new RegExp(`^test: .*new.a is in work by process ${process.pid} on .*; expected a folder that nobody works in`),
    )
    await release()
    await (await takeLock(place, 'test'))()
    expect(readdirSync(join(folder, 'new'))).toEqual([])
  })

  it('counts a holder on another machine, and one whose number was used again', async () => {
    const place = join(folder, 'b')
    const holder = { pid: process.pid, host: 'elsewhere', began: null, token: 't' }
    writeFileSync(`${place}.lock`, JSON.stringify(holder))
    await expect(takeLock(place, 'test')).rejects.toThrow('on elsewhere')
    const release = await takeLock(join(folder, 'c'), 'test')
    const own = JSON.parse(readFileSync(join(folder, 'c.lock'), 'utf8'))
    await release()
    // Without a system that says when a process began, its number is all there is.
    if (own.began === null) return
    writeFileSync(`${place}.lock`, JSON.stringify({ ...own, began: '1' }))
    await (await takeLock(place, 'test'))()
    expect(existsSync(`${place}.lock`)).toBe(false)
  })

  it('passes from a killed process to one of several that want it at once', { timeout: 60_000 }, async () => {
    const place = join(folder, 'd')
    const first = taker(place)
    expect(await first.said).toBe('held')
    await expect(takeLock(place, 'test')).rejects.toThrow(Locked)
    await first.kill()
    const all = [1, 2, 3, 4].map(() => taker(place))
    const said = await Promise.all(all.map((one) => one.said))
    expect(said.sort()).toEqual(['Locked', 'Locked', 'Locked', 'held'])
    await Promise.all(all.map((one) => one.kill()))
    await (await takeLock(place, 'test'))()
    expect(readdirSync(folder).filter((name) => name.startsWith('d'))).toEqual([])
  })

  it('goes to one of many within a process, whatever the order', async () => {
    const place = join(folder, 'e')
    for (let round = 0; round < 20; round++) {
      writeFileSync(`${place}.lock`, JSON.stringify({ pid: 2 ** 30, host: hostname(), began: '1', token: `t${round}` }))
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => takeLock(place, 'test')))
      const held = results.filter((result) => result.status === 'fulfilled')
      expect(held).toHaveLength(1)
      await (held[0] as PromiseFulfilledResult<() => Promise<void>>).value()
    }
    expect(readdirSync(folder).filter((name) => name.startsWith('e'))).toEqual([])
  })

  const mounts = process.platform === 'linux' && spawnSync('unshare', ['-m', 'true']).status === 0
  it.skipIf(!mounts)('leaves nothing on a full disk, and says of a read-only one that it is', () => {
    const disk = join(folder, 'disk')
    mkdirSync(disk)
    const code = `import { readdirSync } from 'node:fs'
import { takeLock } from ${JSON.stringify(join(root, 'lib', 'io', 'lock.ts'))}
await takeLock(process.argv[1], 'test').catch((error) => console.log(error.message))
console.log(readdirSync(${JSON.stringify(disk)}, { recursive: true }).join())`
    const script = `mount -t tmpfs -o size=4k tmpfs ${disk} && echo x > ${disk}/full && "$@" ${disk}/run
      mount -o remount,ro ${disk} && "$@" ${disk}/new/run`
    const take = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', code]
    const { stdout } = spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', ...take], { cwd: root, encoding: 'utf8' })
    expect(stdout.trim().split('\n')).toEqual([
      `write: ${disk}/run.lock is on a full disk; expected free space for the file`,
      'full',
      `write: ${disk}/new is on a read-only file system; expected a writable folder`,
      'full',
    ])
  })

  it('names a place that cannot be written', async () => {
    writeFileSync(join(folder, 'file'), '')
    await expect(takeLock(join(folder, 'file', 'x'), 'test')).rejects.toThrow(/file.* is .*; expected/)
  })
})
