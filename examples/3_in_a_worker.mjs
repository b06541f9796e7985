// Training in a worker, so that the main thread stays free: node examples/3_in_a_worker.mjs
// The worker sends progress and the learned filters; the main thread counts its own ticks meanwhile.
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { learnFilters, renderSet } from 'striate'

if (isMainThread) {
  let ticks = 0
  let stages = 0
  const timer = setInterval(() => ticks++, 5)
  const worker = new Worker(new URL(import.meta.url))
  worker.on('message', (message) => {
    if (message.progress) stages++
    else console.log(`filters [${message.shape}] came from the worker, ${message.dead} dead`)
  })
  worker.on('exit', (code) => {
    clearInterval(timer)
    console.log(`worker ended with code ${code}; progress was told: ${stages > 10}; the main thread ran on: ${ticks > 10}`)
  })
} else {
  const images = await renderSet({ count: 1000, seed: 3 })
  const { filters, health } = await learnFilters(
    images,
    { units: 32, window: 5, steps: 2000 },
    { onProgress: ({ done, total }) => parentPort.postMessage({ progress: done / total }) },
  )
  const { data, shape } = await filters.read()
  parentPort.postMessage({ data, shape, dead: health.dead.length }, [data.buffer])
}

/* prints
filters [32,3,5,5] came from the worker, 0 dead
worker ended with code 0; progress was told: true; the main thread ran on: true
*/
