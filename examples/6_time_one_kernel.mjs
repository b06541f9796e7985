// One kernel against the machine's own limits: node examples/6_time_one_kernel.mjs
// The rectified power of ten million numbers, beside what copying memory takes. `striate bench --python ...` adds PyTorch on the same work.
import { runBench } from 'striate/bench'

const { rows, limits } = await runBench({ ops: ['rectified_power'], peers: false, rounds: 3 })
for (const { op, case: name, rate, unit, limit } of rows) {
  console.log(
    `${op} (${name}): ${(rate.median / 1e9).toFixed(2)} G ${unit}/s, ${(100 * limit.share).toFixed(0)} % of the ${limit.kind} limit`,
  )
}
console.log(`memory is copied at ${limits.copyGbs.toFixed(0)} GB/s, read plus written`)

/* prints, on an AMD EPYC (Zen 5), one thread
rectified_power (n=40, 1e7 elements): 3.01 G elements/s, 44 % of the copy limit
memory is copied at 55 GB/s, read plus written
*/
