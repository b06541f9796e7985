// A system that gives no more threads: a preloaded pthread_create answers EAGAIN to the addon after the first few. Without one for the
// device's queue the device is refused in a sentence; with that one alone, or two more, the work is done by those there are and the results are
// the same. `node test/faults/threads.mjs` prints one line of JSON. Needs a C compiler. Run by `npm run test:faults` and test/workers.test.ts.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const shim = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
/* The addon's threads are made by libstdc++, Node's own by others. */
int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*), void* argument) {
  static int made;
  Dl_info caller;
  if (dladdr(__builtin_return_address(0), &caller) && caller.dli_fname && strstr(caller.dli_fname, "libstdc++"))
    if (made++ >= atoi(getenv("THREADS_GIVEN"))) return EAGAIN;
  return ((int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*))dlsym(RTLD_NEXT, "pthread_create"))(
      thread, attributes, start, argument);
}`
const entry = JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)
const program = `
  import { createHash } from 'node:crypto'
  import { cpu, matmul, Tensor, threads } from ${entry}
  try {
    cpu()
    const x = Tensor.from(Float32Array.from({ length: 300 * 300 }, (_, i) => ((i * 40503) % 1000) / 1000), { shape: [300, 300] })
    let y = x
    for (let i = 0; i < 4; i++) y = matmul(y, x)
    const { data } = await y.read()
    console.log(JSON.stringify({ threads: threads(), digest: createHash('sha256').update(new Uint8Array(data.buffer)).digest('hex') }))
  } catch (error) {
    console.log(JSON.stringify({ error: error.name, message: error.message }))
  }`

const folder = mkdtempSync(join(tmpdir(), 'striate-threads-'))
try {
  const library = join(folder, 'few_threads.so')
  writeFileSync(join(folder, 'few_threads.c'), shim)
  const built = spawnSync('cc', ['-shared', '-fPIC', '-o', library, join(folder, 'few_threads.c'), '-ldl'], { encoding: 'utf8' })
  if (built.status !== 0) throw new Error(`cc: ${built.error ?? built.stderr}`)
  const given = (count) => {
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
      env: { ...process.env, STRIATE_THREADS: '6', THREADS_GIVEN: String(count), LD_PRELOAD: library },
    })
    if (status !== 0 || stderr) throw new Error(`with ${count} threads: ${signal ?? status} ${stderr}`)
    return JSON.parse(stdout)
  }
  const [none, one, three, enough] = [given(0), given(1), given(3), given(100)]
  console.log(
    JSON.stringify({
      refused: none,
      threads: [one, three, enough].map((run) => run.threads),
      same: one.digest === enough.digest && three.digest === enough.digest,
    }),
  )
} finally {
  rmSync(folder, { recursive: true })
}
