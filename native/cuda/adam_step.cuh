// One step of Adam on one weight, shared by adam and readout_learn.
#pragma once
#include <cmath>

#include "cuda/launch.cuh"

namespace striate::cuda {

/// w -= rate m / (sqrt(v) root + epsilon), with rate = learningRate / (1 - beta1^t) and root = 1 / sqrt(1 - beta2^t)
/// from float64.
struct AdamStep {
  float rate, root, beta1, rest1, beta2, rest2, epsilon, decay;

  template <class Options>
  AdamStep(const Options& o, double learning_rate, int64_t step)
      : rate(static_cast<float>(learning_rate / (1 - std::pow(o.beta1, static_cast<double>(step))))),
        root(static_cast<float>(1 / std::sqrt(1 - std::pow(o.beta2, static_cast<double>(step))))),
        beta1(static_cast<float>(o.beta1)),
        rest1(static_cast<float>(1 - o.beta1)),
        beta2(static_cast<float>(o.beta2)),
        rest2(static_cast<float>(1 - o.beta2)),
        epsilon(static_cast<float>(o.epsilon)),
        decay(static_cast<float>(o.weight_decay)) {}

  __device__ __forceinline__ void operator()(float& w, float& m, float& v, float g) const {
    g = decay * w + g;
    m = beta1 * m + rest1 * g;
    v = beta2 * v + rest2 * g * g;
    w -= rate * m / (sqrtf(v) * root + epsilon);
  }
};

}  // namespace striate::cuda
