import { callOp, type Tensor } from '../tensor.js'

/**
 * Mean softmax cross-entropy in nats, and the number of rows whose first maximum is not the label.
 * @param logits [N,T]
 * @param labels i32 [N], 0 to T - 1; any other makes the next read reject with a DataError
 */
export function softmaxCrossEntropy(logits: Tensor, labels: Tensor): { loss: Tensor; errors: Tensor } {
  const [loss, errors] = callOp('softmax_cross_entropy', [logits, labels], {}, ['errors'])
  return { loss: loss as Tensor, errors: errors as Tensor }
}

/** Gradient of the mean loss for the logits: (softmax - onehot) / N. */
export function softmaxCrossEntropyGrad(logits: Tensor, labels: Tensor): Tensor {
  return callOp('softmax_cross_entropy_grad', [logits, labels])[0] as Tensor
}

/** Mean squared error over all elements, [1]. */
export function mse(y: Tensor, target: Tensor): Tensor {
  return callOp('mse', [y, target])[0] as Tensor
}

/** Gradient of {@link mse} for y: 2 (y - target) / count. */
export function mseGrad(y: Tensor, target: Tensor): Tensor {
  return callOp('mse_grad', [y, target])[0] as Tensor
}
