// ops/conv2d.h
#include "cpu/kernels.h"
#include "cpu/simd/begin.h"
#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {

void conv2d(core::Context&, const core::View*, core::View*, const op::Conv2d::Options&) {
  throw core::Error(core::ErrorKind::option, "conv2d", "device", "not written yet", "a kernel");
}

void conv2d_grad(core::Context&, const core::View*, core::View*, const op::Conv2dGrad::Options&) {
  throw core::Error(core::ErrorKind::option, "conv2d_grad", "device", "not written yet", "a kernel");
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
