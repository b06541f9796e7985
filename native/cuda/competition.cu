// ops/competition.h
#include "cuda/kernels.cuh"

namespace striate::cuda {

void competition(core::Context&, const core::View*, core::View*, const op::Competition::Options&) {
  throw core::Error(core::ErrorKind::option, "competition", "device", "not written yet", "a kernel");
}

}  // namespace striate::cuda
