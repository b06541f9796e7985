// softmax_cross_entropy       loss = mean over n of (log sum_t exp(logits[n,t]) - logits[n, labels[n]]), in nats; the
//                             sum is taken about the row's maximum, per row in float32, over rows in float64.
//                             errors, on request: how many rows have their first maximum elsewhere.
// softmax_cross_entropy_grad  g = (softmax(logits) - onehot(labels)) / N
// mse       loss = mean over all elements of (y - target)^2, the sum in float64;  mse_grad  g = 2 (y - target) / count
// A label outside [0, T) is a DataError when the queue reaches it (labels live on the device). Repeatable to the bit.
#pragma once
#include "ops/contract.h"

namespace striate::op {

struct SoftmaxCrossEntropy {
  static constexpr const char* signature = "logits f32 [N,T], labels i32 [N] -> loss f32 [1], errors? i32 [1]";
  using Options = NoOptions;
  static void options(OptionVisitor&, Options&) {}
  static void infer(Shapes&, const Options&) {}
};

struct SoftmaxCrossEntropyGrad : SoftmaxCrossEntropy {
  static constexpr const char* signature = "logits f32 [N,T], labels i32 [N] -> g f32 [N,T]";
};

struct Mse {
  static constexpr const char* signature = "y f32 [...], target f32 [...] -> loss f32 [1]";
  using Options = NoOptions;
  static void options(OptionVisitor&, Options&) {}
  static void infer(Shapes&, const Options&) {}
};

struct MseGrad : Mse {
  static constexpr const char* signature = "y f32 [...], target f32 [...] -> g f32 [...]";
};

}  // namespace striate::op
