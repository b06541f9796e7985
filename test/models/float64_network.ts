// A float64 reference of whole networks, layer by layer, written from the layers' definitions, with the rounding error that a float32
// evaluation of each number has.
//
// `error` is a root mean square. Every float32 operation rounds by at most U |result|, evenly: U |result| / sqrt(3) rms. The roundings of a
// sum are those of its partial sums, which are followed in their plain order (lanes and blocks have smaller ones), and two for each
// product: its own, and that of a weight into which a runtime folded a batch normalisation. Roundings are taken as independent, so that
// squares add up; where one rounding reaches all inputs of a layer alike (1 / |v| of a patch, in the sum of a readout), errors add up
// themselves. Errors pass through a layer to first order. Two correct evaluations then differ from this one by a few `error`; tests allow
// 10, so that a rounding error of another distribution has room and a wrong formula has none.
import type { Safetensor } from '../../lib/io/index.js'
import type { Layer, LayerSpec } from '../../lib/models/index.js'
import { passiBank, waveletFilters } from '../../lib/ops/index.js'
import { U } from '../ops/proof.js'

export interface Numbers {
  /** With N. */
  shape: number[]
  y: Float64Array
  error: Float64Array
}

export type State = ReadonlyMap<string, Safetensor>

const rms = U ** 2 / 3

export function numbers(shape: number[], y: ArrayLike<number>, error: (y: number) => number = () => 0): Numbers {
  return { shape, y: Float64Array.from(y), error: Float64Array.from(y, error) }
}

/** What the layers compute, one after another. */
export function evaluate(layers: readonly Layer[], state: State, x: Numbers): Numbers {
  return layers.reduce((input, layer) => evaluateLayer(layer, state, input), x)
}

function evaluateLayer(layer: Layer, state: State, x: Numbers): Numbers {
  const { name: layerName } = layer
  const spec = layer.spec as LayerSpec
  const of = (name: string) => (state.get(`${layerName}.${name}`) as Safetensor).data as Float32Array
  switch (spec.kind) {
    case 'conv': {
      const { units, window, stride, padding } = spec
      return convolve(x, of('weight'), { units, window, stride, padding }, { bias: spec.bias ? of('bias') : null })
    }
    case 'nnl_conv': {
      const { units, window, stride, padding, normalise, centre, response, pool, power } = spec
      const cosines = convolve(x, of('weight'), { units, window, stride, padding }, { patch: normalise === 'patch', centre })
      const sums = spec.bias ? shifted(cosines, of('bias')) : cosines
      const code = { rectified: sums, signed: sums, 'both-signs': bothSigns(sums), triangle: triangle(sums) }[response]
      const maxima = pool ? pooled(code, pool, 'max') : code
      return response === 'signed' ? maxima : raised(maxima, power)
    }
    case 'relu':
      return raised(x, 1)
    case 'rectified_power':
      return raised(x, spec.power)
    case 'max_pool':
    case 'avg_pool':
      return pooled(x, spec, spec.kind === 'max_pool' ? 'max' : 'mean')
    case 'batch_norm':
      return normalised(x, of('gamma'), of('beta'), of('mean'), of('variance'), spec.epsilon)
    case 'standardise': {
      const std = of('std')
      const none = new Float32Array(std.length)
      const one = none.map(() => 1)
      // The rounding of std^2 stands in for that of + epsilon, which changes nothing here.
      return normalised(
        x,
        one,
        none,
        of('mean'),
        Float64Array.from(std, (v) => v ** 2),
        0,
      )
    }
    case 'wavelet_block':
      return waveletBlock(x, spec, { weight: of('weight'), bias: of('bias'), mean: of('mean'), variance: of('variance') })
    case 'flatten':
      return flat(x)
    case 'linear':
      return linear(flat(x), of('weight'), of('bias'))
    case 'residual': {
      const [body, shortcut] = within(layer, [spec.body, spec.shortcut]).map((layers) => evaluate(layers, state, x)) as [
        Numbers,
        Numbers,
      ]
      const y = body.y.map((v, i) => v + (shortcut.y[i] as number))
      const error = y.map((v, i) => Math.hypot(body.error[i] as number, shortcut.error[i] as number, Math.sqrt(rms) * v))
      return { shape: body.shape, y, error }
    }
    case 'parallel':
      return beside(within(layer, spec.branches).map((branch) => flat(evaluate(branch, state, x))))
  }
}

function within(layer: Layer, lists: readonly (readonly LayerSpec[])[]): Layer[][] {
  const rest = [...layer.children]
  return lists.map((list) => rest.splice(0, list.length))
}

function flat({ shape, y, error }: Numbers): Numbers {
  const n = shape[0] as number
  return { shape: [n, y.length / n], y, error }
}

function beside(parts: Numbers[]): Numbers {
  const n = parts[0]?.shape[0] as number
  const columns = parts.map((part) => part.shape[1] as number)
  const whole = numbers(
    [n, columns.reduce((a, b) => a + b)],
    new Float64Array(parts.reduce((sum, part) => sum + part.y.length, 0)),
  )
  let at = 0
  for (let i = 0; i < n; i++)
    parts.forEach(({ y, error }, j) => {
      const width = columns[j] as number
      whole.y.set(y.subarray(i * width, (i + 1) * width), at)
      whole.error.set(error.subarray(i * width, (i + 1) * width), at)
      at += width
    })
  return whole
}

const four = (x: Numbers) => x.shape as [number, number, number, number]

interface Places {
  units: number
  window: number
  stride: number
  padding: number
}

/** Convolution: products of filters with patches, or, with `patch`, their cosines. */
function convolve(
  x: Numbers,
  w: Float32Array,
  { units, window, stride, padding }: Places,
  { bias = null, patch = false, centre = false }: { bias?: Float32Array | null; patch?: boolean; centre?: boolean },
): Numbers {
  const [N, C, H, W] = four(x)
  const positions = (size: number) => Math.floor((size + 2 * padding - window) / stride) + 1
  const [P, Q] = [positions(H), positions(W)]
  const T = C * window * window
  const result = numbers([N, units, P, Q], new Float64Array(N * units * P * Q))
  const v = new Float64Array(T)
  const e2 = new Float64Array(T)
  for (let n = 0; n < N; n++)
    for (let p = 0; p < P; p++)
      for (let q = 0; q < Q; q++) {
        v.fill(0)
        e2.fill(0)
        for (let c = 0, t = 0; c < C; c++)
          for (let r = 0; r < window; r++)
            for (let s = 0; s < window; s++, t++) {
              const [row, column] = [p * stride + r - padding, q * stride + s - padding]
              if (row < 0 || row >= H || column < 0 || column >= W) continue
              const at = ((n * C + c) * H + row) * W + column
              v[t] = x.y[at] as number
              e2[t] = (x.error[at] as number) ** 2
            }
        if (centre) takeMeanOff(v, e2)
        const length = patch ? norm(v, e2) : { inverse: 1, error2: 0 }
        for (let k = 0; k < units; k++) {
          let sum = 0
          let carried = 0
          let partial = 0
          let products = 0
          for (let t = 0; t < T; t++) {
            const weight = w[k * T + t] as number
            const product = weight * (v[t] as number)
            sum += product
            carried += weight * weight * (e2[t] as number)
            partial += sum * sum
            products += product * product
          }
          const y = sum * length.inverse
          const error2 = (carried + rms * (partial + 2 * products)) * length.inverse ** 2 + length.error2 * y * y
          const at = ((n * units + k) * P + p) * Q + q
          result.y[at] = y
          result.error[at] = Math.sqrt(error2)
        }
      }
  return bias ? shifted(result, bias) : result
}

/** v less its mean: rounded when v_0, or a part of the mean, is taken off, and twice after that. */
function takeMeanOff(v: Float64Array, e2: Float64Array): void {
  const first = v[0] as number
  const mean = v.every((value) => value === first) ? first : v.reduce((a, b) => a + b, 0) / v.length
  v.forEach((value, t) => {
    e2[t] = (e2[t] as number) + rms * ((value - first) ** 2 + 2 * (value - mean) ** 2)
    v[t] = value - mean
  })
}

/** 1 / |v|, 0 of a zero patch, and its relative error squared: the sum of squares, its root, the reciprocal, the product with it. */
function norm(v: Float64Array, e2: Float64Array): { inverse: number; error2: number } {
  let sum = 0
  let rounding = 0
  let carried = 0
  v.forEach((value, t) => {
    sum += value * value
    rounding += sum * sum + value ** 4
    carried += value * value * (e2[t] as number)
  })
  if (sum <= 2 ** -126) return { inverse: 0, error2: 0 }
  return { inverse: 1 / Math.sqrt(sum), error2: (carried + (rms * rounding) / 4) / sum ** 2 + 3 * rms }
}

function shifted(x: Numbers, bias: Float32Array): Numbers {
  const [, channels, height, width] = four(x)
  const y = x.y.map((v, i) => v + (bias[Math.floor(i / (height * width)) % channels] as number))
  return { ...x, y, error: x.error.map((e, i) => Math.hypot(e, Math.sqrt(rms) * (y[i] as number))) }
}

/** Channels, then the same with their signs turned. */
function bothSigns(x: Numbers): Numbers {
  const [N, C, H, W] = four(x)
  const image = C * H * W
  const twice = (values: Float64Array, sign: number) => {
    const out = new Float64Array(2 * values.length)
    for (let n = 0; n < N; n++)
      for (const [half, factor] of [1, sign].entries())
        for (let i = 0; i < image; i++) out[(2 * n + half) * image + i] = factor * (values[n * image + i] as number)
    return out
  }
  return { shape: [N, 2 * C, H, W], y: twice(x.y, -1), error: twice(x.error, 1) }
}

/** max(mean over the channels of d - d, 0) of d = sqrt(2 - 2 x), whose error is that of x over d, and three roundings. */
function triangle(x: Numbers): Numbers {
  const [N, C, H, W] = four(x)
  const area = H * W
  const y = new Float64Array(x.y.length)
  const error = new Float64Array(x.y.length)
  for (let n = 0; n < N; n++)
    for (let p = 0; p < area; p++) {
      const channels = Array.from({ length: C }, (_, c) => (n * C + c) * area + p)
      const d = channels.map((i) => Math.sqrt(Math.max(2 - 2 * (x.y[i] as number), 0)))
      const e = channels.map((i, c) => (x.error[i] as number) / Math.max(d[c] as number, 1e-3) + 3 * U * (d[c] as number))
      const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / C
      channels.forEach((i, c) => {
        y[i] = Math.max(mean(d) - (d[c] as number), 0)
        error[i] = Math.hypot(e[c] as number, mean(e), Math.sqrt(C * rms) * mean(d))
      })
    }
  return { ...x, y, error }
}

/** max(x, 0)^n: (n + 4) roundings of the result at most, what x brings along, also where it is only just negative, and the least normal number, below which 0 counts. */
function raised(x: Numbers, n: number): Numbers {
  const y = x.y.map((v) => Math.max(v, 0) ** n)
  const error = x.y.map((v, i) => {
    const e = x.error[i] as number
    if (n === 1) return v > -10 * e ? e : 0
    const reached = v + 10 * e
    if (reached <= 0) return 0
    return (reached ** n - (y[i] as number)) / 10 + (n + 4) * U * (y[i] as number) + 2 ** -126
  })
  return { ...x, y, error }
}

function pooled(
  x: Numbers,
  { size, stride, padding }: { size: number; stride: number; padding: number },
  kind: 'max' | 'mean',
): Numbers {
  const [N, C, H, W] = four(x)
  const positions = (extent: number) => Math.floor((extent + 2 * padding - size) / stride) + 1
  const [P, Q] = [positions(H), positions(W)]
  const result = numbers([N, C, P, Q], new Float64Array(N * C * P * Q))
  for (let plane = 0, at = 0; plane < N * C; plane++)
    for (let p = 0; p < P; p++)
      for (let q = 0; q < Q; q++, at++) {
        let [max, sum, partial, largest, squares] = [Number.NEGATIVE_INFINITY, 0, 0, 0, 0]
        for (let row = p * stride - padding; row < p * stride - padding + size; row++)
          for (let column = q * stride - padding; column < q * stride - padding + size; column++) {
            if (row < 0 || row >= H || column < 0 || column >= W) continue
            const i = (plane * H + row) * W + column
            max = Math.max(max, x.y[i] as number)
            sum += x.y[i] as number
            partial += sum * sum
            largest = Math.max(largest, x.error[i] as number)
            squares += (x.error[i] as number) ** 2
          }
        const cells = size * size
        result.y[at] = kind === 'max' ? max : sum / cells
        // The mean by a division, or by a product with 1 / cells, which is rounded too.
        result.error[at] = kind === 'max' ? largest : Math.sqrt(squares + rms * (partial + 2 * sum * sum)) / cells
      }
  return result
}

/** y = scale x + shift, scale = gamma / sqrt(variance + epsilon) of three roundings, shift = beta - mean scale. */
function normalised(
  x: Numbers,
  gamma: Float32Array,
  beta: Float32Array,
  mean: Float32Array,
  variance: Float32Array | Float64Array,
  epsilon: number,
): Numbers {
  const [, C, H, W] = four(x)
  const result = numbers(x.shape, x.y)
  x.y.forEach((v, i) => {
    const c = Math.floor(i / (H * W)) % C
    const scale = (gamma[c] as number) / Math.sqrt((variance[c] as number) + epsilon)
    const away = (mean[c] as number) * scale
    const y = v * scale - away + (beta[c] as number)
    result.y[i] = y
    const rounded = 4 * (v * scale) ** 2 + 4 * away ** 2 + ((beta[c] as number) - away) ** 2 + y * y
    result.error[i] = Math.sqrt((scale * (x.error[i] as number)) ** 2 + rms * rounded)
  })
  return result
}

function linear(x: Numbers, w: Float32Array, b: Float32Array): Numbers {
  const [N, D] = x.shape as [number, number]
  const result = numbers([N, b.length], new Float64Array(N * b.length))
  for (let n = 0; n < N; n++)
    for (let k = 0; k < b.length; k++) {
      let [sum, carried, partial, products] = [0, 0, 0, 0]
      for (let d = 0; d < D; d++) {
        const weight = w[k * D + d] as number
        const product = weight * (x.y[n * D + d] as number)
        sum += product
        carried += Math.abs(weight) * (x.error[n * D + d] as number)
        partial += sum * sum
        products += product * product
      }
      const y = sum + (b[k] as number)
      result.y[n * b.length + k] = y
      result.error[n * b.length + k] = carried + Math.sqrt(rms * (partial + 2 * products + y * y))
    }
  return result
}

type WaveletBlockSpec = Extract<LayerSpec, { kind: 'wavelet_block' }>

/** Filters of one bank on every channel, modulus, standardisation folded into the mixing, each position divided by its norm. */
function waveletBlock(
  x: Numbers,
  { bank, orientations, nonlinearity, normalise, units }: WaveletBlockSpec,
  { weight, bias, mean, variance }: Record<'weight' | 'bias' | 'mean' | 'variance', Float32Array>,
): Numbers {
  const [N, C] = four(x)
  const options = passiBank(bank === 'first' ? 1 : bank, orientations)
  const stride = bank === 'odd' ? 1 : 2
  const around = bordered(x, options.size, stride)
  // Every channel by itself.
  const each = { ...around, shape: [N * C, 1, ...around.shape.slice(2)] }
  const parts = 1 + 2 * orientations
  const filtered = convolve(each, waveletFilters(options), { units: parts, window: options.size, stride, padding: 0 }, {})
  const [, , P, Q] = four(filtered)
  const area = P * Q
  const D = C * (1 + orientations)
  const responses = numbers([N, D, P, Q], new Float64Array(N * D * area))
  for (let plane = 0; plane < N * C; plane++)
    for (let response = 0; response <= orientations; response++) {
      const [n, c] = [Math.floor(plane / C), plane % C]
      const to = (n * D + (response === 0 ? c : C + c * orientations + response - 1)) * area
      const from = (part: number) => (plane * parts + part) * area
      for (let i = 0; i < area; i++) {
        const real = from(response === 0 ? 0 : 2 * response - 1) + i
        const [a, e] = [filtered.y[real] as number, filtered.error[real] as number]
        if (response === 0 || nonlinearity === 'relu') {
          responses.y[to + i] = response === 0 ? a : Math.max(a, 0)
          responses.error[to + i] = e
          continue
        }
        const imaginary = from(2 * response) + i
        const [b, f] = [filtered.y[imaginary] as number, filtered.error[imaginary] as number]
        const modulus = Math.hypot(a, b)
        responses.y[to + i] = modulus
        responses.error[to + i] =
          modulus > 0 ? Math.sqrt(((a * e) ** 2 + (b * f) ** 2) / modulus ** 2 + 3 * rms * modulus ** 2) : e + f
      }
    }
  const w = Float32Array.from(weight, (v, i) => v / Math.sqrt((variance[i % D] as number) + 1e-5))
  const mixed = convolve(responses, w, { units, window: 1, stride: 1, padding: 0 }, {})
  const offset = Array.from(bias, (b, k) => {
    let [sum, error2] = [b, 0]
    for (let d = 0; d < D; d++) {
      const away = ((weight[k * D + d] as number) / Math.sqrt((variance[d] as number) + 1e-5)) * (mean[d] as number)
      sum -= away
      error2 += rms * (sum * sum + 4 * away * away)
    }
    return { sum, error2 }
  })
  mixed.y.forEach((v, i) => {
    const { sum, error2 } = offset[Math.floor(i / area) % units] as { sum: number; error2: number }
    mixed.y[i] = v + sum
    mixed.error[i] = Math.sqrt((mixed.error[i] as number) ** 2 + error2 + rms * (v + sum) ** 2)
  })
  if (!normalise) return mixed
  const v = new Float64Array(units)
  const e2 = new Float64Array(units)
  for (let n = 0; n < N; n++)
    for (let i = 0; i < area; i++) {
      const at = (k: number) => (n * units + k) * area + i
      v.forEach((_, k) => {
        v[k] = mixed.y[at(k)] as number
        e2[k] = (mixed.error[at(k)] as number) ** 2
      })
      const { inverse, error2 } = norm(v, e2)
      v.forEach((value, k) => {
        const y = value * inverse
        mixed.y[at(k)] = y
        mixed.error[at(k)] = Math.sqrt((e2[k] as number) * inverse ** 2 + error2 * y * y)
      })
    }
  return mixed
}

/** A map reflected by 2 at its ends (of an odd axis by 1 before it), circular there, as far as filters of a size reach from what is left of it. */
function bordered(x: Numbers, size: number, stride: number): Numbers {
  const [N, C, H, W] = four(x)
  const places = (length: number) => {
    const before = length % 2 === 0 ? 2 : 1
    const grid = length + before + 2
    const reflected = Array.from({ length: grid }, (_, place) => {
      const period = 2 * (length - 1)
      const i = (((place - before) % period) + period) % period
      return i < length ? i : period - i
    })
    const count = ((grid - 4) / stride - 1) * stride + size
    return Array.from({ length: count }, (_, i) => reflected[(((2 + i - (size - 1) / 2) % grid) + grid) % grid] as number)
  }
  const [rows, columns] = [places(H), places(W)]
  const pick = (from: Float64Array) =>
    Float64Array.from({ length: N * C * rows.length * columns.length }, (_, i) => {
      const column = columns[i % columns.length] as number
      const row = rows[Math.floor(i / columns.length) % rows.length] as number
      return from[(Math.floor(i / (columns.length * rows.length)) * H + row) * W + column] as number
    })
  return { shape: [N, C, rows.length, columns.length], y: pick(x.y), error: pick(x.error) }
}
