// ops/gather.h
#include "cuda/kernels.cuh"

namespace striate::cuda {

void gather_images(core::Context&, const core::View*, core::View*, const op::GatherImages::Options&) {
  throw core::Error(core::ErrorKind::option, "gather_images", "device", "not written yet", "a kernel");
}

void gather_patches(core::Context&, const core::View*, core::View*, const op::GatherPatches::Options&) {
  throw core::Error(core::ErrorKind::option, "gather_patches", "device", "not written yet", "a kernel");
}

}  // namespace striate::cuda
