// The barrier of a whole grid. A header of its own: what CUDA includes for it takes longer to compile than most kernels.
#pragma once
#include "cuda/launch.cuh"

#if !defined(STRIATE_CUDA_SIM)
#include <cooperative_groups.h>
#endif

namespace striate::cuda {

/// Waits for every thread of a cooperative launch; what they wrote before is visible after.
__device__ __forceinline__ void grid_sync() {
#if defined(STRIATE_CUDA_SIM)
  cuda_on_cpu::grid_barrier({__FILE__, __LINE__});
#else
  cooperative_groups::this_grid().sync();
#endif
}

}  // namespace striate::cuda
