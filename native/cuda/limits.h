// The measured limits of a GPU (limits.cu).
#pragma once
#include "core/backend.h"
#include "cuda/device.cuh"

namespace striate::cuda {

/// Each for about `seconds`, on the device's stream.
core::Limits measure_limits(const Device& device, double seconds);

}  // namespace striate::cuda
