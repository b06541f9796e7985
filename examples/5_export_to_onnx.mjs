// A network for other tools: node examples/5_export_to_onnx.mjs [folder]
// Trains a small classifier, writes it as one ONNX file of standard operators, and beside it images, labels and Striate's own outputs as npy.
// Then, where Python has onnxruntime: python examples/5_use_onnx.py [folder]
import { join } from 'node:path'
import { exportOnnx, labelsOf, renderSet, Tensor, trainLocal, writeNpy } from 'striate'

const folder = process.argv[2] ?? '.'
const { net } = await trainLocal(await renderSet({ count: 4000, seed: 1 }), {
  filters: { units: 64, window: 5, steps: 1000 },
  readout: { poolSize: 9, poolStrides: [5] },
})
await exportOnnx(net, join(folder, 'net.onnx'))

const test = await renderSet({ count: 500, seed: 1, first: 4000 })
const { labels } = labelsOf(test)
const images = Tensor.from(test.pixels, { shape: test.shape })
const logits = await (await net.infer(images)).read()
await writeNpy(join(folder, 'images.npy'), { data: test.pixels, shape: test.shape })
await writeNpy(join(folder, 'labels.npy'), { data: labels, shape: [labels.length] })
await writeNpy(join(folder, 'logits.npy'), { data: logits.data, shape: logits.shape })

const classes = net.classes.length
const wrong = Array.from(labels).filter((label, i) => {
  const row = Array.from(logits.data.subarray(i * classes, (i + 1) * classes))
  return row.indexOf(Math.max(...row)) !== label
}).length
console.log(`written: net.onnx, images.npy, labels.npy, logits.npy; ${wrong} of ${labels.length} images wrong`)

/* prints
written: net.onnx, images.npy, labels.npy, logits.npy; 263 of 500 images wrong
*/
