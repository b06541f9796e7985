// One step of an optimiser on a vector of weights: Adam, shared by adam, adamw and readout_learn, and gradient descent
// with momentum. Included after simd/vmath.h.
#pragma once
#include "ops/optimiser.h"

#include "cpu/simd/vmath.h"

namespace striate::cpu::STRIATE_SIMD_NS {
namespace {

/// w = kept w - rate m / (sqrt(v) root + epsilon)
struct AdamStep : op::AdamConstants {
  using AdamConstants::AdamConstants;

  STRIATE_INLINE void operator()(float* w, float* m, float* v, vf g) const {
    const vf weight = vload(w);
    g = vfma(vspread(decay), weight, g);
    const vf mean = vfma(vspread(beta1), vload(m), vspread(rest1) * g);
    const vf square = vfma(vspread(beta2), vload(v), vspread(rest2) * g * g);
    vstore(m, mean);
    vstore(v, square);
    const vf update = vspread(rate) * mean / vfma(vsqrt(square), vspread(root), vspread(epsilon));
    vstore(w, vspread(kept) * weight - update);
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

/// w -= rate (nesterov ? g + momentum m : m), after m = momentum m + g
struct SgdStep {
  float rate, momentum, decay;
  bool nesterov;

  STRIATE_INLINE void operator()(float* w, float* m, vf g) const {
    const vf weight = vload(w);
    g = vfma(vspread(decay), weight, g);
    const vf mean = vfma(vspread(momentum), vload(m), g);
    vstore(m, mean);
    const vf along = nesterov ? vfma(vspread(momentum), mean, g) : mean;
    vstore(w, vfma(vspread(-rate), along, weight));
  }
  /// The last `count` < kLanes weights.
  void tail(float* w, float* m, const float* g, int64_t count) const {
    float part[3][kLanes] = {};
    const size_t bytes = static_cast<size_t>(count) * sizeof(float);
    std::memcpy(part[0], w, bytes);
    std::memcpy(part[1], m, bytes);
    std::memcpy(part[2], g, bytes);
    (*this)(part[0], part[1], vload(part[2]));
    std::memcpy(w, part[0], bytes);
    std::memcpy(m, part[1], bytes);
  }
};

}  // namespace
}  // namespace striate::cpu::STRIATE_SIMD_NS
