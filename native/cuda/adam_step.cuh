// One step of Adam on one weight, shared by adam, adamw and readout_learn.
#pragma once
#include "cuda/launch.cuh"
#include "ops/optimiser.h"

namespace striate::cuda {

/// w = kept w - rate m / (sqrt(v) root + epsilon)
struct AdamStep : op::AdamConstants {
  using AdamConstants::AdamConstants;

  __device__ __forceinline__ void operator()(float& w, float& m, float& v, float g) const {
    g = decay * w + g;
    m = beta1 * m + rest1 * g;
    v = beta2 * v + rest2 * g * g;
    w = kept * w - rate * m / (sqrtf(v) * root + epsilon);
  }
};

}  // namespace striate::cuda
