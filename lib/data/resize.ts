// Resizing by a triangle filter that widens as the image shrinks: the bilinear one of Pillow, and so of torchvision, to the same bytes. (What libvips
// calls linear keeps its filter narrow behind a box that shrinks first, and differs by 10 grey levels and more.)

/** Height and width. */
export interface Extent {
  height: number
  width: number
}

/** The part of the image that is resized, in pixels and fractions of them. */
export interface Box extends Extent {
  top: number
  left: number
}

/** For every pixel of the output along one axis: the first pixel of the input that it is made of, how many, and their weights. */
interface Taps {
  first: Int32Array
  count: Int32Array
  /** [output, most] as whole numbers of 2^-22. */
  weights: Int32Array
  most: number
}

const precision = 22

function tapsOf(input: number, start: number, length: number, output: number): Taps {
  const scale = length / output
  const support = Math.max(scale, 1)
  const most = Math.ceil(support) * 2 + 1
  const taps: Taps = {
    first: new Int32Array(output),
    count: new Int32Array(output),
    weights: new Int32Array(output * most),
    most,
  }
  const weights = new Float64Array(most)
  for (let i = 0; i < output; ++i) {
    const centre = start + (i + 0.5) * scale
    const first = Math.max(0, Math.trunc(centre - support + 0.5))
    const count = Math.min(input, Math.trunc(centre + support + 0.5)) - first
    let sum = 0
    for (let j = 0; j < count; ++j) {
      const distance = Math.abs((first + j - centre + 0.5) / support)
      weights[j] = Math.max(0, 1 - distance)
      sum += weights[j] as number
    }
    taps.first[i] = first
    taps.count[i] = count
    for (let j = 0; j < count; ++j) taps.weights[i * most + j] = Math.floor(((weights[j] as number) / sum) * 2 ** precision + 0.5)
  }
  return taps
}

/** One axis of interleaved bytes: `outer` lines, each of pixels that lie `step` bytes apart and hold `inner` neighbouring samples. */
function along(
  data: Uint8Array,
  taps: Taps,
  outer: number,
  input: number,
  output: number,
  inner: number,
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(outer * output * inner)
  const { first, count, weights, most } = taps
  for (let line = 0; line < outer; ++line)
    for (let i = 0; i < output; ++i) {
      const from = (line * input + (first[i] as number)) * inner
      const to = (line * output + i) * inner
      const taken = count[i] as number
      for (let sample = 0; sample < inner; ++sample) {
        // Sums stay below 2^31: the weights' is 2^22 but for rounding, and a byte is at most 255.
        let sum = 1 << (precision - 1)
        for (let j = 0, at = from + sample; j < taken; ++j, at += inner)
          sum += (data[at] as number) * (weights[i * most + j] as number)
        const value = sum >> precision
        out[to + sample] = Math.max(0, Math.min(255, value))
      }
    }
  return out
}

/**
 * Interleaved bytes [H,W,C] in another size.
 * @param box what of the image is resized; all of it by default
 */
export function resizeBilinear(
  data: Uint8Array,
  { height, width }: Extent,
  to: Extent,
  box: Box = { top: 0, left: 0, height, width },
): Uint8Array<ArrayBuffer> {
  const channels = data.length / (height * width)
  const across = along(data, tapsOf(width, box.left, box.width, to.width), height, width, to.width, channels)
  return along(across, tapsOf(height, box.top, box.height, to.height), 1, height, to.height, to.width * channels)
}

/** Planar bytes [C,H,W] in another size. */
export function resizePlanes(data: Uint8Array, { height, width }: Extent, to: Extent): Uint8Array<ArrayBuffer> {
  const planes = data.length / (height * width)
  const across = along(data, tapsOf(width, 0, width, to.width), planes * height, width, to.width, 1)
  return along(across, tapsOf(height, 0, height, to.height), planes, height, to.height, to.width)
}

/** The middle part of an image that has another's aspect and reaches two of its sides. */
export function coveringBox({ height, width }: Extent, to: Extent): Box {
  const scale = Math.max(to.height / height, to.width / width)
  const [boxHeight, boxWidth] = [to.height / scale, to.width / scale]
  return { top: (height - boxHeight) / 2, left: (width - boxWidth) / 2, height: boxHeight, width: boxWidth }
}

/** The size in which all of an image has room within another's, and as much of it as it can have. */
export function containedExtent({ height, width }: Extent, to: Extent): Extent {
  const scale = Math.min(to.height / height, to.width / width)
  const side = (length: number, most: number) => Math.max(1, Math.min(most, Math.round(length * scale)))
  return { height: side(height, to.height), width: side(width, to.width) }
}
