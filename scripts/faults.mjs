// `npm run test:faults`: what needs hundreds of workers, other limits or broken disks, and so is no part of `npm test`. Each script prints
// the counts that it reached and ends with an exit code.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './root.mjs'

const folder = join(root, 'test', 'faults')
let failed = 0
for (const script of readdirSync(folder).filter((file) => file.endsWith('.mjs'))) {
  console.log(`${script}:`)
  const { status } = spawnSync(process.execPath, [join(folder, script)], { cwd: root, stdio: 'inherit' })
  if (status !== 0) failed++
}
console.log(failed === 0 ? 'every script passed' : `${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
