// ops/conv2d.h
#include "cuda/kernels.cuh"

namespace striate::cuda {

void conv2d(core::Context&, const core::View*, core::View*, const op::Conv2d::Options&) {
  throw core::Error(core::ErrorKind::option, "conv2d", "device", "not written yet", "a kernel");
}

void conv2d_grad(core::Context&, const core::View*, core::View*, const op::Conv2dGrad::Options&) {
  throw core::Error(core::ErrorKind::option, "conv2d_grad", "device", "not written yet", "a kernel");
}

}  // namespace striate::cuda
