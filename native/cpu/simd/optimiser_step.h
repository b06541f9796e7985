// One step of Adam on a vector of weights, shared by adam and readout_learn. Included after simd/vmath.h.
#pragma once
#include <cmath>

#include "cpu/simd/vmath.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

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

  STRIATE_INLINE void operator()(float* w, float* m, float* v, vf g) const {
    const vf weight = vload(w);
    g = vfma(vspread(decay), weight, g);
    const vf mean = vfma(vspread(beta1), vload(m), vspread(rest1) * g);
    const vf square = vfma(vspread(beta2), vload(v), vspread(rest2) * g * g);
    vstore(m, mean);
    vstore(v, square);
    vstore(w, weight - vspread(rate) * mean / vfma(vsqrt(square), vspread(root), vspread(epsilon)));
  }
  /// The last `count` < kLanes weights.
  void tail(float* w, float* m, float* v, const float* g, int64_t count) const {
    float part[4][kLanes] = {};
    const size_t bytes = static_cast<size_t>(count) * sizeof(float);
    std::memcpy(part[0], w, bytes);
    std::memcpy(part[1], m, bytes);
    std::memcpy(part[2], v, bytes);
    std::memcpy(part[3], g, bytes);
    (*this)(part[0], part[1], part[2], vload(part[3]));
    std::memcpy(w, part[0], bytes);
    std::memcpy(m, part[1], bytes);
    std::memcpy(v, part[2], bytes);
  }
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS
