// A system without threads or memory for the decoder: a preloaded pthread_create answers EAGAIN to libvips after the first few, or the address space
// is bounded. The image is not called corrupt, nor left out by skipBad. `node test/faults/decoding.mjs` prints one line of JSON. Needs a C compiler.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'

const shim = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*), void* argument) {
  static int made;
  Dl_info caller;
  if (dladdr(__builtin_return_address(0), &caller) && caller.dli_fname && strstr(caller.dli_fname, "libvips"))
    if (made++ >= atoi(getenv("THREADS_GIVEN"))) return EAGAIN;
  return ((int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*))dlsym(RTLD_NEXT, "pthread_create"))(
      thread, attributes, start, argument);
}`
const entry = JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)
const program = `
  import { loadFolder } from ${entry}
  const [, path, skipBad] = process.argv
  try {
    const { shape } = await loadFolder(path, { size: 8, skipBad: skipBad === 'true' })
    console.log(JSON.stringify({ images: shape[0] }))
  } catch (error) {
    console.log(JSON.stringify({ error: error.name, message: error.message }))
  }`

const folder = mkdtempSync(join(tmpdir(), 'striate-decoding-'))
try {
  const library = join(folder, 'few_threads.so')
  writeFileSync(join(folder, 'few_threads.c'), shim)
  const built = spawnSync('cc', ['-shared', '-fPIC', '-o', library, join(folder, 'few_threads.c'), '-ldl'], { encoding: 'utf8' })
  if (built.status !== 0) throw new Error(`cc: ${built.error ?? built.stderr}`)
  const images = join(folder, 'images')
  mkdirSync(join(images, 'a'), { recursive: true })
  // Progressive: all of its coefficients are in memory before the first line is.
  const large = sharp({ create: { width: 9000, height: 9000, channels: 3, background: '#102030' } })
  writeFileSync(join(images, 'a', '1.jpg'), await large.jpeg({ progressive: true }).toBuffer())
  const run = (command, args, env = {}) => {
    const { status, signal, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, ...env } })
    if (status !== 0 || stderr) throw new Error(`${signal ?? status} ${stderr}`)
    return JSON.parse(stdout)
  }
  const node = ['--max-old-space-size=200', '--input-type=module', '-e', program, images]
  const given = (count, skipBad) =>
    run(process.execPath, [...node, String(skipBad)], { THREADS_GIVEN: String(count), LD_PRELOAD: library })
  const memory = run('sh', ['-c', 'ulimit -v 1400000; exec "$0" "$@"', process.execPath, ...node, 'false'])
  const result = {
    withoutThreads: given(0, false),
    skipped: given(0, true),
    withThreads: given(100, false),
    withoutMemory: memory,
  }
  console.log(JSON.stringify(result))
  const isNamed = ({ error, message = '' }) => error === 'OutOfMemoryError' && !message.includes('corrupt')
  process.exitCode =
    isNamed(result.withoutThreads) && isNamed(result.skipped) && isNamed(memory) && result.withThreads.images === 1 ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
