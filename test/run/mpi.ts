// Processes that mpirun starts, each with a script on the built package.
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '#root'

/** Whether there is no MPI, or the package was built without it. */
export const noMpi =
  !existsSync(join(root, 'build', 'Release', 'mpi', 'striate_mpi.node')) || spawnSync('mpirun', ['--version']).status !== 0

const started = ['--oversubscribe', '--mca', 'odls_base_sigkill_timeout', '2']

/** A script in which the package is `striate`. */
export function writeScript(folder: string, text: string): string {
  const file = join(folder, `script-${Math.random().toString(36).slice(2)}.mjs`)
  writeFileSync(file, `import * as striate from ${JSON.stringify(join(root, 'dist', 'index.js'))}\n${text}\n`)
  return file
}

/** Runs it in so many processes; those that are stopped by a signal have the time to say so. */
export function startProcesses(count: number, file: string, ...words: string[]): SpawnSyncReturns<string> {
  return spawnSync('mpirun', [...started, '-n', String(count), process.execPath, file, ...words], {
    env: { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1', STRIATE_THREADS: '1' },
    encoding: 'utf8',
    timeout: 60_000,
  })
}
