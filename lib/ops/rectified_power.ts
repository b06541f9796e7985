import { callOp, type Tensor } from '../tensor.js'

export interface RectifiedPowerOptions {
  /** Any real power from 1 to 200. */
  power: number
}

/**
 * ReLU(x)^power, element by element; 0 where that is below 2^-126, the smallest normal number of float32.
 * Grinberg, Hopfield, Krotov 2019, equation 3.
 */
export function rectifiedPower(x: Tensor, options: RectifiedPowerOptions): Tensor {
  return callOp('rectified_power', [x], options)[0] as Tensor
}

/** Gradient of {@link rectifiedPower}: gy * power * ReLU(x)^(power - 1), and 0 where the function is. */
export function rectifiedPowerGrad(x: Tensor, gy: Tensor, options: RectifiedPowerOptions): Tensor {
  return callOp('rectified_power_grad', [x, gy], options)[0] as Tensor
}
