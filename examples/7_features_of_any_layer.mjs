// Named layers of any network in one pass: node examples/7_features_of_any_layer.mjs
// ResNet-18 with random weights on scenes, read out at three of its layers; every other map is let go of on the way.
import { Network, renderSet, resNet18, Tensor, trainReadout } from 'striate'

const images = await renderSet({ count: 800, size: 32, seed: 5 })
const net = new Network(resNet18({ image: [32, 32], classes: images.targets.class.classes }), { seed: 1 })
const batch = Tensor.from(await images.rows([0, 1, 2, 3]), { shape: [4, 3, 32, 32] })
const at = ['relu', 'layer1.1.relu', 'layer2.1.relu']
for (const [name, map] of Object.entries(await net.features(batch, { at }))) console.log(`${name}: [${map.shape}]`)

for (const layer of at.slice(1)) {
  const { chosen } = await trainReadout(net, images, { at: layer, epochs: 5, refit: false, validation: 0.25 })
  console.log(`readout of ${layer}: validation error ${(100 * chosen.validationError).toFixed(0)} %`)
}

/* prints
relu: [4,64,16,16]
layer1.1.relu: [4,64,8,8]
layer2.1.relu: [4,128,4,4]
readout of layer1.1.relu: validation error 66 %
readout of layer2.1.relu: validation error 68 %
*/
