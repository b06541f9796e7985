// ops/batch_norm.h
#include "cpu/kernels.h"
#include "cpu/simd/begin.h"
#include "cpu/simd/vec.h"

namespace striate::cpu::STRIATE_SIMD_NS {

void batch_norm(core::Context&, const core::View*, core::View*, const op::BatchNorm::Options&) {
  throw core::Error(core::ErrorKind::option, "batch_norm", "device", "not written yet", "a kernel");
}

void batch_norm_grad(core::Context&, const core::View*, core::View*, const op::BatchNormGrad::Options&) {
  throw core::Error(core::ErrorKind::option, "batch_norm_grad", "device", "not written yet", "a kernel");
}

}  // namespace striate::cpu::STRIATE_SIMD_NS
#include "cpu/simd/end.h"
