// A network behind HTTP: node examples/4_serve_over_http.mjs [port]
// Trains a small classifier, answers POST /classify (a JPEG, PNG or WebP of any size in the body) with the class and its probability, asks itself
// three times, and stops; with a port it goes on serving:
//   curl --data-binary @photo.jpg localhost:8080/classify
import { createServer } from 'node:http'
import sharp from 'sharp'
import { predict, renderSet, trainLocal } from 'striate'

const images = await renderSet({ count: 4000, seed: 1 })
const { net } = await trainLocal(images, {
  filters: { units: 64, window: 5, steps: 1000 },
  readout: { poolSize: 9, poolStrides: [5] },
})
const server = createServer(async (request, response) => {
  const answer = (status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  if (request.method !== 'POST' || request.url !== '/classify') return answer(404, { error: 'POST /classify' })
  try {
    const { class: name, probability } = await predict(net, Buffer.concat(await request.toArray()))
    answer(200, { class: name, probability })
  } catch (error) {
    answer(400, { error: error.message })
  }
})
await new Promise((ready) => server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', ready))
const url = `http://127.0.0.1:${server.address().port}/classify`

const unseen = await renderSet({ count: 24, seed: 1, first: 4000 })
let right = 0
for (let i = 0; i < 24; i++) {
  const planar = await unseen.rows([i])
  const rgb = Uint8Array.from({ length: planar.length }, (_, at) => planar[(at % 3) * 1024 + Math.floor(at / 3)])
  const png = await sharp(rgb, { raw: { width: 32, height: 32, channels: 3 } })
    .png()
    .toBuffer()
  const answer = await (await fetch(url, { method: 'POST', body: png })).json()
  right += answer.class === unseen.targets.class.classes[unseen.targets.class.values[i]]
}
console.log(`${right} of 24 images right, chance 3`)
const refused = await fetch(url, { method: 'POST', body: 'no image' })
console.log(`what is no image is refused with status ${refused.status}`)
if (process.argv[2] === undefined) server.close()

/* prints
11 of 24 images right, chance 3
what is no image is refused with status 400
*/
