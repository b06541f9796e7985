// Workers that end in the middle of what they do: by terminate() and by process.exit(), with reads, products and syncs in flight. The
// process must outlive them all. `node test/faults/workers.mjs [count]` prints one line of JSON: workers, ends of each kind, and that the
// main thread still computes. Run by `npm run test:faults` with 500 workers, and by test/workers.test.ts with fewer.
import { setTimeout as wait } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'

const count = Number(process.argv[2] ?? 500)
const entry = new URL('../../dist/index.js', import.meta.url).href

const loops = {
  read: 'await x.read()',
  reads: 'await Promise.all(Array.from({ length: 32 }, () => x.read()))',
  product: 'const y = matmul(x, x); await y.read(); y.dispose()',
  sync: 'scale(x, { factor: 1 }).dispose(); await cpu().sync()',
  fault: 'await softmaxCrossEntropy(x, labels).loss.read().catch(() => {})',
}
const ends = {
  terminate: 'parentPort.postMessage(1)',
  exit: 'parentPort.postMessage(1); setTimeout(() => process.exit(0), delay)',
}
const body = (loop, end, delay) => `
  import { parentPort } from 'node:worker_threads'
  import { cpu, matmul, scale, softmaxCrossEntropy, Tensor } from ${JSON.stringify(entry)}
  const delay = ${delay}
  const x = Tensor.from(new Float32Array(96 * 96).fill(0.5), { shape: [96, 96] })
  const labels = Tensor.from(new Int32Array(96).fill(-1))
  ${end}
  for (;;) { ${loop} }`

async function run(i) {
  const [loop, end] = [Object.keys(loops)[i % 5], Object.keys(ends)[Math.floor(i / 5) % 2]]
  const delay = i % 13
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(body(loops[loop], ends[end], delay))}`))
  const ended = new Promise((resolve, reject) => {
    worker.once('exit', resolve)
    worker.once('error', reject)
  })
  await Promise.race([new Promise((resolve) => worker.once('message', resolve)), ended])
  if (end === 'terminate') {
    await wait(delay)
    await worker.terminate()
  }
  await ended
  tally[end]++
}

const tally = { terminate: 0, exit: 0 }
let next = 0
const lane = async () => {
  while (next < count) await run(next++)
}
await Promise.all([lane(), lane(), lane(), lane()])

const { scale, Tensor } = await import(entry)
const alive = (await scale(Tensor.from(new Float32Array([1, 2])), { factor: 3 }).read()).data
console.log(JSON.stringify({ workers: count, ...tally, alive: [...alive] }))
