// Declares every op's CUDA kernel from the table.
#pragma once
#include "cuda/launch.cuh"
#include "ops/table.h"

namespace striate::cuda {
#define STRIATE_DECLARE(name, Contract) \
  void name(core::Context&, const core::View* in, core::View* out, const op::Contract::Options& options);
STRIATE_OPS(STRIATE_DECLARE)
#undef STRIATE_DECLARE
}  // namespace striate::cuda
