// A tensor of more than 2 GiB, which Node.js neither writes, reads nor digests in one piece: it comes back as it was, and a byte that is damaged
// behind that is found. Needs 5 GB of memory and 3 GB of disk. `node test/faults/large_files.mjs` prints one line of JSON.
import { mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readSafetensors, writeSafetensors } from '../../dist/index.js'

const folder = mkdtempSync(join(tmpdir(), 'striate-large-'))
try {
  const file = join(folder, 'large.safetensors')
  const count = 2 ** 29 + 3
  const data = new Float32Array(count)
  const marks = [0, 2 ** 28, 2 ** 29 - 1, 2 ** 29, count - 1]
  for (const at of marks) data[at] = 1 + (at % 1000)
  await writeSafetensors(file, { large: { dtype: 'F32', shape: [count], data } }, { digest: true })
  const bytes = statSync(file).size
  const { tensors, verified } = await readSafetensors(file)
  const found = tensors.get('large').data
  const same = found.length === count && marks.every((at) => found[at] === data[at])
  tensors.clear()
  writeSync(openSync(file, 'r+'), Buffer.of(1), 0, 1, bytes - 6)
  const damaged = await readSafetensors(file).then(
    () => 'not found',
    (error) => (/ is damaged; expected /.test(error.message) ? 'found' : error.message),
  )
  console.log(JSON.stringify({ bytes, same, verified, damaged }))
  process.exitCode = same && verified && damaged === 'found' ? 0 : 1
} finally {
  rmSync(folder, { recursive: true })
}
